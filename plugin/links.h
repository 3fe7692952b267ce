/*
 * Which broker's client is which session of the endpoint, found from either
 * side. Keyed by address, never by client id: when a client id is taken over,
 * the broker admits the new client before it drops the old one.
 */
#ifndef IMPRINT_PLUGIN_LINKS_H
#define IMPRINT_PLUGIN_LINKS_H

#include <stdbool.h>
#include <stddef.h>

struct mosquitto;
struct imprint_endpoint_session;
struct imprint_links;

struct imprint_link {
    struct mosquitto *client;
    struct imprint_endpoint_session *session;
};

/* NULL: out of memory. */
struct imprint_links *imprint_links_new(void);
void imprint_links_free(struct imprint_links *links);

/* Neither side may be linked yet. False: out of memory. */
bool imprint_links_put(struct imprint_links *links,
                       const struct imprint_link *link);

/* The other side, or NULL. */
struct imprint_endpoint_session *imprint_links_session(
    const struct imprint_links *links, const struct mosquitto *client);
struct mosquitto *imprint_links_client(
    const struct imprint_links *links,
    const struct imprint_endpoint_session *session);

/* Unlinks; the session that the client had, or NULL. */
struct imprint_endpoint_session *imprint_links_take(
    struct imprint_links *links, const struct mosquitto *client);

/* Unlinks any one of them; NULL when none is left. */
struct imprint_endpoint_session *imprint_links_take_any(
    struct imprint_links *links);

#endif
