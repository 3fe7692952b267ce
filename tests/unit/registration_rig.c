#include "registration_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint/catalog.h"

#define TEXT_LEN 8192

int desk_set_up(void **state)
{
    struct desk *desk = calloc(1, sizeof(*desk));

    assert_non_null(desk);
    assert_int_equal(rig_set_up((void **)&desk->rig), 0);
    imprint_rules_read(&desk->rules, desk->rig->registry, true);
    desk->faults = imprint_fault_new();
    assert_non_null(desk->faults);
    *state = desk;
    return 0;
}

int desk_tear_down(void **state)
{
    struct desk *desk = *state;
    int status;

    imprint_provision_free(desk->last);
    imprint_fault_free(desk->faults);
    imprint_templates_free(&desk->templates);
    free(desk->before);
    status = rig_tear_down((void **)&desk->rig);
    free(desk);
    return status;
}

/* ---- what there is ---- */

static const char *or_none(const char *text)
{
    return text ? text : "";
}

void desk_put_template(struct desk *desk, const struct desk_template *template)
{
    char thing[TEXT_LEN / 2];
    char document[TEXT_LEN];
    struct imprint_catalog_template put = {
        .name = template->name,
        .document = document,
        .hook = template->hook,
        .is_enabled = !template->is_disabled,
    };

    (void)snprintf(thing, sizeof(thing),
                   "\"thing\":{\"Type\":\"AWS::IoT::Thing\",\"Properties\":{"
                   "\"ThingName\":{\"Ref\":\"SN\"}%s}%s},",
                   or_none(template->properties), or_none(template->overrides));
    (void)snprintf(
        document, sizeof(document),
        "{\"Parameters\":{\"SN\":{\"Type\":\"String\"},"
        "\"Color\":{\"Type\":\"String\",\"Default\":\"red\"}},"
        "\"Resources\":{%s\"certificate\":{\"Type\":\"AWS::IoT::Certificate\","
        "\"Properties\":{\"CertificateId\":{\"Ref\":"
        "\"AWS::IoT::Certificate::Id\"}%s}%s}%s},"
        "\"DeviceConfiguration\":{\"color\":{\"Ref\":\"Color\"}}}",
        template->has_no_thing ? "" : thing, or_none(template->certificate),
        or_none(template->status), or_none(template->policy));
    rig_ok(imprint_catalog_put_template(desk->rig->registry, &put));
}

void desk_put_policy(struct desk *desk, const char *name)
{
    rig_ok(imprint_catalog_put_policy(
        desk->rig->registry, name,
        "{\"Version\":\"2012-10-17\",\"Statement\":[]}"));
}

void desk_put_group(struct desk *desk, const char *name)
{
    rig_ok(imprint_catalog_put_name(desk->rig->registry,
                                    IMPRINT_CATALOG_THING_GROUP, name));
}

void desk_put_setting(struct desk *desk, const char *name, const char *value)
{
    rig_ok(imprint_registry_put_setting(desk->rig->registry, name, value));
    imprint_rules_read(&desk->rules, desk->rig->registry, false);
}

void desk_create(struct desk *desk, const char *id)
{
    uint8_t hash[IMPRINT_AUTHORITY_DIGEST_LEN];

    rig_put(desk->rig->registry, id, IMPRINT_REGISTRY_PENDING);
    imprint_authority_digest(imprint_slice_text(id), hash);
    rig_ok(imprint_registry_put_token(desk->rig->registry, hash, id,
                                      imprint_rules_now(&desk->rules) + 3600));
}

/* ---- requests ---- */

/* As service.c does it. */
static void store(struct desk *desk)
{
    struct imprint_provision provision = {
        .registry = desk->rig->registry,
        .rules = &desk->rules,
        .faults = desk->faults,
        .templates = &desk->templates,
    };
    struct imprint_registry *registry = desk->rig->registry;
    enum imprint_status status = IMPRINT_ERR_INTERNAL;

    free(desk->before);
    desk->before = rig_dump(desk->rig);
    rig_ok(imprint_registry_begin(registry));
    rig_ok(imprint_registry_mark(registry));
    if (desk->last->rejection.status_code == 0)
        status = imprint_provision_store(&provision, desk->last);
    if (status != IMPRINT_OK && desk->last->rejection.status_code == 0 &&
        desk->last->lack == IMPRINT_PROVISION_NOTHING)
        fail_msg("%d: %s", status, imprint_registry_problem(registry));
    rig_ok(imprint_registry_unmark(registry, status == IMPRINT_OK));
    rig_ok(imprint_registry_commit(registry));
}

struct imprint_provision_request *desk_register(struct desk *desk,
                                                const char *template_name,
                                                const char *token,
                                                const char *parameters)
{
    struct imprint_provision provision = {.registry = NULL};
    struct imprint_topic topic = {
        .operation = IMPRINT_OP_REGISTER,
        .outcome = IMPRINT_OUT_REQUEST,
        .encoding = IMPRINT_ENC_JSON,
        .template_name = imprint_slice_text(template_name),
    };
    char payload[TEXT_LEN];

    (void)snprintf(payload, sizeof(payload),
                   "{\"certificateOwnershipToken\":\"%s\",\"parameters\":%s}",
                   token, parameters);
    imprint_provision_free(desk->last);
    desk->last = imprint_provision_new(&topic, imprint_slice_text(payload));
    assert_non_null(desk->last);
    (void)snprintf(desk->last->client_id, sizeof(desk->last->client_id),
                   "client");
    (void)snprintf(desk->last->claim_id, sizeof(desk->last->claim_id),
                   "claim-id");
    (void)snprintf(desk->last->claim, sizeof(desk->last->claim), "batch");
    imprint_provision_sign(&provision, desk->last);
    store(desk);
    return desk->last;
}

struct imprint_provision_request *desk_answer(struct desk *desk,
                                              enum imprint_hook_outcome outcome,
                                              const char *answer)
{
    struct imprint_provision_request *request = desk->last;

    assert_int_equal(request->lack, IMPRINT_PROVISION_HOOK);
    assert_non_null(request->hook);
    request->lack = IMPRINT_PROVISION_NOTHING;
    request->hook->outcome = outcome;
    if (outcome == IMPRINT_HOOK_ANSWERED) {
        request->hook->answer = strdup(answer);
        assert_non_null(request->hook->answer);
        request->hook->answer_len = strlen(answer);
    } else {
        (void)snprintf(request->hook->problem, sizeof(request->hook->problem),
                       "%s", answer);
    }
    store(desk);
    return request;
}

/* ---- what came of it ---- */

void desk_check_accepted(const struct imprint_provision_request *request)
{
    if (request->rejection.status_code != 0)
        fail_msg("%u %s: %s", (unsigned)request->rejection.status_code,
                 request->rejection.code, request->rejection.message);
    assert_int_equal(request->lack, IMPRINT_PROVISION_NOTHING);
    assert_non_null(request->reply);
}

void desk_check_rejected(struct desk *desk,
                         const struct imprint_provision_request *request,
                         uint32_t status_code, const char *code,
                         const char *word)
{
    char *after = rig_dump(desk->rig);

    if (request->rejection.status_code != status_code)
        fail_msg("%u: %s", (unsigned)request->rejection.status_code,
                 request->rejection.message);
    assert_string_equal(request->rejection.code, code);
    if (!strstr(request->rejection.message, word))
        fail_msg("%s", request->rejection.message);
    assert_string_equal(desk->before, after);
    free(after);
}

void desk_check_rows(struct desk *desk, const char *sql, const char *expected)
{
    char *rows = rig_ask(desk->rig, sql);

    assert_string_equal(rows, expected);
    free(rows);
}
