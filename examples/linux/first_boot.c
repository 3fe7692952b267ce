/*
 * The least that a program on Linux needs: get an identity on first boot, then
 * use it. imprint_device_provision does nothing if there is one already.
 *
 *     first_boot DIR ENDPOINT CA CLAIM TEMPLATE SERIAL
 */
#include <stdio.h>

#include "imprint/device.h"

static void on_progress(void *user, const char *step)
{
    (void)user;
    (void)fprintf(stderr, "first_boot: %s\n", step);
}

static int fail(const struct imprint_why *why)
{
    (void)fprintf(stderr, "first_boot: %s\n", why->text);
    if (why->hint[0])
        (void)fprintf(stderr, "first_boot: %s\n", why->hint);
    return 1;
}

int main(int argc, char **argv)
{
    struct imprint_device_settings settings = {0};
    struct imprint_device_identity identity;
    struct imprint_why why;

    if (argc != 7) {
        (void)fprintf(stderr,
                      "usage: %s DIR ENDPOINT CA CLAIM TEMPLATE "
                      "SERIAL\n",
                      argv[0]);
        return 2;
    }
    settings.state_dir = argv[1];
    settings.endpoint = argv[2];
    settings.ca = argv[3];
    settings.claim = argv[4]; /* its private.key stands beside it */
    settings.template_name = argv[5];
    settings.parameters[0].name = "SerialNumber";
    settings.parameters[0].value = argv[6];
    settings.parameter_count = 1;
    settings.progress = on_progress;

    if (imprint_device_provision(&settings, &why) != IMPRINT_OK)
        return fail(&why);
    if (imprint_device_load(settings.state_dir, &identity, &why) != IMPRINT_OK)
        return fail(&why);

    /* From here on any MQTT client: these files, and the thing name as id. */
    (void)printf("thing %s\nkey %s\ncertificate %s\n", identity.thing_name,
                 identity.private_key_path, identity.certificate_path);
    imprint_device_free(&identity);
    return 0;
}
