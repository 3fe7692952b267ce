/*
 * Hooks: programs and URLs that decide about a request, on threads of their
 * own, so that nobody waits for them.
 *
 * A target is "exec:/path", whose standard input is the event and whose
 * standard output is the answer; or an http:// or https:// URL that takes the
 * event by POST as Lambda's Invoke does (RequestResponse; a header
 * X-Amz-Function-Error means that it failed). Neither gets anything else.
 */
#ifndef IMPRINT_ENDPOINT_HOOK_H
#define IMPRINT_ENDPOINT_HOOK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "imprint/slice.h"
#include "imprint/status.h"
#include "imprint/why.h"

#define IMPRINT_HOOK_ANSWER_MAX_LEN 131072

enum imprint_hook_outcome {
    IMPRINT_HOOK_NOT_RUN,
    IMPRINT_HOOK_ANSWERED, /* answer is what it said, whatever that is */
    IMPRINT_HOOK_FAILED,   /* crashed, exit status, HTTP status, no target */
    IMPRINT_HOOK_LATE      /* killed, with all that it started */
};

struct imprint_hook_job {
    char *target; /* these two are the job's own */
    char *event;  /* JSON */
    int64_t timeout_ms;
    const atomic_bool *is_gone; /* nobody waits for it any more; or NULL */
    enum imprint_hook_outcome outcome;
    int64_t took_us;
    char *answer; /* NUL-terminated; free by imprint_hook_free */
    size_t answer_len;
    char problem[IMPRINT_WHY_TEXT_LEN]; /* unless ANSWERED */
    char said[IMPRINT_WHY_TEXT_LEN];    /* if ANSWERED: ": \"...\"" of stderr */
    void *user;
    struct imprint_hook_job *next; /* the owner's */
};

/* Takes target and event over, whatever comes out. NULL: no memory. */
struct imprint_hook_job *imprint_hook_new(char *target, char *event);
/* NULL is fine. */
void imprint_hook_free(struct imprint_hook_job *job);

/* OK: it can be a target. ERR_ARGUMENT says what one looks like. */
IMPRINT_MUST_USE enum imprint_status imprint_hook_check_target(
    const char *target, struct imprint_why *why);

/* False: a program that is not there, or that we may not run. */
bool imprint_hook_is_there(const char *target);

/* Runs it here and now. */
void imprint_hook_run(struct imprint_hook_job *job);

struct imprint_hooks;

/*
 * done is called for every job, which is then the caller's again, on a thread
 * of the hooks': by submit if there can be none, by close if it did not run.
 */
IMPRINT_MUST_USE enum imprint_status imprint_hook_open(
    void (*done)(void *user, struct imprint_hook_job *job), void *user,
    struct imprint_hooks **out, struct imprint_why *why);
/* Kills what runs, gives back what waits, joins. NULL is fine. */
void imprint_hook_close(struct imprint_hooks *hooks);
/*
 * Threads are started as they are needed, at most max_count. A job that waited
 * until nobody waits for it is not run.
 */
void imprint_hook_submit(struct imprint_hooks *hooks,
                         struct imprint_hook_job *job, size_t max_count);

/* ---- pre-provisioning (AWS IoT developer guide, "Pre-provisioning hooks") */

struct imprint_hook_event {
    const char *claim_certificate_id;
    const char *certificate_id;
    const char *certificate_pem;
    const char *template_arn;
    const char *client_id;
    const struct imprint_pair *parameters;
    size_t parameter_count;
};

/* The event's JSON, to be freed. NULL: no memory, or a text is no UTF-8. */
char *imprint_hook_write_event(const struct imprint_hook_event *event);

struct imprint_hook_answer {
    bool allows;
    struct imprint_pair *overrides;
    size_t override_count;
    void *memory;
};

/*
 * Of a job that ran. ERR_REFUSED: it is not an answer, and counts as a no; why
 * says what it really was (late, crashed, no JSON, "allowProvisioning" is
 * missing, an override is no text).
 */
IMPRINT_MUST_USE enum imprint_status imprint_hook_read_answer(
    const struct imprint_hook_job *job, struct imprint_hook_answer *out,
    struct imprint_why *why);
void imprint_hook_free_answer(struct imprint_hook_answer *answer);

/* ---- certificate provider ("Self-managed certificate signing") ---- */

/* The same for {"certificateSigningRequest", "principalId", "clientId"}. */
char *imprint_hook_write_csr(const char *csr_pem, const char *principal_id,
                             const char *client_id);
/* *pem is to be freed. */
IMPRINT_MUST_USE enum imprint_status imprint_hook_read_certificate(
    const struct imprint_hook_job *job, char **pem, struct imprint_why *why);

#endif
