/* The control plane below `imprint endpoint run`, while the broker runs. */
#ifndef IMPRINT_CLI_ENDPOINT_REST_H
#define IMPRINT_CLI_ENDPOINT_REST_H

#include <stdbool.h>
#include <stdint.h>

#include "imprint/status.h"
#include "imprint/why.h"

#define IMPRINT_ENDPOINT_REST_URL_LEN 320

struct imprint_rest;
struct imprint_settings;

struct imprint_endpoint_rest {
    char host[256]; /* ""; no control plane is wanted */
    uint16_t port;  /* 0: any */
    bool is_tls;
    bool is_open;
    bool is_remote;
    bool log; /* a line on stderr for each request */
    struct imprint_rest *server;
    char url[IMPRINT_ENDPOINT_REST_URL_LEN]; /* where it listens; "" */
};

/* What was typed. ERR_SETTINGS. */
IMPRINT_MUST_USE enum imprint_status imprint_endpoint_rest_read(
    const struct imprint_settings *settings, struct imprint_endpoint_rest *rest,
    struct imprint_why *why);

/* address: what devices connect to. Nothing, where none is wanted. */
IMPRINT_MUST_USE enum imprint_status imprint_endpoint_rest_open(
    struct imprint_endpoint_rest *rest, const char *dir, const char *address,
    struct imprint_why *why);
void imprint_endpoint_rest_close(struct imprint_endpoint_rest *rest);

#endif
