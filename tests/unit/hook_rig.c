#include "hook_rig.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "posix/clock.h"

char hook_dir[] = "/tmp/imprint-hook-XXXXXX";

void hook_name_file(char path[HOOK_PATH_LEN], const char *name)
{
    (void)snprintf(path, HOOK_PATH_LEN, "%s/%s", hook_dir, name);
}

char *hook_write_script(const char *body)
{
    static int count;
    char path[HOOK_PATH_LEN];
    char *target = malloc(HOOK_PATH_LEN + 8);
    FILE *file;

    assert_non_null(target);
    (void)snprintf(path, sizeof(path), "%s/script-%d", hook_dir, count++);
    (void)snprintf(target, HOOK_PATH_LEN + 8, "exec:%s", path);
    file = fopen(path, "w");
    assert_non_null(file);
    (void)fprintf(file, "#!/bin/sh\ncd %s\n%s\n", hook_dir, body);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0755), 0);
    return target;
}

struct imprint_hook_job *hook_make_job(char *target, const char *event,
                                       int64_t timeout_ms)
{
    struct imprint_hook_job *job = imprint_hook_new(target, strdup(event));

    assert_non_null(job);
    job->timeout_ms = timeout_ms;
    return job;
}

/* ---- what a hook started ---- */

/* Not there, or a zombie that nobody waits for. */
static bool is_dead(pid_t pid)
{
    char path[64];
    char text[256];
    FILE *file;
    const char *behind;
    bool dead = true;

    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    file = fopen(path, "r");
    if (!file)
        return true;
    if (fgets(text, sizeof(text), file)) {
        behind = strrchr(text, ')');
        dead = behind && (behind[2] == 'Z' || behind[2] == 'X');
    }
    (void)fclose(file);
    return dead;
}

static pid_t read_pid(const char *name)
{
    char path[HOOK_PATH_LEN];
    FILE *file;
    int pid = 0;

    hook_name_file(path, name);
    file = fopen(path, "r");
    if (!file)
        return 0;
    if (fscanf(file, "%d.", &pid) != 1 || fgetc(file) != '\n')
        pid = 0; /* not all of it is there */
    (void)fclose(file);
    return (pid_t)pid;
}

void hook_wait_for(bool (*is_so)(void))
{
    int64_t then_ms = imprint_clock_now_ms() + HOOK_WAIT_MS;

    while (!is_so()) {
        assert_true(imprint_clock_now_ms() < then_ms);
        (void)poll(NULL, 0, 5);
    }
}

static const char *const family[] = {"same", "own", "orphan", "deep", "self"};

bool hook_is_family_there(void)
{
    size_t i;

    for (i = 0; i < 5; i++) {
        if (read_pid(family[i]) == 0)
            return false;
    }
    return true;
}

bool hook_is_family_dead(void)
{
    size_t i;

    for (i = 0; i < 5; i++) {
        if (!is_dead(read_pid(family[i])))
            return false;
    }
    return true;
}

void hook_forget_family(void)
{
    char path[HOOK_PATH_LEN];
    size_t i;

    for (i = 0; i < 5; i++) {
        hook_name_file(path, family[i]);
        (void)unlink(path);
    }
}

/* ---- the directory ---- */

int hook_set_up(void **state)
{
    (void)state;
    return mkdtemp(hook_dir) ? 0 : -1;
}

int hook_tear_down(void **state)
{
    char command[HOOK_PATH_LEN];

    (void)state;
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", hook_dir);
    return system(command);
}
