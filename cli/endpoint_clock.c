#include "endpoint_clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "endpoint/admin.h"
#include "endpoint_order.h"
#include "endpoint_tune.h"
#include "list.h"
#include "posix/clock.h"
#include "posix/json.h"
#include "posix/why.h"

#define OFFSET_SETTING "clock_offset_s"
#define NUMBER_MAX_LEN 9 /* digits: no unit makes it overflow */

/* 0: no such unit. */
static int64_t unit_s(char letter)
{
    switch (letter) {
    case 's':
        return 1;
    case 'm':
        return 60;
    case 'h':
        return 3600;
    case 'd':
        return 86400;
    default:
        return 0;
    }
}

/* "65m", "1h30m": numbers with their units. False: it is none. */
static bool read_span(const char *text, int64_t *span_s)
{
    int64_t sum = 0;

    if (!*text || strlen(text) > 64)
        return false;
    while (*text) {
        size_t digits = strspn(text, "0123456789");

        if (digits == 0 || digits > NUMBER_MAX_LEN || unit_s(text[digits]) == 0)
            return false;
        sum += strtoll(text, NULL, 10) * unit_s(text[digits]);
        text += digits + 1;
    }
    *span_s = sum;
    return true;
}

static bool read_time(const char *text, int64_t *seconds)
{
    struct tm when;
    const char *end;

    memset(&when, 0, sizeof(when));
    end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &when);
    if (!end || *end)
        return false;
    *seconds = (int64_t)timegm(&when);
    return true;
}

enum imprint_status imprint_endpoint_clock_move(const char *text,
                                                int64_t *offset_s,
                                                struct imprint_why *why)
{
    int64_t number = 0;

    if (strcmp(text, "now") == 0) {
        *offset_s = 0;
    } else if (text[0] == '+' && read_span(text + 1, &number)) {
        *offset_s += number;
    } else if (text[0] == '-' && read_span(text + 1, &number)) {
        *offset_s -= number;
    } else if (read_time(text, &number)) {
        *offset_s = number - (int64_t)time(NULL);
    } else {
        imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                        "\"%s\" is neither a time nor an offset", text);
        imprint_why_hint(why, "write +65m, -1h30m, +90s, "
                              "2026-12-01T00:00:00Z, or now");
        return IMPRINT_ERR_SETTINGS;
    }
    return IMPRINT_OK;
}

static enum imprint_status find_offset(const char *dir, int64_t *offset_s,
                                       struct imprint_why *why)
{
    char *value = NULL;
    enum imprint_status status =
        imprint_endpoint_tune_find(dir, OFFSET_SETTING, &value, why);

    if (status == IMPRINT_OK)
        *offset_s = strtoll(value, NULL, 10);
    free(value);
    return status;
}

enum imprint_status imprint_endpoint_clock_now(const char *dir, int64_t *now,
                                               struct imprint_why *why)
{
    int64_t offset_s = 0;
    enum imprint_status status = find_offset(dir, &offset_s, why);

    if (status == IMPRINT_OK)
        *now = (int64_t)time(NULL) + offset_s;
    return status;
}

static enum imprint_status show(const struct imprint_endpoint_order *order,
                                int64_t offset_s, struct imprint_why *why)
{
    int64_t machine = (int64_t)time(NULL);
    char service_text[IMPRINT_CLOCK_TEXT_LEN];
    char machine_text[IMPRINT_CLOCK_TEXT_LEN];
    struct imprint_json *object;
    bool is_whole;

    imprint_clock_write(machine + offset_s, service_text);
    imprint_clock_write(machine, machine_text);
    if (!order->json) {
        (void)printf("service  %s\nmachine  %s\noffset   %+" PRId64 " s\n",
                     service_text, machine_text, offset_s);
        return IMPRINT_OK;
    }
    object = imprint_json_new();
    is_whole = object &&
               imprint_json_put_text(object, "service", service_text) &&
               imprint_json_put_text(object, "machine", machine_text) &&
               imprint_json_put_number(object, "offset", offset_s);
    return imprint_list_print(object, is_whole, why);
}

enum imprint_status imprint_endpoint_clock(
    const struct imprint_endpoint_order *order, struct imprint_why *why)
{
    int64_t offset_s = 0;
    char text[24];
    enum imprint_status status = find_offset(order->dir, &offset_s, why);

    if (status == IMPRINT_OK && order->operand_count > 0) {
        status =
            imprint_endpoint_clock_move(order->operands[0], &offset_s, why);
        (void)snprintf(text, sizeof(text), "%" PRId64, offset_s);
        if (status == IMPRINT_OK)
            status = imprint_admin_set(order->dir, OFFSET_SETTING, text, why);
    }
    return status == IMPRINT_OK ? show(order, offset_s, why) : status;
}
