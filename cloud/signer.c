#include "signer.h"

#include <ini.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "posix/file.h"
#include "posix/why.h"

#define PATH_LEN 4096
#define FILE_MAX_LEN 1048576

/* A profile's lines in one of the two files. */
struct reading {
    const char *section; /* "default", "profile build" */
    char *access_key;
    char *secret;
    char *token;
    char *region;
    bool is_there; /* the section */
    bool has_failed;
};

static void erase(char *text)
{
    if (text)
        imprint_file_free_secret(text, strlen(text));
}

static void keep(struct reading *reading, char **place, const char *value)
{
    erase(*place);
    *place = strdup(value);
    reading->has_failed |= !*place;
}

static int on_line(void *user, const char *section, const char *name,
                   const char *value)
{
    struct reading *reading = user;

    if (strcmp(section, reading->section) != 0)
        return 1;
    reading->is_there = true;
    if (strcmp(name, "aws_access_key_id") == 0)
        keep(reading, &reading->access_key, value);
    else if (strcmp(name, "aws_secret_access_key") == 0)
        keep(reading, &reading->secret, value);
    else if (strcmp(name, "aws_session_token") == 0)
        keep(reading, &reading->token, value);
    else if (strcmp(name, "region") == 0)
        keep(reading, &reading->region, value);
    return 1;
}

static void release(struct reading *reading)
{
    erase(reading->access_key);
    erase(reading->secret);
    erase(reading->token);
    free(reading->region);
    *reading = (struct reading){.section = NULL};
}

/* AWS_CONFIG_FILE and its like, or ~/.aws/<name>. */
static bool name_file(const char *variable, const char *name,
                      char path[PATH_LEN])
{
    const char *asked = getenv(variable);
    const char *home = getenv("HOME");
    int len = asked && asked[0] ? snprintf(path, PATH_LEN, "%s", asked)
                                : snprintf(path, PATH_LEN, "%s/.aws/%s",
                                           home ? home : "", name);

    return len > 0 && len < PATH_LEN;
}

/* No such file is fine. */
static enum imprint_status read_file(const char *path, struct reading *reading,
                                     struct imprint_why *why)
{
    char *text = NULL;
    size_t len = 0;
    int line;
    enum imprint_status status =
        imprint_file_read(path, FILE_MAX_LEN, &text, &len, why);

    if (status == IMPRINT_ERR_NOT_FOUND)
        return IMPRINT_OK;
    if (status != IMPRINT_OK)
        return status;
    line = ini_parse_string(text, on_line, reading);
    imprint_file_free_secret(text, len);
    if (line > 0)
        return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                               "%s:%d: this is no line of such a file", path,
                               line);
    return reading->has_failed
               ? imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory")
               : IMPRINT_OK;
}

/* ---- where they may be ---- */

/* Taken over from a reading. */
static bool take(struct imprint_signer *signer, struct reading *reading,
                 const char *profile, const char *path)
{
    if (!signer->region) {
        signer->region = reading->region;
        reading->region = NULL;
    }
    if (signer->secret || !reading->access_key || !reading->secret)
        return false;
    signer->access_key = reading->access_key;
    signer->secret = reading->secret;
    signer->token = reading->token;
    reading->access_key = NULL;
    reading->secret = NULL;
    reading->token = NULL;
    (void)snprintf(signer->source, sizeof(signer->source),
                   "profile %.40s of %.70s", profile, path);
    return true;
}

static enum imprint_status find_profile(struct imprint_signer *signer,
                                        const char *profile, bool *is_there,
                                        struct imprint_why *why)
{
    static const struct {
        const char *variable;
        const char *name;
        const char *prefix; /* of a section; "default" has none */
    } files[] = {
        {"AWS_SHARED_CREDENTIALS_FILE", "credentials", ""},
        {"AWS_CONFIG_FILE", "config", "profile "},
    };
    enum imprint_status status = IMPRINT_OK;

    for (size_t i = 0; i < 2 && status == IMPRINT_OK; i++) {
        struct reading reading = {.section = NULL};
        char section[256];
        char path[PATH_LEN];

        (void)snprintf(section, sizeof(section), "%s%s",
                       strcmp(profile, "default") == 0 ? "" : files[i].prefix,
                       profile);
        reading.section = section;
        if (!name_file(files[i].variable, files[i].name, path))
            continue;
        status = read_file(path, &reading, why);
        *is_there |= reading.is_there;
        if (status == IMPRINT_OK)
            (void)take(signer, &reading, profile, path);
        release(&reading);
    }
    return status;
}

static enum imprint_status find_environment(struct imprint_signer *signer,
                                            struct imprint_why *why)
{
    const char *access_key = getenv("AWS_ACCESS_KEY_ID");
    const char *secret = getenv("AWS_SECRET_ACCESS_KEY");
    const char *token = getenv("AWS_SESSION_TOKEN");

    if (!access_key || !access_key[0])
        return IMPRINT_OK;
    if (!secret || !secret[0])
        return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                               "AWS_ACCESS_KEY_ID is set, and "
                               "AWS_SECRET_ACCESS_KEY is not");
    signer->access_key = strdup(access_key);
    signer->secret = strdup(secret);
    signer->token = token && token[0] ? strdup(token) : NULL;
    (void)snprintf(signer->source, sizeof(signer->source), "environment");
    return signer->access_key && signer->secret
               ? IMPRINT_OK
               : imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
}

/* What is set and not empty, first come; NULL. */
static const char *first_of(const char *a, const char *b)
{
    const char *value = getenv(a);

    if (!value || !value[0])
        value = b ? getenv(b) : NULL;
    return value && value[0] ? value : NULL;
}

static enum imprint_status check(const struct imprint_signer *signer,
                                 const char *profile, bool is_there,
                                 struct imprint_why *why)
{
    if (signer->secret && signer->region)
        return IMPRINT_OK;
    if (signer->secret) {
        (void)imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                              "no region is set for AWS");
        imprint_why_hint(why, "put \"region\" into the fleet's file, or set "
                              "AWS_REGION");
        return IMPRINT_ERR_SETTINGS;
    }
    (void)imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                          is_there ? "profile \"%s\" has no access key"
                                   : "there are no AWS credentials: no "
                                     "profile \"%s\"",
                          profile);
    imprint_why_hint(why, "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
                          "name a profile of ~/.aws/credentials by --profile");
    return IMPRINT_ERR_SETTINGS;
}

enum imprint_status imprint_signer_find(const char *profile, const char *region,
                                        struct imprint_signer *out,
                                        struct imprint_why *why)
{
    struct imprint_signer signer = {.access_key = NULL};
    const char *named = profile ? profile : first_of("AWS_PROFILE", NULL);
    bool is_there = false;
    enum imprint_status status = IMPRINT_OK;

    if (!region)
        region = first_of("AWS_REGION", "AWS_DEFAULT_REGION");
    if (region)
        signer.region = strdup(region);
    if (!profile)
        status = find_environment(&signer, why);
    if (!named)
        named = "default";
    if (status == IMPRINT_OK && (!signer.secret || !signer.region))
        status = find_profile(&signer, named, &is_there, why);
    if (status == IMPRINT_OK)
        status = check(&signer, named, is_there, why);
    if (status == IMPRINT_OK)
        *out = signer;
    else
        imprint_signer_free(&signer);
    return status;
}

void imprint_signer_free(struct imprint_signer *signer)
{
    erase(signer->access_key);
    erase(signer->secret);
    erase(signer->token);
    free(signer->region);
    *signer = (struct imprint_signer){.access_key = NULL};
}
