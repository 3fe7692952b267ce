/* Threads that work for a program whose main thread is somebody else's. */
#ifndef IMPRINT_POSIX_THREAD_H
#define IMPRINT_POSIX_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/*
 * Starts a thread that gets none of the program's signals. name is what ps -L
 * and top -H show, at most 15 bytes. False: there can be no more.
 */
bool imprint_thread_start(pthread_t *thread, const char *name,
                          void *(*work)(void *), void *user);

#endif
