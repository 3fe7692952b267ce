/* What the live page shows beside the devices. */
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "rest_local.h"
#include "views.h"

#define DAY_S 86400
#define ROW_MAX_COUNT 200 /* of each list; leaks are all counted */

/* ---- templates and claims ---- */

static bool is_on(const char *column)
{
    return column && strcmp(column, "1") == 0;
}

/* Columns as views.h has them. */
static void add_template(void *user, const char *const *columns)
{
    struct imprint_json *item = imprint_json_new();

    if (!item)
        return;
    (void)imprint_json_put_text(item, "name", columns[0]);
    (void)imprint_json_put_text(item, "description", columns[1]);
    (void)imprint_json_put_bool(item, "enabled", is_on(columns[4]));
    (void)imprint_json_put_text(item, "hook", columns[5]);
    (void)imprint_json_put_number(
        item, "version", columns[8] ? strtoll(columns[8], NULL, 10) : 0);
    (void)imprint_json_add(user, item);
}

struct claims {
    struct imprint_json *list;
    int64_t now;
};

static void add_claim(void *user, const char *const *columns)
{
    const struct claims *claims = user;
    struct imprint_json *item = imprint_json_new();
    int64_t not_after = columns[7] ? strtoll(columns[7], NULL, 10) : 0;

    if (!item)
        return;
    (void)imprint_json_put_text(item, "name", columns[8]);
    (void)imprint_json_put_text(item, "certificate", columns[0]);
    (void)imprint_json_put_text(item, "status", columns[1]);
    (void)imprint_json_put_number(item, "expires", not_after);
    (void)imprint_json_put_number(item, "daysLeft",
                                  (not_after - claims->now) / DAY_S);
    (void)imprint_json_add(claims->list, item);
}

static void add_certificate(void *user, const char *const *columns)
{
    struct imprint_json *item = imprint_json_new();

    if (!item)
        return;
    (void)imprint_json_put_text(item, "id", columns[0]);
    (void)imprint_json_put_text(item, "status", columns[1]);
    (void)imprint_json_put_number(
        item, "created", columns[2] ? strtoll(columns[2], NULL, 10) : 0);
    (void)imprint_json_put_text(item, "claim", columns[8]);
    (void)imprint_json_add(user, item);
}

/* A new list, which is out's. NULL: no memory. */
static struct imprint_json *put_list(struct imprint_json *out, const char *name)
{
    struct imprint_json *list = imprint_json_new_list();

    return list && imprint_json_put_object(out, name, list) ? list : NULL;
}

static bool put_view(struct imprint_registry *registry, enum imprint_view view,
                     void (*each)(void *user, const char *const *columns),
                     void *user)
{
    const struct imprint_views_page page = {.of = "",
                                            .after = "",
                                            .limit = ROW_MAX_COUNT,
                                            .each = each,
                                            .user = user};

    return imprint_views_show(registry, view, &page, NULL) == IMPRINT_OK;
}

/* ---- leaks ---- */

struct leaks {
    struct imprint_json *list;
    int64_t counts[IMPRINT_REPORT_KIND_COUNT];
    int64_t all;
};

static void add_leak(void *user, const struct imprint_report_item *leak)
{
    struct leaks *leaks = user;
    struct imprint_json *item;

    leaks->counts[leak->kind]++;
    if (++leaks->all > ROW_MAX_COUNT)
        return;
    item = imprint_json_new();
    if (!item)
        return;
    (void)imprint_json_put_text(item, "kind", imprint_report_name(leak->kind));
    (void)imprint_json_put_text(item, "certificate", leak->certificate_id);
    (void)imprint_json_put_text(item, "thing", leak->thing);
    (void)imprint_json_put_number(item, "created", leak->created);
    (void)imprint_json_add(leaks->list, item);
}

static bool put_leaks(struct imprint_json *out, const char *dir)
{
    struct leaks leaks = {.list = put_list(out, "leaks")};
    struct imprint_why why = {"", ""};
    bool is_put = leaks.list && imprint_report_each(dir, add_leak, &leaks,
                                                    &why) == IMPRINT_OK;

    for (int kind = 0; is_put && kind < IMPRINT_REPORT_KIND_COUNT; kind++)
        is_put = imprint_json_put_number(
            out, imprint_report_name((enum imprint_report_kind)kind),
            leaks.counts[kind]);
    return is_put;
}

/* ---- the whole ---- */

char *imprint_rest_overview_write(const char *dir,
                                  struct imprint_registry *registry,
                                  int64_t now)
{
    struct imprint_json *out = imprint_json_new();
    struct imprint_json *templates = out ? put_list(out, "templates") : NULL;
    struct imprint_json *certificates =
        out ? put_list(out, "certificates") : NULL;
    struct claims claims = {out ? put_list(out, "claims") : NULL, now};
    char *text = NULL;

    if (templates && certificates && claims.list &&
        put_view(registry, IMPRINT_VIEW_TEMPLATES, add_template, templates) &&
        put_view(registry, IMPRINT_VIEW_CLAIMS, add_claim, &claims) &&
        put_view(registry, IMPRINT_VIEW_CERTIFICATES, add_certificate,
                 certificates) &&
        put_leaks(out, dir))
        text = imprint_json_write_line(out);
    imprint_json_free(out);
    return text;
}
