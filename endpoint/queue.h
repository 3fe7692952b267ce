/* Requests in a row. For one thread at a time. */
#ifndef IMPRINT_ENDPOINT_QUEUE_H
#define IMPRINT_ENDPOINT_QUEUE_H

#include <stddef.h>

#include "provision.h"

struct imprint_queue {
    struct imprint_provision_request *first;
    struct imprint_provision_request **end;
    size_t count;
};

void imprint_queue_init(struct imprint_queue *queue);
void imprint_queue_push(struct imprint_queue *queue,
                        struct imprint_provision_request *request);
/* NULL: it is empty. */
struct imprint_provision_request *imprint_queue_pop(
    struct imprint_queue *queue);
/* All of from, in its order. */
void imprint_queue_move(struct imprint_queue *queue,
                        struct imprint_queue *from);
/* With what is in it. */
void imprint_queue_free(struct imprint_queue *queue);

#endif
