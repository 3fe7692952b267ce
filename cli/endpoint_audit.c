#include <stdio.h>
#include <string.h>

#include "endpoint/audit.h"
#include "endpoint_order.h"
#include "list.h"
#include "posix/json.h"
#include "posix/why.h"

/* The digest is for who keeps it elsewhere: a log that was cut off at its end
 * has another one. */
enum imprint_status imprint_endpoint_audit(
    const struct imprint_endpoint_order *order, struct imprint_why *why)
{
    struct imprint_audit_state state;
    struct imprint_json *object;
    enum imprint_status status;

    if (strcmp(order->operands[0], "verify") != 0) {
        imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                        "\"imprint endpoint audit\" takes verify, not \"%s\"",
                        order->operands[0]);
        return IMPRINT_ERR_SETTINGS;
    }
    status = imprint_audit_verify(order->dir, &state, why);
    if (status == IMPRINT_ERR_REFUSED)
        imprint_why_hint(why, "what is before that line is as it was written");
    if (status != IMPRINT_OK)
        return status;
    if (!order->json) {
        (void)printf("%zu entries, the last one %s\n", state.count,
                     state.digest);
        return IMPRINT_OK;
    }
    object = imprint_json_new();
    return imprint_list_print(
        object,
        object &&
            imprint_json_put_number(object, "count", (int64_t)state.count) &&
            imprint_json_put_text(object, "digest", state.digest),
        why);
}
