/* JSON objects and lists: manifests, what --json prints, REST's bodies. */
#ifndef IMPRINT_POSIX_JSON_H
#define IMPRINT_POSIX_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "imprint/slice.h"
#include "imprint/status.h"
#include "imprint/why.h"

struct imprint_json; /* one object, or a list */

/* NULL: out of memory. */
struct imprint_json *imprint_json_new(void);
struct imprint_json *imprint_json_new_list(void);
void imprint_json_free(struct imprint_json *object);

/*
 * Sets a member. False: out of memory, or text that is no UTF-8. text NULL
 * gives null.
 */
bool imprint_json_put_text(struct imprint_json *object, const char *name,
                           const char *text);
bool imprint_json_put_slices(struct imprint_json *object,
                             struct imprint_slice name,
                             struct imprint_slice text);
bool imprint_json_put_number(struct imprint_json *object, const char *name,
                             int64_t number);
bool imprint_json_put_bool(struct imprint_json *object, const char *name,
                           bool value);

/* True: it is UTF-8, so that the call above takes it. */
bool imprint_json_takes(const char *text);

/* Takes value over, whatever comes out. NULL gives null. */
bool imprint_json_put_object(struct imprint_json *object, const char *name,
                             struct imprint_json *value);

/* Behind the last one of a list. */
bool imprint_json_add_text(struct imprint_json *list, const char *text);
/* Takes value over, whatever comes out. */
bool imprint_json_add(struct imprint_json *list, struct imprint_json *value);

enum imprint_json_kind {
    IMPRINT_JSON_ABSENT,
    IMPRINT_JSON_NULL,
    IMPRINT_JSON_TEXT,
    IMPRINT_JSON_NUMBER,
    IMPRINT_JSON_BOOL,
    IMPRINT_JSON_OBJECT,
    IMPRINT_JSON_LIST
};

enum imprint_json_kind imprint_json_kind_of(const struct imprint_json *object,
                                            const char *name);
/* True: it was there. */
bool imprint_json_drop(struct imprint_json *object, const char *name);

/* The member's text, the object's own, or NULL. */
const char *imprint_json_text(const struct imprint_json *object,
                              const char *name);

/* The member that is an object, the object's own, or NULL. */
const struct imprint_json *imprint_json_member(
    const struct imprint_json *object, const char *name);

/* The same, to be changed where it is. */
struct imprint_json *imprint_json_open(struct imprint_json *object,
                                       const char *name);

/* The member that is a list, and its items: text, object, or NULL. */
const struct imprint_json *imprint_json_list(const struct imprint_json *object,
                                             const char *name);
size_t imprint_json_count(const struct imprint_json *list);
const char *imprint_json_item_text(const struct imprint_json *list,
                                   size_t index);
const struct imprint_json *imprint_json_item(const struct imprint_json *list,
                                             size_t index);

/* The name of the member behind *cursor, which is NULL at first; or NULL. */
const char *imprint_json_next(const struct imprint_json *object, void **cursor);

/* The member's number, cut to a whole one, or bool; fallback if there is none.
 */
int64_t imprint_json_number(const struct imprint_json *object, const char *name,
                            int64_t fallback);
bool imprint_json_is_on(const struct imprint_json *object, const char *name);

/* Indented, in order, with a newline at the end; free it. NULL: no memory. */
char *imprint_json_write(const struct imprint_json *object);

/* The same in one line, without a newline. */
char *imprint_json_write_line(const struct imprint_json *object);

/* Strict: one object, no member twice. ERR_FORMAT says where. */
IMPRINT_MUST_USE enum imprint_status imprint_json_read(
    struct imprint_slice text, struct imprint_json **out,
    struct imprint_why *why);

#endif
