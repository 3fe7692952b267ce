/*
 * One operation of the control plane, as the files rest_<what>.c see it: what
 * was asked, where, and what comes out. Everything is the call's own and good
 * until it ends.
 */
#ifndef IMPRINT_ENDPOINT_REST_CALL_H
#define IMPRINT_ENDPOINT_REST_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "aws/query.h"
#include "posix/json.h"
#include "registry.h"
#include "rest_error.h"
#include "rules.h"
#include "setup.h"
#include "views.h"

#define IMPRINT_REST_LABEL_MAX_COUNT 2
#define IMPRINT_REST_ARN_LEN 512
#define IMPRINT_REST_ACCOUNT IMPRINT_SETUP_ACCOUNT

/* Where it all is. */
struct imprint_rest_place {
    const char *dir;
    const char *address; /* what devices connect to */
    const struct imprint_authority *authority;
};

struct imprint_rest_call {
    const struct imprint_rest_place *place;
    struct imprint_registry *registry;
    const struct imprint_rules *rules;
    int64_t now; /* by the service's clock */
    /* what was asked */
    const char *user; /* whose access key it was */
    const char *labels[IMPRINT_REST_LABEL_MAX_COUNT]; /* of the path, decoded */
    const struct imprint_query *query;
    const struct imprint_query *form; /* IAM and STS; else NULL */
    const struct imprint_json *body;
    const char *principal; /* x-amzn-principal, x-amzn-iot-principal; or NULL */
    const char *policy;    /* x-amzn-iot-policy; or NULL */
    /* what comes out */
    struct imprint_json *out;
    struct imprint_json *list; /* what imprint_rest_list fills */
    struct imprint_memory_text xml;
    char *raw;               /* a body of its own, to be freed; else out */
    unsigned status;         /* HTTP's, if it is not the usual one; 0 */
    bool has_function_error; /* Lambda's: the body says which */
    enum imprint_rest_error error;
    char message[512];
    char resource_arn[IMPRINT_REST_ARN_LEN]; /* ResourceAlreadyExists'; "" */
    bool has_failed; /* no memory: the answer is not whole */
};

/* Says no: ERR_REFUSED, for the operation to return. */
enum imprint_status imprint_rest_refuse(struct imprint_rest_call *call,
                                        enum imprint_rest_error error,
                                        const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* 404: "There is no <what> "<name>"." unless status is another. */
enum imprint_status imprint_rest_missing(struct imprint_rest_call *call,
                                         enum imprint_status status,
                                         const char *what, const char *name);

/* ---- what was asked; NULL: it is not there ---- */

const char *imprint_rest_text(const struct imprint_rest_call *call,
                              const char *name);
const char *imprint_rest_query(const struct imprint_rest_call *call,
                               const char *name);
bool imprint_rest_is_on(const struct imprint_rest_call *call,
                        const char *query_name);

/*
 * "arn:aws:iot:<region>:<account>:<kind>/<name>"; *name points into arn.
 * ERR_REFUSED: it is none of ours.
 */
enum imprint_status imprint_rest_read_arn(struct imprint_rest_call *call,
                                          const char *arn, const char *kind,
                                          const char **name);
void imprint_rest_write_arn(char arn[IMPRINT_REST_ARN_LEN], const char *kind,
                            const char *name);

/* ---- what comes out: text NULL is left out ---- */

struct imprint_json *imprint_rest_new(struct imprint_rest_call *call);
void imprint_rest_put(struct imprint_rest_call *call,
                      struct imprint_json *object, const char *name,
                      const char *text);
void imprint_rest_put_number(struct imprint_rest_call *call,
                             struct imprint_json *object, const char *name,
                             int64_t number);
/* A column of views.h; NULL is 0. */
void imprint_rest_put_count(struct imprint_rest_call *call,
                            struct imprint_json *object, const char *name,
                            const char *number);
void imprint_rest_put_bool(struct imprint_rest_call *call,
                           struct imprint_json *object, const char *name,
                           bool value);
void imprint_rest_put_arn(struct imprint_rest_call *call,
                          struct imprint_json *object, const char *name,
                          const char *kind, const char *of);
/* Takes value over. */
void imprint_rest_put_value(struct imprint_rest_call *call,
                            struct imprint_json *object, const char *name,
                            struct imprint_json *value);
/* <element>text</element> to call->xml, escaped: IAM and STS. */
void imprint_rest_xml(struct imprint_rest_call *call, const char *element,
                      const char *text);
/* To call->list; takes item over. */
void imprint_rest_add(struct imprint_rest_call *call,
                      struct imprint_json *item);
void imprint_rest_add_text(struct imprint_rest_call *call, const char *text);

/* ---- single rows ---- */

/* ERR_NOT_FOUND: no row. each is called with user. */
enum imprint_status imprint_rest_look(
    struct imprint_rest_call *call, enum imprint_view view, const char *of,
    void (*each)(void *user, const char *const *columns), void *user);
/* The same, for who only asks whether. */
enum imprint_status imprint_rest_is_there(struct imprint_rest_call *call,
                                          enum imprint_view view,
                                          const char *of);

/* 404 as imprint_rest_missing says it, unless it has a row. */
enum imprint_status imprint_rest_need(struct imprint_rest_call *call,
                                      enum imprint_view view, const char *what,
                                      const char *name);
/* The same of a policy; those that the endpoint has for itself are not there.
 */
enum imprint_status imprint_rest_need_policy(struct imprint_rest_call *call,
                                             const char *name);
/* expected 0: none was given. ERR_REFUSED: it is another one. */
enum imprint_status imprint_rest_check_version(struct imprint_rest_call *call,
                                               int64_t expected,
                                               int64_t version);
/* Texts, or both NULL. */
bool imprint_rest_is_same(const char *a, const char *b);

#endif
