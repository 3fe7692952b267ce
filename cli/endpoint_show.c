#include "endpoint_show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "endpoint/admin.h"
#include "endpoint/endpoint.h"
#include "posix/clock.h"
#include "posix/json.h"
#include "posix/why.h"

/* Letters that a shell takes as they are. */
#define PLAIN \
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=@%+,"

static void print_word(const char *word)
{
    if (word[0] != '\0' && word[strspn(word, PLAIN)] == '\0') {
        (void)printf(" %s", word);
        return;
    }
    (void)printf(" '");
    for (; *word; word++) {
        if (*word == '\'')
            (void)printf("'\\''");
        else
            (void)putchar(*word);
    }
    (void)printf("'");
}

void imprint_endpoint_show_ready(const struct imprint_endpoint_ready *ready)
{
    const struct imprint_endpoint_paths *paths = ready->paths;
    const char *const words[] = {"provision",
                                 "--endpoint",
                                 ready->address,
                                 "--ca",
                                 paths->ca_pem,
                                 "--claim",
                                 paths->claim_certificate_pem,
                                 "--template",
                                 paths->template_name,
                                 "--param",
                                 "SerialNumber=0001"};

    (void)printf("%s", ready->command);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        print_word(words[i]);
    /* The default place is root's. */
    if (geteuid() != 0)
        (void)printf(" --state imprint-device");
    (void)printf("\n");
}

/* Frees object, which may be NULL. False: out of memory, or no UTF-8. */
static bool print_object(struct imprint_json *object, bool complete)
{
    char *text = object && complete ? imprint_json_write(object) : NULL;
    bool indent = false;

    imprint_json_free(object);
    if (!text)
        return false;
    /* On one line; a newline within a text is written "\n" in JSON. */
    for (const char *at = text; *at; at++) {
        indent = *at == '\n' || (indent && *at == ' ');
        if (!indent)
            (void)putchar(*at);
    }
    free(text);
    return true;
}

enum imprint_status imprint_endpoint_show_ready_json(
    const struct imprint_endpoint_ready *ready, struct imprint_why *why)
{
    const struct imprint_endpoint_paths *paths = ready->paths;
    struct imprint_json *object = imprint_json_new();
    bool complete =
        object && imprint_json_put_text(object, "endpoint", ready->address) &&
        imprint_json_put_text(object, "ca", paths->ca_pem) &&
        imprint_json_put_text(object, "claim", paths->claim_certificate_pem) &&
        imprint_json_put_text(object, "claimKey", paths->claim_key) &&
        imprint_json_put_text(object, "template", paths->template_name) &&
        imprint_json_put_text(object, "dir", ready->dir) &&
        imprint_json_put_number(object, "pid", getpid()) &&
        imprint_json_put_number(object, "brokerPid", ready->broker_pid);

    if (!print_object(object, complete))
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL,
                               "the ready line: out of memory, or no UTF-8");
    (void)putchar('\n');
    return IMPRINT_OK;
}

/* ---- certificates ---- */

struct listing {
    bool json;
    bool broken;
    size_t count;
};

static void show_text(const struct imprint_endpoint_certificate *certificate)
{
    char created[32];

    imprint_clock_write(certificate->created, created);
    (void)printf("%s  %-18s  %s  %s%s%s\n", certificate->id,
                 certificate->status, created,
                 certificate->claim[0] ? "claim " : "", certificate->claim,
                 certificate->thing);
}

static void show_one(void *user,
                     const struct imprint_endpoint_certificate *certificate)
{
    struct listing *listing = user;
    struct imprint_json *object;
    bool complete;

    listing->count++;
    if (!listing->json) {
        show_text(certificate);
        return;
    }
    object = imprint_json_new();
    complete =
        object &&
        imprint_json_put_text(object, "certificateId", certificate->id) &&
        imprint_json_put_text(object, "status", certificate->status) &&
        imprint_json_put_text(object, "claim", certificate->claim) &&
        imprint_json_put_text(object, "thingName", certificate->thing) &&
        imprint_json_put_number(object, "created", certificate->created) &&
        imprint_json_put_number(object, "notAfter", certificate->not_after);
    (void)printf("%s", listing->count > 1 ? ",\n" : "\n");
    if (!print_object(object, complete))
        listing->broken = true;
}

enum imprint_status imprint_endpoint_show_certificates(const char *dir,
                                                       bool json,
                                                       struct imprint_why *why)
{
    struct listing listing = {json, false, 0};
    enum imprint_status status;

    if (json)
        (void)printf("{\"certificates\": [");
    status = imprint_endpoint_list(dir, show_one, &listing, why);
    if (json)
        (void)printf("%s]}\n", listing.count > 0 ? "\n" : "");
    if (status == IMPRINT_OK && listing.broken)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    return status;
}
