/*
 * Events as bytes: each byte picks a kind, whether the id is right, and how
 * much time passes. The promises are in machine_rules.h.
 */
#include "machine_rules.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define PEM "-----BEGIN CERTIFICATE-----\\nAA==\\n-----END CERTIFICATE-----\\n"

static const char *const topics[] = {
    "$aws/certificates/create-from-csr/json/accepted",
    "$aws/certificates/create-from-csr/json/rejected",
    "$aws/provisioning-templates/fleet/provision/json/accepted",
    "$aws/provisioning-templates/fleet/provision/json/rejected",
    "$aws/certificates/create/json/accepted",
    "$aws/provisioning-templates/other/provision/json/accepted",
    "$aws/certificates/create-from-csr/cbor/accepted",
    "else",
};

static const char *const payloads[] = {
    "{\"certificateId\":\"" ID "\",\"certificatePem\":\"" PEM
    "\",\"certificateOwnershipToken\":\"t/o+k=\"}",
    "{\"thingName\":\"thing-1\",\"deviceConfiguration\":{\"a\":\"b\"}}",
    "{\"statusCode\":400,\"errorCode\":\"InvalidParameters\","
    "\"errorMessage\":\"no\"}",
    "{\"statusCode\":429,\"errorCode\":\"Throttled\",\"errorMessage\":\"\"}",
    "{\"statusCode\":400,\"errorCode\":\"InvalidCertificateOwnershipToken\","
    "\"errorMessage\":\"\"}",
    "{\"statusCode\":500,\"errorCode\":\"InternalFailure\","
    "\"errorMessage\":\"\"}",
    "{}",
    "[",
};

/* Which ids are right depends on what was done; guess among the recent. */
static uint32_t pick_id(const struct rules *rules, uint8_t byte)
{
    switch (byte & 3) {
    case 0:
        return rules->last_id;
    case 1:
        return rules->connect_id;
    case 2:
        return rules->connect_id + 1;
    default:
        return rules->last_id + (uint32_t)(byte >> 2);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static uint8_t work[IMPRINT_WORK_LEN];
    struct imprint_config config;
    struct imprint machine;
    struct imprint_action action;
    struct rules rules;
    uint64_t now_ms = 1000;
    size_t i;

    if (len < 2)
        return 0;
    memset(&config, 0, sizeof(config));
    config.format = &imprint_json_format;
    config.flow = &imprint_flow_csr;
    config.template_name = imprint_slice_text("fleet");
    config.csr_pem = imprint_slice_text("csr");
    config.work = work;
    config.work_len = bytes[0] & 1 ? sizeof(work) : (size_t)bytes[1] * 4;
    config.seed = bytes[1];
    config.timing.attempts_max = bytes[0] >> 5;
    if (bytes[0] & 2) {
        config.staged.certificate_id = imprint_slice_text(ID);
        config.staged.token = imprint_slice_text(bytes[0] & 4 ? "token" : "");
        config.staged_token_left_ms = bytes[0] & 8 ? 600000 : 0;
    }
    if (imprint_init(&machine, &config))
        return 0;
    rules_start(&rules, &config);
    for (i = 2; i + 1 < len; i += 2) {
        struct imprint_event event;

        memset(&event, 0, sizeof(event));
        event.kind = (enum imprint_event_kind)(bytes[i] % 7);
        event.id = pick_id(&rules, bytes[i + 1]);
        event.refused = (bytes[i] & 0x80) != 0;
        event.ungranted = bytes[i] & 0x40 ? 2 : IMPRINT_ALL_GRANTED;
        event.status = IMPRINT_ERR_STORAGE;
        event.topic = imprint_slice_text(topics[bytes[i] >> 5]);
        event.payload = imprint_slice_text(payloads[bytes[i + 1] >> 5]);
        if (event.kind == IMPRINT_EV_TICK)
            now_ms += (uint64_t)bytes[i + 1] << (bytes[i] >> 4);
        rules_step(&rules, &machine, &event, now_ms, &action);
    }
    imprint_wipe(&machine);
    for (i = 0; i < config.work_len; i++)
        RULE(work[i] == 0);
    return 0;
}
