#include "keys_uri.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "why.h"

/* Of the owner's: 0x81000000 to 0x817fffff (TCG registry of handles, 2.3.1) */
#define HANDLE_MIN 0x81000000u
#define HANDLE_MAX 0x817fffffu

static const char scheme[] = "pkcs11:";

bool imprint_keys_uri_is_token(const char *text)
{
    return strncmp(text, scheme, strlen(scheme)) == 0;
}

const char *imprint_keys_uri_path(const char *text)
{
    if (strncmp(text, "file://", 7) == 0)
        return text + 7;
    return strncmp(text, "file:", 5) == 0 ? text + 5 : text;
}

static int digit_of(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    return byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : -1;
}

/* Decodes "%41" and puts a NUL behind. False: malformed, or too long. */
static bool decode(const char *text, size_t len, uint8_t *out, size_t size,
                   size_t *out_len)
{
    size_t count = 0;

    for (size_t i = 0; i < len; i++) {
        int byte = (unsigned char)text[i];

        if (text[i] == '%') {
            int high = i + 2 < len ? digit_of(text[i + 1]) : -1;
            int low = high >= 0 ? digit_of(text[i + 2]) : -1;

            if (low < 0)
                return false;
            byte = high * 16 + low;
            i += 2;
        }
        if (count + 1 >= size)
            return false;
        out[count++] = (uint8_t)byte;
    }
    out[count] = '\0';
    *out_len = count;
    return true;
}

struct part {
    const char *name;
    size_t name_len;
    const char *value;
    size_t value_len;
};

static bool is_named(const struct part *part, const char *name)
{
    return part->name_len == strlen(name) &&
           memcmp(part->name, name, part->name_len) == 0;
}

/* A text without NUL into its place. */
static bool take_text(const struct part *part, char *out, size_t size)
{
    size_t len;

    return decode(part->value, part->value_len, (uint8_t *)out, size, &len) &&
           strlen(out) == len;
}

static bool take_slot(const struct part *part, struct imprint_keys_uri *out)
{
    char text[24];
    char *end;

    if (!take_text(part, text, sizeof(text)) || text[0] < '0' || text[0] > '9')
        return false;
    out->slot = strtoul(text, &end, 10);
    out->has_slot = *end == '\0';
    return out->has_slot;
}

static bool take_type(const struct part *part)
{
    char text[16];

    return take_text(part, text, sizeof(text)) && strcmp(text, "private") == 0;
}

/* Unknown parts change nothing (RFC 7512, section 2.3). */
static bool take_part(const struct part *part, struct imprint_keys_uri *out)
{
    const struct {
        const char *name;
        char *out;
        size_t size;
    } texts[] = {
        {"token", out->token, sizeof(out->token)},
        {"serial", out->serial, sizeof(out->serial)},
        {"manufacturer", out->manufacturer, sizeof(out->manufacturer)},
        {"model", out->model, sizeof(out->model)},
        {"object", out->object, sizeof(out->object)},
        {"module-path", out->module, sizeof(out->module)},
    };
    char source[IMPRINT_KEYS_URI_PATH_LEN];

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (is_named(part, texts[i].name))
            return texts[i].out[0] == '\0' &&
                   take_text(part, texts[i].out, texts[i].size);
    }
    if (is_named(part, "id"))
        return out->id_len == 0 && decode(part->value, part->value_len, out->id,
                                          sizeof(out->id), &out->id_len);
    if (is_named(part, "slot-id"))
        return take_slot(part, out);
    if (is_named(part, "type"))
        return take_type(part);
    if (is_named(part, "pin-source")) {
        if (!take_text(part, source, sizeof(source)))
            return false;
        (void)snprintf(out->pin_source, sizeof(out->pin_source), "%s",
                       imprint_keys_uri_path(source));
    }
    out->has_pin = out->has_pin || is_named(part, "pin-value");
    return true;
}

enum imprint_status imprint_keys_uri_parse(const char *text,
                                           struct imprint_keys_uri *out,
                                           struct imprint_why *why)
{
    struct imprint_keys_uri uri;
    const char *at = text + strlen(scheme);
    const char *separators = ";?";

    memset(&uri, 0, sizeof(uri));
    while (*at) {
        size_t len = strcspn(at, separators);
        const char *equal = memchr(at, '=', len);
        struct part part = {at, equal ? (size_t)(equal - at) : len,
                            equal ? equal + 1 : at + len, 0};

        part.value_len = (size_t)(at + len - part.value);
        if (len > 0 && (!equal || !take_part(&part, &uri))) {
            imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                            "pkcs11: URI: \"%.*s\" is malformed, doubled or "
                            "too long",
                            (int)part.name_len, part.name);
            imprint_why_hint(why, "such as pkcs11:token=LABEL;object=KEY or "
                                  "id=%%01 (RFC 7512)");
            return IMPRINT_ERR_SETTINGS;
        }
        if (at[len] == '?')
            separators = "&";
        at += len + (at[len] ? 1 : 0);
    }
    *out = uri;
    return IMPRINT_OK;
}

/* ---- writing ---- */

struct line {
    char *out;
    size_t size;
    size_t len;
    char separator; /* before the next part */
};

static void put(struct line *line, const char *text)
{
    size_t len = strlen(text);

    if (line->len + len < line->size)
        memcpy(line->out + line->len, text, len + 1);
    line->len += len;
}

/* What RFC 7512 reserves in neither half, bare; all else in percent. */
static void put_part(struct line *line, const char *name, const uint8_t *bytes,
                     size_t len)
{
    static const char bare[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrst"
                               "uvwxyz0123456789-._~/:";
    bool is_text = strcmp(name, "id") != 0;
    char piece[4] = {line->separator, '\0'};

    if (len == 0)
        return;
    if (piece[0])
        put(line, piece);
    put(line, name);
    put(line, "=");
    for (size_t i = 0; i < len; i++) {
        if (is_text && bytes[i] && strchr(bare, bytes[i])) {
            piece[0] = (char)bytes[i];
            piece[1] = '\0';
        } else {
            (void)snprintf(piece, sizeof(piece), "%%%02X", bytes[i]);
        }
        put(line, piece);
    }
    line->separator =
        line->separator == '?' || line->separator == '&' ? '&' : ';';
}

static void put_text(struct line *line, const char *name, const char *text)
{
    put_part(line, name, (const uint8_t *)text, strlen(text));
}

bool imprint_keys_uri_write(const struct imprint_keys_uri *uri, char *out,
                            size_t size)
{
    struct line line = {out, size, 0, '\0'};
    char slot[24] = "";

    put(&line, scheme);
    put_text(&line, "token", uri->token);
    put_text(&line, "serial", uri->serial);
    put_text(&line, "manufacturer", uri->manufacturer);
    put_text(&line, "model", uri->model);
    if (uri->has_slot)
        (void)snprintf(slot, sizeof(slot), "%lu", uri->slot);
    put_text(&line, "slot-id", slot);
    put_text(&line, "object", uri->object);
    put_part(&line, "id", uri->id, uri->id_len);
    line.separator = '?';
    put_text(&line, "module-path", uri->module);
    put_text(&line, "pin-source", uri->pin_source);
    return line.len < size;
}

static bool agrees(const char *wanted, const char *text)
{
    return wanted[0] == '\0' || strcmp(wanted, text) == 0;
}

bool imprint_keys_uri_fits(const struct imprint_keys_uri *wanted,
                           const struct imprint_keys_uri *uri)
{
    return agrees(wanted->token, uri->token) &&
           agrees(wanted->serial, uri->serial) &&
           agrees(wanted->manufacturer, uri->manufacturer) &&
           agrees(wanted->model, uri->model) &&
           agrees(wanted->object, uri->object) &&
           (wanted->id_len == 0 ||
            (wanted->id_len == uri->id_len &&
             memcmp(wanted->id, uri->id, uri->id_len) == 0));
}

/* ---- of a TPM ---- */

bool imprint_keys_uri_is_tpm(const char *text)
{
    return strncmp(text, "tpm2:", 5) == 0 || strncmp(text, "handle:", 7) == 0;
}

enum imprint_status imprint_keys_uri_parse_tpm(const char *text,
                                               uint32_t *handle,
                                               struct imprint_why *why)
{
    const char *number = strchr(text, ':') + 1;
    char *end = NULL;
    unsigned long value = 0;

    *handle = 0;
    if (number[0] == '\0' && text[0] == 't')
        return IMPRINT_OK;
    if (strncmp(number, "0x", 2) == 0)
        value = strtoul(number, &end, 16);
    if (end && *end == '\0' && value >= HANDLE_MIN && value <= HANDLE_MAX) {
        *handle = (uint32_t)value;
        return IMPRINT_OK;
    }
    imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                    "\"%.100s\" is no persistent handle of a TPM's owner",
                    text);
    imprint_why_hint(why, "such as tpm2:0x81000001; 0x%08x to 0x%08x",
                     HANDLE_MIN, HANDLE_MAX);
    return IMPRINT_ERR_SETTINGS;
}
