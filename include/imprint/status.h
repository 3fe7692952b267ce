/*
 * Status codes of every imprint call. Part of the installed API.
 *
 * 0 is success; failures are negative and are never reordered or reused, so a
 * value may be stored or sent.
 */
#ifndef IMPRINT_STATUS_H
#define IMPRINT_STATUS_H

#if defined(__GNUC__)
#define IMPRINT_MUST_USE __attribute__((warn_unused_result))
#else
#define IMPRINT_MUST_USE
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum imprint_status {
    IMPRINT_OK = 0,
    IMPRINT_ERR_ARGUMENT = -1,  /* the caller broke the contract */
    IMPRINT_ERR_SPACE = -2,     /* a buffer is too small; the size is named */
    IMPRINT_ERR_FORMAT = -3,    /* a message or file does not parse */
    IMPRINT_ERR_REFUSED = -4,   /* the service said no */
    IMPRINT_ERR_LOST = -5,      /* the connection went away, too often */
    IMPRINT_ERR_TIMEOUT = -6,   /* no answer in time, too often */
    IMPRINT_ERR_THROTTLED = -7, /* the service is busy (429 or 5xx) */
    IMPRINT_ERR_CANNOT = -8,    /* an action will never work here */
    IMPRINT_ERR_STORAGE = -9,   /* place, mode, owner, room, or the disk */
    IMPRINT_ERR_KEY = -10,      /* key or certificate unusable or unpaired */
    IMPRINT_ERR_CLOCK = -11,    /* the clock can't be right */
    IMPRINT_ERR_SETTINGS = -12, /* a setting is missing or wrong */
    IMPRINT_ERR_BUSY = -13,     /* somebody else holds the lock */
    IMPRINT_ERR_NOT_FOUND = -14,
    IMPRINT_ERR_NETWORK = -15, /* name, route, port or TLS; try again later */
    IMPRINT_ERR_STOPPED = -16, /* ended by a signal or by the caller */
    IMPRINT_ERR_INTERNAL = -17 /* a bug, or memory ran out */
};

/*
 * The name of a status as it stands above without the prefix, in lower case
 * ("refused"); never NULL. The text is static.
 */
const char *imprint_status_name(enum imprint_status status);

#ifdef __cplusplus
}
#endif

#endif
