#include "queue.h"

void imprint_queue_init(struct imprint_queue *queue)
{
    queue->first = NULL;
    queue->end = &queue->first;
    queue->count = 0;
}

void imprint_queue_push(struct imprint_queue *queue,
                        struct imprint_provision_request *request)
{
    request->next = NULL;
    *queue->end = request;
    queue->end = &request->next;
    queue->count++;
}

struct imprint_provision_request *imprint_queue_pop(struct imprint_queue *queue)
{
    struct imprint_provision_request *request = queue->first;

    if (!request)
        return NULL;
    queue->first = request->next;
    if (!queue->first)
        queue->end = &queue->first;
    queue->count--;
    request->next = NULL;
    return request;
}

void imprint_queue_move(struct imprint_queue *queue, struct imprint_queue *from)
{
    struct imprint_provision_request *request;

    while ((request = imprint_queue_pop(from)))
        imprint_queue_push(queue, request);
}

void imprint_queue_free(struct imprint_queue *queue)
{
    struct imprint_provision_request *request;

    while ((request = imprint_queue_pop(queue)))
        imprint_provision_free(request);
}
