#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "imprint/slice.h"
#include "why.h"

#define VALUE_MAX_LEN 4096u

/* "mac:" and the like; a name without a colon is whole. */
static const struct source {
    const char *name;
    const char *before; /* of what stands behind the colon */
    const char *behind;
    bool takes_path;
} sources[] = {
    {"machine-id", "/etc/machine-id", "", false},
    {"mac:", "/sys/class/net/", "/address", false},
    {"dmi:", "/sys/class/dmi/id/product_", "", false},
    {"file:", "", "", true},
};

static const struct source *find_source(const char *name, size_t len,
                                        const char **rest)
{
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        size_t own_len = strlen(sources[i].name);
        bool takes_more = sources[i].name[own_len - 1] == ':';

        if (len < own_len || strncmp(name, sources[i].name, own_len) != 0 ||
            takes_more != (len > own_len))
            continue;
        *rest = name + own_len;
        return &sources[i];
    }
    return NULL;
}

static enum imprint_status refuse(const char *name, size_t len,
                                  struct imprint_why *why)
{
    imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                    "\"${%.*s}\" is nothing that a machine has", (int)len,
                    name);
    imprint_why_hint(why, "${machine-id}, ${mac:eth0}, ${dmi:serial}, "
                          "${file:/path}");
    return IMPRINT_ERR_SETTINGS;
}

/* The file that the name means. */
static enum imprint_status name_file(const char *root, const char *name,
                                     size_t len, char path[PATH_MAX],
                                     struct imprint_why *why)
{
    const char *rest = NULL;
    const struct source *source = find_source(name, len, &rest);
    int rest_len = source ? (int)(name + len - rest) : 0;
    int path_len;

    if (!source || (source->takes_path && *rest != '/') ||
        (!source->takes_path && memchr(rest, '/', (size_t)rest_len)))
        return refuse(name, len, why);
    path_len = snprintf(path, PATH_MAX, "%s%s%.*s%s", root, source->before,
                        rest_len, rest, source->behind);
    return path_len < PATH_MAX ? IMPRINT_OK : refuse(name, len, why);
}

/* The first line, without white space around it. Files of sysfs have no size.
 */
static enum imprint_status read_line(const char *path, char **out,
                                     struct imprint_why *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    enum imprint_status status;
    char *text = NULL;
    size_t len;
    size_t from;

    if (fd < 0)
        return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                               "cannot read \"%s\": %s", path, strerror(errno));
    status = imprint_file_read_fd(fd, VALUE_MAX_LEN, &text, &len, why);
    close(fd);
    if (status != IMPRINT_OK)
        return IMPRINT_ERR_SETTINGS;
    text[strcspn(text, "\n")] = '\0';
    len = strlen(text);
    while (len > 0 && strchr(" \t\r", text[len - 1]))
        text[--len] = '\0';
    from = strspn(text, " \t");
    memmove(text, text + from, len - from + 1);
    *out = text;
    if (text[0])
        return IMPRINT_OK;
    free(text);
    *out = NULL;
    return imprint_why_set(why, IMPRINT_ERR_SETTINGS, "\"%s\" is empty", path);
}

/* The value of ${name}. */
static enum imprint_status find_value(const char *root,
                                      struct imprint_slice name, char **out,
                                      struct imprint_why *why)
{
    char path[PATH_MAX];
    struct imprint_why inner = {"", ""};
    enum imprint_status status =
        name_file(root, (const char *)name.bytes, name.len, path, why);

    if (status != IMPRINT_OK)
        return status;
    status = read_line(path, out, &inner);
    if (status == IMPRINT_OK)
        return IMPRINT_OK;
    imprint_why_set(why, IMPRINT_ERR_SETTINGS, "${%.*s}: %.300s", (int)name.len,
                    (const char *)name.bytes, inner.text);
    imprint_why_hint(why, "this machine does not have it: take another source, "
                          "or write the value");
    return IMPRINT_ERR_SETTINGS;
}

/* text, and len bytes of more behind it; text is freed. NULL: no memory. */
static char *append(char *text, const char *more, size_t len)
{
    char *longer = NULL;

    if (asprintf(&longer, "%s%.*s", text ? text : "", (int)len, more) < 0)
        longer = NULL;
    free(text);
    return longer;
}

enum imprint_status imprint_host_expand(const char *root, const char *text,
                                        char **out, struct imprint_why *why)
{
    enum imprint_status status = IMPRINT_OK;
    char *made = append(NULL, "", 0);
    const char *start;
    const char *end;
    char *value;

    while (made && (start = strstr(text, "${"))) {
        end = strchr(start, '}');
        if (!end) {
            status = imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                                     "no \"}\" behind \"%.100s\"", start);
            break;
        }
        value = NULL;
        status = find_value(
            root, imprint_slice_of(start + 2, (size_t)(end - start - 2)),
            &value, why);
        if (!value)
            break;
        made = append(made, text, (size_t)(start - text));
        if (made)
            made = append(made, value, strlen(value));
        free(value);
        text = end + 1;
    }
    if (status == IMPRINT_OK && made)
        made = append(made, text, strlen(text));
    if (status == IMPRINT_OK && !made)
        status = imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    if (status == IMPRINT_OK)
        *out = made;
    else
        free(made);
    return status;
}
