/* DER, read value by value. */
#ifndef IMPRINT_ENDPOINT_DER_H
#define IMPRINT_ENDPOINT_DER_H

#include <stdbool.h>
#include <stdint.h>

#include "imprint/slice.h"

/*
 * Takes the first value off from, which must have this tag; *content borrows
 * from it. False: it has another tag, or is not whole.
 */
bool imprint_der_take(struct imprint_slice *from, uint8_t tag,
                      struct imprint_slice *content);

#endif
