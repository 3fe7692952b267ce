/* The broker below `imprint endpoint run`: its programs, address and files. */
#ifndef IMPRINT_CLI_ENDPOINT_BROKER_H
#define IMPRINT_CLI_ENDPOINT_BROKER_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "imprint/status.h"
#include "imprint/why.h"

struct imprint_endpoint_broker {
    char program[PATH_MAX]; /* mosquitto */
    char plugin[PATH_MAX];
    char dir[PATH_MAX]; /* the endpoint's; absolute */
    char host[256];     /* to listen at; "" for every address */
    uint16_t port;      /* 0: any free one */
    bool log;           /* events on stderr, too */
};

/* host:port, host, or :port; port 0 is any. ERR_SETTINGS. */
IMPRINT_MUST_USE enum imprint_status imprint_endpoint_broker_listen(
    const char *text, char host[256], uint16_t *port, struct imprint_why *why);

/* Finds program and plugin. ERR_SETTINGS: not there; the hint says what to do
 */
IMPRINT_MUST_USE enum imprint_status imprint_endpoint_broker_find(
    struct imprint_endpoint_broker *broker, struct imprint_why *why);

/*
 * A port that is free right now: the one asked for, or any. ERR_NETWORK: it
 * is taken, or the host is not ours.
 */
IMPRINT_MUST_USE enum imprint_status imprint_endpoint_broker_port(
    const struct imprint_endpoint_broker *broker, uint16_t *port,
    struct imprint_why *why);

/* Writes broker.conf into dir. */
struct imprint_endpoint_paths;
IMPRINT_MUST_USE enum imprint_status imprint_endpoint_broker_configure(
    const struct imprint_endpoint_broker *broker,
    const struct imprint_endpoint_paths *paths, uint16_t port,
    struct imprint_why *why);

/*
 * Starts it in dir, with its output in broker.log; it ends when this process
 * does. lock is kept open in it until its end. *ready becomes the pipe on
 * which the plugin writes "ready", or "error" and two lines. ERR_INTERNAL.
 */
IMPRINT_MUST_USE enum imprint_status imprint_endpoint_broker_start(
    const struct imprint_endpoint_broker *broker, int lock, int *pid,
    int *ready, struct imprint_why *why);

#endif
