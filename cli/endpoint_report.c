#include "endpoint/report.h"

#include <inttypes.h>
#include <stdio.h>

#include "endpoint_clock.h"
#include "endpoint_order.h"
#include "list.h"
#include "posix/json.h"
#include "posix/why.h"

struct listing {
    bool json;
    int64_t now;
    size_t counts[IMPRINT_REPORT_KIND_COUNT];
    struct imprint_list list;
};

/* "5 min": the largest unit that there is more than one of. */
static void write_age(int64_t age_s, char text[32])
{
    static const struct {
        int64_t seconds;
        const char *name;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    size_t i = 0;

    age_s = age_s > 0 ? age_s : 0;
    while (i < 3 && age_s < 2 * units[i].seconds)
        i++;
    (void)snprintf(text, 32, "%" PRId64 " %s", age_s / units[i].seconds,
                   units[i].name);
}

static void show_item(void *user, const struct imprint_report_item *item)
{
    struct listing *listing = user;
    const char *id = item->certificate_id;
    const char *thing = item->thing;
    int64_t age_s = listing->now - item->created;
    struct imprint_json *object;
    bool is_whole;
    char age[32];

    listing->counts[item->kind]++;
    if (!listing->json) {
        write_age(age_s, age);
        (void)printf("%-15s  %-64s  %-16s  %s\n",
                     imprint_report_name(item->kind), id[0] ? id : "-",
                     thing[0] ? thing : "-", age);
        return;
    }
    object = imprint_json_new();
    is_whole =
        object &&
        imprint_json_put_text(object, "kind",
                              imprint_report_name(item->kind)) &&
        imprint_json_put_text(object, "certificateId", id[0] ? id : NULL) &&
        imprint_json_put_text(object, "thingName", thing[0] ? thing : NULL) &&
        imprint_json_put_number(object, "created", item->created) &&
        imprint_json_put_number(object, "age", age_s);
    imprint_list_put(&listing->list, object, is_whole);
}

/* "3 are not in use: 1 pending, 2 bare-thing". */
static enum imprint_status judge(const struct listing *listing,
                                 struct imprint_why *why)
{
    char parts[256] = "";
    size_t len = 0;
    size_t sum = 0;

    for (size_t i = 0; i < IMPRINT_REPORT_KIND_COUNT; i++) {
        if (listing->counts[i] == 0)
            continue;
        len +=
            (size_t)snprintf(parts + len, sizeof(parts) - len, "%s%zu %s",
                             sum ? ", " : "", listing->counts[i],
                             imprint_report_name((enum imprint_report_kind)i));
        sum += listing->counts[i];
    }
    if (sum == 0)
        return IMPRINT_OK;
    imprint_why_set(why, IMPRINT_ERR_REFUSED, "made and not in use: %s", parts);
    imprint_why_hint(why, "\"imprint endpoint delete --force WHICH\" deletes "
                          "certificates, \"delete thing/NAME\" a bare thing");
    return IMPRINT_ERR_REFUSED;
}

enum imprint_status imprint_endpoint_report(
    const struct imprint_endpoint_order *order, struct imprint_why *why)
{
    struct listing listing = {order->json, 0, {0}, {"findings", 0, false}};
    enum imprint_status status =
        imprint_endpoint_clock_now(order->dir, &listing.now, why);

    if (status == IMPRINT_OK)
        status = imprint_report_each(order->dir, show_item, &listing, why);
    if (order->json)
        status = imprint_list_end(&listing.list, status, why);
    return status == IMPRINT_OK ? judge(&listing, why) : status;
}
