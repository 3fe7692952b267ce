/*
 * Any bytes as a template: what the check lets through, parse takes, and
 * applying it ends with names that AWS takes, or with a reason.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "aws/name.h"
#include "aws/template.h"

static void apply(const struct imprint_template *template, const char *value)
{
    static const char *const names[] = {"A", "SerialNumber", "DeviceLocation"};
    struct imprint_pair pairs[3];
    struct imprint_template_parameters parameters = {
        .certificate_id = imprint_slice_text("0123456789abcdef"),
        .pairs = pairs,
        .pair_count = 3,
    };
    struct imprint_template_plan plan;
    struct imprint_template_thing after;
    struct imprint_why why = {"", ""};

    for (size_t i = 0; i < 3; i++) {
        pairs[i].name = imprint_slice_text(names[i]);
        pairs[i].value = imprint_slice_text(value);
    }
    if (imprint_template_apply(template, &parameters, &plan, &why) !=
        IMPRINT_OK) {
        if (!why.text[0])
            abort();
        return;
    }
    if (plan.thing.name) {
        const struct imprint_template_thing existing = {.name =
                                                            plan.thing.name};

        if (!imprint_name_thing_ok(plan.thing.name))
            abort();
        if (imprint_template_override(&plan, &existing, &after, &why) !=
                IMPRINT_OK &&
            !why.text[0])
            abort();
    }
    imprint_template_free_plan(&plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    const struct imprint_slice text = imprint_slice_of(bytes, len);
    struct imprint_findings findings = {.count = 0};
    struct imprint_template *template = NULL;
    struct imprint_why why = {"", ""};
    enum imprint_status status;

    imprint_template_check(text, false, &findings);
    imprint_finding_sort(&findings);
    status = imprint_template_parse(text, &template, &why);
    if ((status == IMPRINT_OK) != (findings.error_count == 0))
        abort();
    imprint_finding_free(&findings);
    if (status != IMPRINT_OK)
        return 0;
    apply(template, "Seattle");
    apply(template, "a,b,c");
    apply(template, "1");
    imprint_template_free(template);
    return 0;
}
