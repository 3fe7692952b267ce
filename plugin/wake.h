/*
 * Wakes the broker's loop from another thread, by public behaviour only: the
 * plugin is an MQTT client of its own broker over a private Unix socket, and a
 * PINGREQ from it ends the broker's wait. Its name and password are random,
 * made in memory, and known to nobody else.
 */
#ifndef IMPRINT_PLUGIN_WAKE_H
#define IMPRINT_PLUGIN_WAKE_H

#include <stdbool.h>

struct imprint_wake;

/* path: of the broker's Unix socket. NULL: no memory or no random bytes. */
struct imprint_wake *imprint_wake_new(const char *path);
void imprint_wake_free(struct imprint_wake *wake);

/* True if these are our own connection's. NULL is fine. */
bool imprint_wake_is_self(const struct imprint_wake *wake, const char *name,
                          const char *password);

/* Any thread; never waits. Many calls before a turn cost one packet. */
void imprint_wake_call(struct imprint_wake *wake);

/*
 * The broker's thread, on every turn of its loop: connects, connects again,
 * and takes what came in. True once the broker has answered. Never waits.
 */
bool imprint_wake_turn(struct imprint_wake *wake);

#endif
