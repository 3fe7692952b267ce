#include "links.h"

#include <stdint.h>
#include <stdlib.h>

#define FIRST_SIZE 64u /* a power of two, as every size */

struct node {
    struct imprint_link link;
    struct node *next_by_client;
    struct node *next_by_session;
};

struct imprint_links {
    struct node **by_client;
    struct node **by_session;
    size_t size; /* buckets of each */
    size_t count;
};

static size_t bucket_of(const void *address, size_t size)
{
    uint64_t bits = (uint64_t)(uintptr_t)address;

    /* Fibonacci hashing: low bits of an address are always the same. */
    return (size_t)((bits * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & (size - 1);
}

static void insert(struct imprint_links *links, struct node *node)
{
    struct node **client =
        &links->by_client[bucket_of(node->link.client, links->size)];
    struct node **session =
        &links->by_session[bucket_of(node->link.session, links->size)];

    node->next_by_client = *client;
    *client = node;
    node->next_by_session = *session;
    *session = node;
}

/* Doubles the buckets; when memory is short the chains grow instead. */
static void grow(struct imprint_links *links)
{
    struct imprint_links old = *links;
    size_t size = old.size * 2;
    struct node **by_client = calloc(size, sizeof(struct node *));
    struct node **by_session = calloc(size, sizeof(struct node *));

    if (!by_client || !by_session) {
        free(by_client);
        free(by_session);
        return;
    }
    links->by_client = by_client;
    links->by_session = by_session;
    links->size = size;
    for (size_t i = 0; i < old.size; i++) {
        struct node *next;

        for (struct node *node = old.by_client[i]; node; node = next) {
            next = node->next_by_client;
            insert(links, node);
        }
    }
    free(old.by_client);
    free(old.by_session);
}

struct imprint_links *imprint_links_new(void)
{
    struct imprint_links *links = calloc(1, sizeof(*links));

    if (!links)
        return NULL;
    links->size = FIRST_SIZE;
    links->by_client = calloc(links->size, sizeof(struct node *));
    links->by_session = calloc(links->size, sizeof(struct node *));
    if (links->by_client && links->by_session)
        return links;
    imprint_links_free(links);
    return NULL;
}

void imprint_links_free(struct imprint_links *links)
{
    if (!links)
        return;
    while (links->count > 0)
        (void)imprint_links_take_any(links);
    free(links->by_client);
    free(links->by_session);
    free(links);
}

bool imprint_links_put(struct imprint_links *links,
                       const struct imprint_link *link)
{
    struct node *node = calloc(1, sizeof(*node));

    if (!node)
        return false;
    if (links->count >= links->size)
        grow(links);
    node->link = *link;
    insert(links, node);
    links->count++;
    return true;
}

static struct node *find_client(const struct imprint_links *links,
                                const struct mosquitto *client)
{
    struct node *node = links->by_client[bucket_of(client, links->size)];

    while (node && node->link.client != client)
        node = node->next_by_client;
    return node;
}

struct imprint_endpoint_session *imprint_links_session(
    const struct imprint_links *links, const struct mosquitto *client)
{
    struct node *node = find_client(links, client);

    return node ? node->link.session : NULL;
}

struct mosquitto *imprint_links_client(
    const struct imprint_links *links,
    const struct imprint_endpoint_session *session)
{
    struct node *node = links->by_session[bucket_of(session, links->size)];

    while (node && node->link.session != session)
        node = node->next_by_session;
    return node ? node->link.client : NULL;
}

static struct imprint_endpoint_session *remove_node(struct imprint_links *links,
                                                    struct node *node)
{
    struct node **at =
        &links->by_client[bucket_of(node->link.client, links->size)];
    struct imprint_endpoint_session *session = node->link.session;

    while (*at != node)
        at = &(*at)->next_by_client;
    *at = node->next_by_client;
    at = &links->by_session[bucket_of(session, links->size)];
    while (*at != node)
        at = &(*at)->next_by_session;
    *at = node->next_by_session;
    free(node);
    links->count--;
    return session;
}

struct imprint_endpoint_session *imprint_links_take(
    struct imprint_links *links, const struct mosquitto *client)
{
    struct node *node = find_client(links, client);

    return node ? remove_node(links, node) : NULL;
}

struct imprint_endpoint_session *imprint_links_take_any(
    struct imprint_links *links)
{
    for (size_t i = 0; i < links->size; i++) {
        if (links->by_client[i])
            return remove_node(links, links->by_client[i]);
    }
    return NULL;
}
