/*
 * The control plane: AWS IoT's REST operations over an endpoint's registry,
 * with stand-ins for the few of IAM, STS and Lambda that are needed before a
 * device is delivered. What it changes, an endpoint that runs on the directory
 * sees within a second.
 *
 * Threads: its own are inside; they call only options.log.
 */
#ifndef IMPRINT_ENDPOINT_REST_H
#define IMPRINT_ENDPOINT_REST_H

#include <stdbool.h>
#include <stdint.h>

#include "imprint/status.h"
#include "imprint/why.h"

struct imprint_rest;

struct imprint_rest_options {
    const char *dir;     /* the endpoint's; prepared */
    const char *host;    /* a numeric address */
    uint16_t port;       /* 0: any */
    const char *address; /* what devices connect to, for DescribeEndpoint */
    bool is_open;        /* unsigned requests, too; host must be loopback */
    bool is_tls;         /* with the endpoint's server certificate */
    bool is_remote;      /* host need not be loopback; needs is_tls */
    /* One readable line per request; NULL: none. From any thread. */
    void (*log)(void *user, const char *line);
    void *user;
};

/*
 * ERR_SETTINGS: the address can't be had, is one that others reach without
 * what that needs, or libmicrohttpd is not there.
 */
IMPRINT_MUST_USE enum imprint_status imprint_rest_open(
    const struct imprint_rest_options *options, struct imprint_rest **out,
    struct imprint_why *why);
uint16_t imprint_rest_port(const struct imprint_rest *rest);
/* Waits for requests that are being answered. NULL is fine. */
void imprint_rest_close(struct imprint_rest *rest);

#endif
