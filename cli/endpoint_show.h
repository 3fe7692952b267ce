/* What `imprint endpoint` prints on stdout. */
#ifndef IMPRINT_CLI_ENDPOINT_SHOW_H
#define IMPRINT_CLI_ENDPOINT_SHOW_H

#include <stdbool.h>
#include <stdio.h>

#include "imprint/status.h"
#include "imprint/why.h"

struct imprint_endpoint_order;
struct imprint_endpoint_paths;
struct imprint_endpoint_tune_state;

struct imprint_endpoint_show_claim {
    const char *command; /* what to type for this program */
    const char *address; /* host:port to connect to */
    const char *ca_pem;  /* paths */
    const char *certificate_pem;
    const char *template_name;
};

/* The command that provisions, to paste into a terminal, on one line. */
void imprint_endpoint_show_command(
    FILE *stream, const struct imprint_endpoint_show_claim *claim);

struct imprint_endpoint_ready {
    const struct imprint_endpoint_paths *paths;
    const struct imprint_endpoint_tune_state *state;
    const char *dir;
    const char *address; /* host:port to connect to */
    const char *rest;    /* URL of the control plane; "": none */
    int broker_pid;
};

/* For programs: one object on one line. ERR_INTERNAL. */
IMPRINT_MUST_USE enum imprint_status imprint_endpoint_show_ready_json(
    const struct imprint_endpoint_ready *ready, struct imprint_why *why);

/* On stderr, for people: what is other than at AWS, if anything is. */
void imprint_endpoint_show_state(
    const struct imprint_endpoint_tune_state *state);

/* One line per certificate, or {"certificates": [...]}. */
IMPRINT_MUST_USE enum imprint_status imprint_endpoint_show_certificates(
    const struct imprint_endpoint_order *order, struct imprint_why *why);

#endif
