/* Certificate ownership tokens. */
#ifndef IMPRINT_ENDPOINT_AUTHORITY_TOKEN_H
#define IMPRINT_ENDPOINT_AUTHORITY_TOKEN_H

#include <stdbool.h>

#define IMPRINT_AUTHORITY_TOKEN_LEN 464

/* One of AWS's shape. False: no random bytes. */
bool imprint_authority_make_token(char token[IMPRINT_AUTHORITY_TOKEN_LEN + 1]);

#endif
