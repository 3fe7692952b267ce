#include "keyring.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "posix/file.h"
#include "posix/why.h"

#define PATH_LEN 4096
#define PEM_MAX_LEN 16384
#define DAY_S (24 * 60 * 60)
#define SERVER_LIFETIME_S (2 * 365 * (int64_t)DAY_S)
#define SERVER_RENEW_S (30 * (int64_t)DAY_S)

/* One file's text. */
struct text {
    char *bytes;
    size_t len;
};

/* A key and its certificate. */
struct pair {
    struct text key;
    struct text certificate;
};

static struct imprint_slice slice_of(const struct text *text)
{
    return imprint_slice_of(text->bytes, text->len);
}

static void release(struct pair *pair)
{
    imprint_file_free_secret(pair->key.bytes, pair->key.len);
    free(pair->certificate.bytes);
}

static void name_file(char path[PATH_LEN], const char *dir, const char *name,
                      const char *suffix)
{
    (void)snprintf(path, PATH_LEN, "%s/%s%s", dir, name, suffix);
}

/* No such file leaves out empty. */
static enum imprint_status load(const char *path, struct text *out,
                                struct imprint_why *why)
{
    enum imprint_status status =
        imprint_file_read(path, PEM_MAX_LEN, &out->bytes, &out->len, why);

    return status == IMPRINT_ERR_NOT_FOUND ? IMPRINT_OK : status;
}

/* bytes, which may be NULL, become out's. */
static enum imprint_status save(const char *path, char *bytes, mode_t mode,
                                struct text *out, struct imprint_why *why)
{
    if (!bytes)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL,
                               "can't make \"%s\": OpenSSL failed", path);
    out->bytes = bytes;
    out->len = strlen(bytes);
    return imprint_file_replace(path, slice_of(out), mode, why);
}

/* Loads both; makes the key if it is missing. */
static enum imprint_status load_pair(const char *dir, const char *name,
                                     struct pair *out, struct imprint_why *why)
{
    char path[PATH_LEN];
    enum imprint_status status;

    name_file(path, dir, name, ".key");
    status = load(path, &out->key, why);
    if (status == IMPRINT_OK && !out->key.bytes)
        status = save(path, imprint_authority_make_key(), 0600, &out->key, why);
    if (status != IMPRINT_OK)
        return status;
    name_file(path, dir, name, ".pem");
    return load(path, &out->certificate, why);
}

static enum imprint_status sign(const char *dir, const char *name,
                                const struct imprint_authority *signer,
                                struct imprint_authority_role *role,
                                struct pair *pair)
{
    struct imprint_why why;
    char path[PATH_LEN];

    role->key_pem = slice_of(&pair->key);
    free(pair->certificate.bytes);
    pair->certificate = (struct text){.bytes = NULL};
    name_file(path, dir, name, ".pem");
    return save(path, imprint_authority_sign_role(signer, role), 0644,
                &pair->certificate, &why);
}

/* Root or issuer, signed by itself or by signer. */
static enum imprint_status prepare_signer(
    const char *dir, const struct imprint_authority *signer, struct pair *pair,
    struct imprint_authority **out, struct imprint_why *why)
{
    const char *name = signer ? "issuer" : "root";
    struct imprint_authority_role role = {
        .kind = signer ? IMPRINT_AUTHORITY_ISSUER : IMPRINT_AUTHORITY_ROOT,
        .common_name = signer ? NULL : "imprint endpoint root",
        .not_after = IMPRINT_AUTHORITY_LAST_DAY,
    };
    struct imprint_slice none = {NULL, 0};
    struct imprint_authority *self = NULL;
    enum imprint_status status = load_pair(dir, name, pair, why);

    if (status == IMPRINT_OK)
        status = imprint_authority_open(slice_of(&pair->key), none, &self, why);
    if (status == IMPRINT_OK &&
        !imprint_authority_is_signed(signer ? signer : self,
                                     slice_of(&pair->key),
                                     slice_of(&pair->certificate))) {
        status = sign(dir, name, signer ? signer : self, &role, pair);
        if (status != IMPRINT_OK)
            (void)imprint_why_set(why, status, "can't make \"%s/%s.pem\"", dir,
                                  name);
    }
    imprint_authority_close(self);
    if (status != IMPRINT_OK)
        return status;
    return imprint_authority_open(slice_of(&pair->key),
                                  slice_of(&pair->certificate), out, why);
}

/* Root, then issuer. Written only if it is not so already. */
static enum imprint_status prepare_bundle(const char *dir,
                                          const struct pair *root,
                                          const struct pair *issuer,
                                          struct imprint_why *why)
{
    char bundle[2 * PEM_MAX_LEN + 1];
    struct text found = {.bytes = NULL};
    char path[PATH_LEN];
    enum imprint_status status;

    (void)snprintf(bundle, sizeof(bundle), "%s%s", root->certificate.bytes,
                   issuer->certificate.bytes);
    name_file(path, dir, "ca", ".pem");
    status = load(path, &found, why);
    if (status == IMPRINT_OK &&
        (!found.bytes || strcmp(found.bytes, bundle) != 0))
        status =
            imprint_file_replace(path, imprint_slice_text(bundle), 0644, why);
    free(found.bytes);
    return status;
}

static bool is_address(const char *name)
{
    uint8_t bytes[16];

    return inet_pton(AF_INET, name, bytes) == 1 ||
           inet_pton(AF_INET6, name, bytes) == 1;
}

static bool is_host(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";

    return name[0] != '\0' && strlen(name) <= 253 &&
           strspn(name, allowed) == strlen(name);
}

static enum imprint_status prepare_server(const char *dir,
                                          const struct imprint_authority *root,
                                          const char *extra_name,
                                          struct imprint_why *why)
{
    int64_t now = (int64_t)time(NULL);
    char host[256] = "";
    char names[1024];
    struct imprint_authority_role role = {
        .kind = IMPRINT_AUTHORITY_SERVER,
        .common_name = "localhost",
        .names = names,
        .not_after = now + SERVER_LIFETIME_S,
    };
    struct pair pair = {.key = {.bytes = NULL}};
    struct imprint_slice found;
    enum imprint_status status;

    if (gethostname(host, sizeof(host) - 1) != 0 || !is_host(host))
        (void)snprintf(host, sizeof(host), "localhost");
    if (!extra_name)
        extra_name = "localhost";
    if (!is_host(extra_name) && !is_address(extra_name))
        return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                               "\"%s\" is no host name or address", extra_name);
    (void)snprintf(names, sizeof(names),
                   "DNS:localhost,IP:127.0.0.1,IP:::1,DNS:%s,%s:%s", host,
                   is_address(extra_name) ? "IP" : "DNS", extra_name);
    status = load_pair(dir, "server", &pair, why);
    found = slice_of(&pair.certificate);
    if (status == IMPRINT_OK &&
        !(imprint_authority_is_signed(root, slice_of(&pair.key), found) &&
          imprint_authority_speaks_for(found, host, now + SERVER_RENEW_S) &&
          imprint_authority_speaks_for(found, extra_name, now))) {
        status = sign(dir, "server", root, &role, &pair);
        if (status != IMPRINT_OK)
            (void)imprint_why_set(why, status, "can't make \"%s/server.pem\"",
                                  dir);
    }
    release(&pair);
    return status;
}

enum imprint_status imprint_keyring_prepare(const char *dir,
                                            const char *extra_name, bool *made,
                                            struct imprint_why *why)
{
    struct pair root_pair = {.key = {.bytes = NULL}};
    struct pair issuer_pair = {.key = {.bytes = NULL}};
    struct imprint_authority *root = NULL;
    struct imprint_authority *issuer = NULL;
    char path[PATH_LEN];
    bool is_new;
    enum imprint_status status;

    name_file(path, dir, "root", ".key");
    is_new = access(path, F_OK) != 0;
    status = prepare_signer(dir, NULL, &root_pair, &root, why);
    if (status == IMPRINT_OK)
        status = prepare_signer(dir, root, &issuer_pair, &issuer, why);
    if (status == IMPRINT_OK)
        status = prepare_bundle(dir, &root_pair, &issuer_pair, why);
    if (status == IMPRINT_OK)
        status = prepare_server(dir, root, extra_name, why);
    imprint_authority_close(root);
    imprint_authority_close(issuer);
    release(&root_pair);
    release(&issuer_pair);
    if (status == IMPRINT_OK)
        *made = is_new;
    return status;
}

enum imprint_status imprint_keyring_open(const char *dir,
                                         struct imprint_authority **out,
                                         struct imprint_why *why)
{
    struct pair pair = {.key = {.bytes = NULL}};
    char path[PATH_LEN];
    enum imprint_status status;

    name_file(path, dir, "issuer", ".key");
    status = load(path, &pair.key, why);
    name_file(path, dir, "issuer", ".pem");
    if (status == IMPRINT_OK)
        status = load(path, &pair.certificate, why);
    if (status == IMPRINT_OK && (!pair.key.bytes || !pair.certificate.bytes)) {
        status = imprint_why_set(why, IMPRINT_ERR_NOT_FOUND,
                                 "there is no authority in \"%s\"", dir);
        imprint_why_hint(why, "imprint endpoint run makes one");
    }
    if (status == IMPRINT_OK)
        status = imprint_authority_open(slice_of(&pair.key),
                                        slice_of(&pair.certificate), out, why);
    release(&pair);
    return status;
}
