/*
 * Why a call failed, in words for a person. Part of the installed API.
 */
#ifndef IMPRINT_WHY_H
#define IMPRINT_WHY_H

#define IMPRINT_WHY_TEXT_LEN 512

/*
 * text: one line, no full stop, the offending value in quotes, no secret.
 * hint: what to do next, or "". Both NUL-terminated; cut if too long. Written
 * only when a call fails.
 */
struct imprint_why {
    char text[IMPRINT_WHY_TEXT_LEN];
    char hint[IMPRINT_WHY_TEXT_LEN];
};

#endif
