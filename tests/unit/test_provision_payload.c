/* Which member of a payload is to blame for InvalidPayload. */
#include "endpoint_rig.h"

#include <string.h>

/* The member that is wrong has its name in the message. */
static void test_payload_blame(void **state)
{
    static const struct {
        const char *topic;
        const char *payload;
        const char *message;
    } cases[] = {
        {"$aws/certificates/create-from-csr/json", "{\"a\":1}x",
         "not one JSON object"},
        {"$aws/certificates/create-from-csr/cbor", "\xa1", "not one CBOR map"},
        {"$aws/certificates/create-from-csr/json", "{\"a\":1}",
         "certificateSigningRequest\\\" is missing"},
        {"$aws/certificates/create-from-csr/json",
         "{\"certificateSigningRequest\":1}",
         "certificateSigningRequest\\\" must be a text"},
        {"$aws/provisioning-templates/fleet/provision/json",
         "{\"parameters\":{}}", "certificateOwnershipToken\\\" is missing"},
        {"$aws/provisioning-templates/fleet/provision/json",
         "{\"certificateOwnershipToken\":null,\"parameters\":{}}",
         "certificateOwnershipToken\\\" must be a text"},
        {"$aws/provisioning-templates/fleet/provision/json",
         "{\"parameters\":{\"a\":1},\"certificateOwnershipToken\":\"a\"}",
         "parameters\\\" must be an object of texts"},
        {"$aws/provisioning-templates/fleet/provision/cbor",
         "\xa2\x78\x19"
         "certificateOwnershipToken"
         "\x61"
         "a"
         "\x6a"
         "parameters"
         "\x01",
         "parameters\" must be an object of texts"},
    };
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session =
        fixture_connect_claim(fixture, "imprint-1");
    static struct reply reply;
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        fixture_ask(fixture, session, cases[i].topic,
                    imprint_slice_text(cases[i].payload), &reply);
        if (!memmem(reply.payload, reply.len, cases[i].message,
                    strlen(cases[i].message)))
            fail_msg("%.*s: no %s", (int)reply.len, reply.payload,
                     cases[i].message);
    }
    imprint_endpoint_leave(fixture->endpoint, session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_payload_blame, fixture_set_up,
                                        fixture_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
