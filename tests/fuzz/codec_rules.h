/*
 * What the codec promises for any payload; a broken promise traps.
 *
 * - A failure changes no output; ERR_FORMAT does not move into->len.
 * - A text is never longer than what stood for it: room for the payload's
 *   length is always enough.
 * - ERR_SPACE names the room that is enough, and that is the least.
 * - What was read and is written again is read as the same.
 */
#ifndef TESTS_FUZZ_CODEC_RULES_H
#define TESTS_FUZZ_CODEC_RULES_H

#include "imprint/codec.h"

#define PAIRS_ROOM 8

enum kind { CREATED, REGISTERED, REJECTED, CSR, REGISTER, PAIRS, KINDS };

/* What any message gives. */
struct result {
    struct imprint_identity identity;
    struct imprint_rejection rejection;
    struct imprint_slice csr_pem;
    struct imprint_slice token;
    size_t pair_count;
    struct imprint_pair pairs[PAIRS_ROOM];
};

void promise(bool kept);

/* get for the kind; outputs of a failure are checked to be untouched. */
enum imprint_status get_into(enum kind kind,
                             const struct imprint_format *format,
                             struct imprint_slice payload,
                             struct imprint_writer *into, struct result *out);

/*
 * Written in the format and read again: the same. texts_len: of all the texts
 * in it, at most.
 */
void check_again(enum kind kind, const struct imprint_format *format,
                 const struct result *in, size_t texts_len);

/* All promises, the payload taken as a message of every kind. */
void check_payload(const struct imprint_format *format, const uint8_t *bytes,
                   size_t len);

#endif
