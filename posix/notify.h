/* Telling a service manager what goes on: sd_notify(3)'s protocol. */
#ifndef IMPRINT_POSIX_NOTIFY_H
#define IMPRINT_POSIX_NOTIFY_H

/*
 * One line for `systemctl status`. Does nothing if nobody wants to know
 * ($NOTIFY_SOCKET), and nothing about it if that fails.
 */
void imprint_notify_status(const char *text);

#endif
