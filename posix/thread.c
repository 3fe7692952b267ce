#include "thread.h"

#include <signal.h>

bool imprint_thread_start(pthread_t *thread, const char *name,
                          void *(*work)(void *), void *user)
{
    sigset_t all;
    sigset_t before;
    bool is_started;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    is_started = pthread_create(thread, NULL, work, user) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (is_started)
        (void)pthread_setname_np(*thread, name);
    return is_started;
}
