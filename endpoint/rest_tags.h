/* Tags of what has an ARN. */
#ifndef IMPRINT_ENDPOINT_REST_TAGS_H
#define IMPRINT_ENDPOINT_REST_TAGS_H

#include "rest_call.h"

/* Those of the body's "tags", if it has any. ERR_REFUSED: call has it. */
enum imprint_status imprint_rest_tags_put(struct imprint_rest_call *call,
                                          const char *kind, const char *name);
/* With what they were put on. */
enum imprint_status imprint_rest_tags_drop(struct imprint_rest_call *call,
                                           const char *kind, const char *name);

#endif
