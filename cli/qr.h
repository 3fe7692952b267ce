/* A QR code on a terminal. */
#ifndef IMPRINT_CLI_QR_H
#define IMPRINT_CLI_QR_H

#include "imprint/status.h"
#include "imprint/why.h"

/*
 * Prints text as a QR code on stdout, two rows of it a line, light on dark as
 * terminals are. ERR_SPACE: it takes more than 2,953 bytes.
 */
IMPRINT_MUST_USE enum imprint_status imprint_qr_print(const char *text,
                                                      struct imprint_why *why);

#endif
