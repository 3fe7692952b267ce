/*
 * The messages of the device provisioning MQTT API, in JSON and CBOR. Part of
 * the installed API; freestanding. A device uses one half, an endpoint the
 * other.
 *
 * Strict: duplicate or missing members, wrong types, trailing bytes, bad
 * UTF-8, bad escapes, a NUL in a text and more than 16 maps and arrays in each
 * other are IMPRINT_ERR_FORMAT; members with other names are skipped; an
 * optional member may be null. Outputs are written only on success.
 *
 * Text is copied, unescaped, into `into`, behind into->len; it must outlive
 * the result and not overlap the payload. IMPRINT_ERR_SPACE means that it was
 * too small, and into->len is then the size that was needed; ERR_FORMAT leaves
 * into->len alone. What lies behind into->len after a failure may be secret.
 *
 * Writers take UTF-8 without NUL, as readers give it.
 *
 * Source: AWS IoT Core developer guide, "Device provisioning MQTT API";
 * RFC 8259 (JSON), RFC 8949 (CBOR).
 */
#ifndef IMPRINT_CODEC_H
#define IMPRINT_CODEC_H

#include "imprint/slice.h"
#include "imprint/status.h"
#include "imprint/topics.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A certificate id is the SHA-256 of the certificate's DER in hex digits. */
#define IMPRINT_CERTIFICATE_ID_LEN 64

/* Longest token taken; AWS does not document one, samples have 464. */
#define IMPRINT_TOKEN_MAX_LEN 2048

/*
 * A message format. Naming one of these two links its code; a program that
 * names only one leaves the other out.
 */
struct imprint_format;
extern const struct imprint_format imprint_json_format;
extern const struct imprint_format imprint_cbor_format;

enum imprint_encoding imprint_codec_encoding(const struct imprint_format *f);

/* What a device ends up with. Members that do not apply are empty. */
struct imprint_identity {
    struct imprint_slice certificate_id;
    struct imprint_slice certificate_pem; /* leaf first, perhaps a chain */
    struct imprint_slice private_key_pem; /* only where the service made it */
    struct imprint_slice token;
    struct imprint_slice thing_name;
    /* deviceConfiguration as it came: one map in the session's format */
    struct imprint_slice device_configuration;
};

/* code and message are the service's; branch on status_code only. */
struct imprint_rejection {
    uint32_t status_code;
    struct imprint_slice code;
    struct imprint_slice message;
};

/* RegisterThing's request, as an endpoint sees it. */
struct imprint_registration {
    struct imprint_slice token;
    struct imprint_pair *parameters; /* the caller's array */
    size_t parameter_count;          /* in: its room; out: how many */
};

/* ---- device: requests out, replies in ---- */

/* CreateKeysAndCertificate's request is the empty payload. */
void imprint_codec_put_csr(struct imprint_writer *writer,
                           const struct imprint_format *format,
                           struct imprint_slice csr_pem);
void imprint_codec_put_register(struct imprint_writer *writer,
                                const struct imprint_format *format,
                                struct imprint_slice token,
                                const struct imprint_pair *parameters,
                                size_t parameter_count);

/* Fills id, certificate, token, and the key if there is one. */
IMPRINT_MUST_USE enum imprint_status imprint_codec_get_created(
    const struct imprint_format *format, struct imprint_slice payload,
    struct imprint_writer *into, struct imprint_identity *out);

/* Fills thing_name and device_configuration only; absent ones are empty. */
IMPRINT_MUST_USE enum imprint_status imprint_codec_get_registered(
    const struct imprint_format *format, struct imprint_slice payload,
    struct imprint_writer *into, struct imprint_identity *out);

/* Fills status_code; code and message, empty if they are absent. */
IMPRINT_MUST_USE enum imprint_status imprint_codec_get_rejection(
    const struct imprint_format *format, struct imprint_slice payload,
    struct imprint_writer *into, struct imprint_rejection *out);

/*
 * A flat map of text to text, such as device_configuration: fills pairs, with
 * room for *count of them, and sets *count. Other values, and a name twice:
 * ERR_FORMAT. Too small an array is ERR_SPACE as well. A failure may leave
 * anything in the array.
 */
IMPRINT_MUST_USE enum imprint_status imprint_codec_get_pairs(
    const struct imprint_format *format, struct imprint_slice map,
    struct imprint_writer *into, struct imprint_pair *pairs, size_t *count);

/* ---- endpoint: requests in, replies out ---- */

IMPRINT_MUST_USE enum imprint_status imprint_codec_get_csr(
    const struct imprint_format *format, struct imprint_slice payload,
    struct imprint_writer *into, struct imprint_slice *csr_pem);

/*
 * parameters may be absent, and are read as by get_pairs. The token may be the
 * empty text: that is for the service to refuse.
 */
IMPRINT_MUST_USE enum imprint_status imprint_codec_get_register(
    const struct imprint_format *format, struct imprint_slice payload,
    struct imprint_writer *into, struct imprint_registration *out);
void imprint_codec_put_created(struct imprint_writer *writer,
                               const struct imprint_format *format,
                               const struct imprint_identity *identity);
void imprint_codec_put_registered(struct imprint_writer *writer,
                                  const struct imprint_format *format,
                                  struct imprint_slice thing_name,
                                  const struct imprint_pair *configuration,
                                  size_t configuration_count);
void imprint_codec_put_rejection(struct imprint_writer *writer,
                                 const struct imprint_format *format,
                                 const struct imprint_rejection *rejection);

#ifdef __cplusplus
}
#endif

#endif
