#include <stdio.h>
#include <string.h>

#include "endpoint/backup.h"
#include "endpoint_order.h"
#include "list.h"
#include "posix/file.h"
#include "posix/json.h"
#include "posix/settings.h"
#include "posix/why.h"

#define PASSPHRASE_MAX_LEN 4096u

static enum imprint_status read_passphrase(
    const struct imprint_endpoint_order *order, char **text, size_t *len,
    struct imprint_why *why)
{
    const char *path = imprint_settings_get(order->settings, "passphrase-file");
    enum imprint_status status;

    if (!path) {
        (void)imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                              "a backup's private keys are encrypted: "
                              "--passphrase-file is missing");
        imprint_why_hint(why, "put a passphrase into a file of mode 0600, and "
                              "keep it apart from the backup");
        return IMPRINT_ERR_SETTINGS;
    }
    status =
        imprint_file_read_private(path, PASSPHRASE_MAX_LEN, text, len, why);
    if (status == IMPRINT_OK)
        (*text)[strcspn(*text, "\r\n")] = '\0';
    return status;
}

static enum imprint_status show(const struct imprint_endpoint_order *order,
                                const char *made, bool is_whole,
                                struct imprint_why *why)
{
    struct imprint_json *object;

    if (!order->json) {
        (void)printf("made %s\n", made);
        return IMPRINT_OK;
    }
    object = imprint_json_new();
    return imprint_list_print(
        object,
        object && imprint_json_put_text(object, "directory", made) &&
            imprint_json_put_bool(object, "registry", is_whole),
        why);
}

static enum imprint_status carry_out(const struct imprint_endpoint_order *order,
                                     bool restores, struct imprint_why *why)
{
    struct imprint_backup backup = {.dir = order->dir,
                                    .place = order->operands[0]};
    char *passphrase = NULL;
    bool is_whole = true;
    size_t len = 0;
    enum imprint_status status = read_passphrase(order, &passphrase, &len, why);

    if (status != IMPRINT_OK)
        return status;
    backup.passphrase = passphrase;
    status = restores ? imprint_backup_restore(&backup, &is_whole, why)
                      : imprint_backup_make(&backup, &is_whole, why);
    imprint_file_free_secret(passphrase, len);
    if (status == IMPRINT_OK)
        status =
            show(order, restores ? backup.dir : backup.place, is_whole, why);
    if (status == IMPRINT_OK && !is_whole)
        imprint_why_hint(why, "the registry is a database elsewhere, and "
                              "pg_dump makes its backup");
    return status;
}

enum imprint_status imprint_endpoint_backup(
    const struct imprint_endpoint_order *order, struct imprint_why *why)
{
    return carry_out(order, false, why);
}

enum imprint_status imprint_endpoint_backup_restore(
    const struct imprint_endpoint_order *order, struct imprint_why *why)
{
    return carry_out(order, true, why);
}
