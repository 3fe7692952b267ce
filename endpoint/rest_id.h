/* Ids that AWS makes at random; here they follow from what has them. */
#ifndef IMPRINT_ENDPOINT_REST_ID_H
#define IMPRINT_ENDPOINT_REST_ID_H

#include <stdint.h>

#include "imprint/status.h"

#define IMPRINT_REST_ID_LEN 37

/* Where the registration code is, which proves that somebody has a CA's key. */
#define IMPRINT_REST_CODE_SETTING "registration_code"

/* A UUID; the same for the same kind, name and time of creation. */
void imprint_rest_id_make(const char *kind, const char *name, int64_t created,
                          char id[IMPRINT_REST_ID_LEN]);

/* A version 4 UUID. */
void imprint_rest_id_new(char id[IMPRINT_REST_ID_LEN]);

/* 64 hexadecimal digits. ERR_INTERNAL: no random bytes. */
enum imprint_status imprint_rest_id_random(char digits[65]);

#endif
