#include "qr.h"

#include <errno.h>
#include <qrencode.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "posix/why.h"

#define QUIET_ZONE 4 /* modules around it that the standard asks for */
#define MAX_LEN 2953 /* version 40, level L */

/* What is beside the code is light. */
static bool is_dark(const QRcode *code, int x, int y)
{
    return x >= 0 && y >= 0 && x < code->width && y < code->width &&
           code->data[y * code->width + x] & 1;
}

static void print_line(const QRcode *code, int y)
{
    static const char *const blocks[2][2] = {{"█", "▀"}, {"▄", " "}};

    for (int x = -QUIET_ZONE; x < code->width + QUIET_ZONE; x++)
        (void)fputs(blocks[is_dark(code, x, y)][is_dark(code, x, y + 1)],
                    stdout);
}

/* A code that is wrapped can't be read. */
static void warn_width(int width)
{
    struct winsize window;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0 &&
        window.ws_col < width)
        (void)fprintf(stderr,
                      "imprint: the QR code is %d columns wide, the terminal "
                      "%d; make its letters smaller\n",
                      width, window.ws_col);
}

enum imprint_status imprint_qr_print(const char *text, struct imprint_why *why)
{
    bool is_terminal = isatty(STDOUT_FILENO) == 1;
    QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);

    if (!code && errno == ERANGE)
        return imprint_why_set(why, IMPRINT_ERR_SPACE,
                               "%zu bytes are too long for a QR code, which "
                               "takes %d",
                               strlen(text), MAX_LEN);
    if (!code)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "QR code: %s",
                               strerror(errno));
    for (int y = -QUIET_ZONE; y < code->width + QUIET_ZONE; y += 2) {
        (void)fputs(is_terminal ? "\033[97;40m" : "", stdout);
        print_line(code, y);
        (void)puts(is_terminal ? "\033[0m" : "");
    }
    if (is_terminal)
        warn_width(code->width + 2 * QUIET_ZONE);
    /* the text was a secret */
    explicit_bzero(code->data, (size_t)code->width * (size_t)code->width);
    QRcode_free(code);
    return IMPRINT_OK;
}
