#include "endpoint_show.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "endpoint/admin.h"
#include "endpoint/endpoint.h"
#include "endpoint/setup.h"
#include "endpoint_order.h"
#include "endpoint_tune.h"
#include "list.h"
#include "posix/clock.h"
#include "posix/json.h"

/* Letters that a shell takes as they are. */
#define PLAIN \
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=@%+,"

static void print_word(FILE *stream, const char *word)
{
    if (word[0] != '\0' && word[strspn(word, PLAIN)] == '\0') {
        (void)fprintf(stream, " %s", word);
        return;
    }
    (void)fprintf(stream, " '");
    for (; *word; word++) {
        if (*word == '\'')
            (void)fprintf(stream, "'\\''");
        else
            (void)putc(*word, stream);
    }
    (void)fprintf(stream, "'");
}

void imprint_endpoint_show_command(
    FILE *stream, const struct imprint_endpoint_show_claim *claim)
{
    const char *const words[] = {
        "provision",         "--endpoint", claim->address,         "--ca",
        claim->ca_pem,       "--claim",    claim->certificate_pem, "--template",
        claim->template_name};

    (void)fprintf(stream, "%s", claim->command);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        print_word(stream, words[i]);
    /* What others declare is not known here. */
    if (strcmp(claim->template_name, IMPRINT_SETUP_TEMPLATE) == 0)
        (void)fprintf(stream, " --param SerialNumber=0001");
    /* The default place is root's. */
    if (geteuid() != 0)
        (void)fprintf(stream, " --state imprint-device");
    (void)fprintf(stream, "\n");
}

enum imprint_status imprint_endpoint_show_ready_json(
    const struct imprint_endpoint_ready *ready, struct imprint_why *why)
{
    const struct imprint_endpoint_paths *paths = ready->paths;
    const struct imprint_endpoint_tune_state *state = ready->state;
    struct imprint_json *object = imprint_json_new();
    bool is_whole =
        object && imprint_json_put_text(object, "endpoint", ready->address) &&
        imprint_json_put_text(object, "ca", paths->ca_pem) &&
        imprint_json_put_text(object, "claim", paths->claim_certificate_pem) &&
        imprint_json_put_text(object, "claimKey", paths->claim_key) &&
        imprint_json_put_text(object, "template", paths->template_name) &&
        imprint_json_put_text(object, "dir", ready->dir) &&
        imprint_json_put_number(object, "pid", getpid()) &&
        imprint_json_put_number(object, "brokerPid", ready->broker_pid) &&
        imprint_json_put_number(object, "clockOffset", state->clock_offset_s) &&
        imprint_json_put_bool(object, "explain", state->is_explaining) &&
        imprint_json_put_number(object, "faultCount",
                                (int64_t)state->fault_count) &&
        (ready->rest[0] == '\0' ||
         imprint_json_put_text(object, "rest", ready->rest));

    return imprint_list_print(object, is_whole, why);
}

void imprint_endpoint_show_state(
    const struct imprint_endpoint_tune_state *state)
{
    if (state->clock_offset_s != 0)
        (void)fprintf(stderr, "imprint: its clock is %+lld s off\n",
                      (long long)state->clock_offset_s);
    if (state->is_explaining)
        (void)fprintf(stderr,
                      "imprint: it answers a refused CONNECT; AWS hangs up\n");
    if (state->fault_count > 0)
        (void)fprintf(stderr, "imprint: %zu fault rules are set\n",
                      state->fault_count);
}

/* ---- certificates ---- */

struct listing {
    bool json;
    struct imprint_list list;
};

static void show_one(void *user,
                     const struct imprint_admin_certificate *certificate)
{
    struct listing *listing = user;
    struct imprint_json *object;
    bool is_whole;

    if (!listing->json) {
        char created[IMPRINT_CLOCK_TEXT_LEN];

        imprint_clock_write(certificate->created, created);
        (void)printf("%s  %-18s  %s  %s%s%s\n", certificate->id,
                     certificate->status, created,
                     certificate->claim[0] ? "claim " : "", certificate->claim,
                     certificate->thing);
        return;
    }
    object = imprint_json_new();
    is_whole =
        object &&
        imprint_json_put_text(object, "certificateId", certificate->id) &&
        imprint_json_put_text(object, "status", certificate->status) &&
        imprint_json_put_text(object, "claim", certificate->claim) &&
        imprint_json_put_text(object, "thingName", certificate->thing) &&
        imprint_json_put_number(object, "created", certificate->created) &&
        imprint_json_put_number(object, "notAfter", certificate->not_after) &&
        imprint_json_put_number(object, "connected", certificate->connected);
    imprint_list_put(&listing->list, object, is_whole);
}

enum imprint_status imprint_endpoint_show_certificates(
    const struct imprint_endpoint_order *order, struct imprint_why *why)
{
    struct listing listing = {order->json, {"certificates", 0, false}};
    enum imprint_status status =
        imprint_admin_each_certificate(order->dir, show_one, &listing, why);

    return order->json ? imprint_list_end(&listing.list, status, why) : status;
}
