/*
 * Any bytes as a request to the control plane, on a registry of its own: an
 * answer comes that is JSON or XML, with a status that goes with it, and no
 * request is answered 500.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint/endpoint.h"
#include "endpoint/rest_parts.h"
#include "endpoint/watch.h"
#include "request.h"

static struct imprint_rest *rest;
static char dir[] = "/tmp/imprint-fuzz-XXXXXX";

static void clear(void)
{
    char command[64];

    imprint_rest_close(rest);
    (void)snprintf(command, sizeof(command), "rm -r '%s'", dir);
    if (system(command) != 0)
        (void)fprintf(stderr, "%s is left\n", dir);
}

static void set_up(void)
{
    struct imprint_endpoint_paths paths;
    struct imprint_why why = {"", ""};
    struct imprint_watch *watch = NULL; /* the broker's end */
    const struct imprint_rest_options options = {.dir = dir,
                                                 .host = "127.0.0.1",
                                                 .address = "localhost:8883",
                                                 .is_open = true};

    if (!mkdtemp(dir) ||
        imprint_endpoint_prepare(dir, "127.0.0.1", &paths, &why) !=
            IMPRINT_OK ||
        imprint_watch_open(dir, true, &watch, &why) != IMPRINT_OK ||
        imprint_rest_open(&options, &rest, &why) != IMPRINT_OK) {
        (void)fprintf(stderr, "%s\n", why.text);
        abort();
    }
    imprint_watch_close(watch);
    (void)atexit(clear);
}

/* No broker turns here, and whoever asks whether it does is told so. */
static bool says_no(const struct imprint_signature_request *request,
                    const struct imprint_rest_answer *answer)
{
    return strcmp(request->path, "/readyz") == 0 && answer->status == 503;
}

static void check(const struct imprint_rest_answer *answer)
{
    struct imprint_json *read = NULL;

    if (!answer->body || answer->status < 200 || answer->status >= 500) {
        (void)fprintf(stderr, "%u %s\n", answer->status,
                      answer->body ? answer->body : "no body");
        abort();
    }
    if (strcmp(answer->type, "text/xml") == 0) {
        if (answer->body[0] != '<')
            abort();
    } else if (answer->error) {
        if (answer->status < 400 ||
            imprint_json_read(imprint_slice_text(answer->body), &read, NULL) !=
                IMPRINT_OK ||
            !imprint_json_text(read, "message"))
            abort();
        imprint_json_free(read);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct imprint_rest_answer answer = {.status = 0};
    struct request request;

    if (!rest)
        set_up();
    request_read(&request, bytes, len);
    /* without a signature it is this machine's own, if it says so */
    if (request.request.header_count < REQUEST_HEADER_MAX_COUNT) {
        size_t last = request.request.header_count++;

        request.names[last] = "host";
        request.values[last] = "localhost";
    }
    imprint_rest_answer(rest, &request.request, &answer);
    if (!says_no(&request.request, &answer))
        check(&answer);
    free(answer.body);
    request_free(&request);
    return 0;
}
