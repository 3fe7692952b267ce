/*
 * A machine under test, watched by machine_rules.h: events by hand, states by
 * name, and the columns of the golden matrix.
 */
#ifndef MACHINE_RIG_H
#define MACHINE_RIG_H

#include "../fuzz/machine_rules.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define CREATED                                                    \
    "{\"certificateId\":\"" ID "\",\"certificatePem\":\"PEM\\n\"," \
    "\"certificateOwnershipToken\":\"t/o+k=\"}"
#define CREATED_KEY                                                \
    "{\"certificateId\":\"" ID "\",\"certificatePem\":\"PEM\\n\"," \
    "\"privateKey\":\"SECRET\\n\",\"certificateOwnershipToken\":\"t/o+k=\"}"
#define REGISTERED \
    "{\"deviceConfiguration\":{\"a\":\"b\"},\"thingName\":\"thing-1\"}"
#define REJECTED(status, code)                         \
    "{\"statusCode\":" status ",\"errorCode\":\"" code \
    "\",\"errorMessage\":\"why\"}"
#define BAD_TOKEN REJECTED("400", "InvalidCertificateOwnershipToken")
#define CREATE "$aws/certificates/create-from-csr/json"
#define CREATE_KEYS "$aws/certificates/create/json"
#define REGISTER "$aws/provisioning-templates/fleet/provision/json"
#define START_MS 5000u

struct rig {
    struct imprint_config config;
    struct imprint machine;
    struct imprint_action action;
    struct rules rules;
    uint64_t now_ms;
    uint8_t work[IMPRINT_WORK_LEN];
};

enum rig_state {
    NEW,
    JOIN,
    SUBSCRIBE,
    CREATE_EARLY,
    CREATE_ASKED,
    CREATE_LAST,
    STAGE_CERT,
    REGISTER_EARLY,
    REGISTER_ASKED,
    REGISTER_LAST,
    STAGE_NAME,
    PROVE,
    RESUME,
    COMMIT,
    REST_JOIN,
    REST_PROVE,
    REST_RESUME,
    STOPPED,
    STATES
};

extern const char *const rig_state_names[STATES];
extern const char *const rig_action_names[];

/* A good configuration, JSON and CSR; change it, then begin. */
void rig_prepare(struct rig *rig);

/* As if an earlier run had staged an identity. */
void rig_stage_earlier(struct rig *rig, uint32_t token_left_ms);
void rig_begin(struct rig *rig);

struct imprint_event rig_make(enum imprint_event_kind kind, uint32_t id);
void rig_feed(struct rig *rig, const struct imprint_event *event);

/* A tick at the deadline. */
void rig_due(struct rig *rig);
void rig_connected(struct rig *rig);
void rig_disconnected(struct rig *rig, bool refused);
void rig_granted(struct rig *rig);
void rig_message(struct rig *rig, const char *topic, const char *payload);
void rig_saved(struct rig *rig);

/* Answers every action as a good service and a good disk would. */
void rig_answer(struct rig *rig);

void rig_expect(struct rig *rig, int state, enum imprint_action_kind kind);
bool rig_slice_is(struct imprint_slice slice, const char *text);

/* Prepares, begins, and goes the shortest way into a state. */
void rig_reach(struct rig *rig, int state);

/* ---- the golden matrix ---- */

struct column {
    const char *name;
    enum imprint_event_kind kind;
    bool flag; /* due, refused, ungranted */
    const char *topic;
    const char *payload;
};

#define RIG_COLUMN_COUNT 19
extern const struct column rig_columns[RIG_COLUMN_COUNT];

/* Feeds the event; right: with the id that it should have. */
void rig_drive(struct rig *rig, const struct column *column, bool right);

#endif
