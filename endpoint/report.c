#include "report.h"

#include "posix/why.h"
#include "sql.h"

static const char *const names[IMPRINT_REPORT_KIND_COUNT] = {
    [IMPRINT_REPORT_PENDING] = "pending",
    [IMPRINT_REPORT_BARE_THING] = "bare-thing",
    [IMPRINT_REPORT_NEVER_SEEN] = "never-connected",
    [IMPRINT_REPORT_SECOND] = "second",
};

const char *imprint_report_name(enum imprint_report_kind kind)
{
    return names[kind];
}

static enum imprint_status each_of(
    struct imprint_registry *registry, enum imprint_report_kind kind,
    void (*each)(void *user, const struct imprint_report_item *item),
    void *user)
{
    struct imprint_sql *row = imprint_sql_ready(
        registry, SQL_REPORT_PENDING + (enum imprint_sql_name)kind);
    enum imprint_status status;

    while ((status = imprint_sql_step(row)) == IMPRINT_OK) {
        const char *id = imprint_sql_text(row, 0);
        const char *thing = imprint_sql_text(row, 1);
        struct imprint_report_item item = {
            .kind = kind,
            .certificate_id = id ? id : "",
            .thing = thing ? thing : "",
            .created = imprint_sql_number(row, 2),
        };

        each(user, &item);
    }
    return imprint_sql_end(row, status);
}

enum imprint_status imprint_report_each(
    const char *dir,
    void (*each)(void *user, const struct imprint_report_item *item),
    void *user, struct imprint_why *why)
{
    struct imprint_registry *registry;
    enum imprint_status status =
        imprint_registry_open(dir, IMPRINT_REGISTRY_READ, &registry, why);
    int kind;

    if (status != IMPRINT_OK)
        return status;
    for (kind = 0; kind < IMPRINT_REPORT_KIND_COUNT && status == IMPRINT_OK;
         kind++)
        status = each_of(registry, (enum imprint_report_kind)kind, each, user);
    if (status != IMPRINT_OK)
        (void)imprint_why_set(why, status, "%s",
                              imprint_registry_problem(registry));
    imprint_registry_close(registry);
    return status;
}
