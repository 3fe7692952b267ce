#include "thing.h"

#include <stdlib.h>
#include <string.h>

#include "document.h"
#include "memory.h"
#include "posix/why.h"

static int compare_pairs(const void *a, const void *b)
{
    const struct imprint_pair *left = a;
    const struct imprint_pair *right = b;

    return strcmp((const char *)left->name.bytes,
                  (const char *)right->name.bytes);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A copy of a text that is there. */
static enum imprint_status copy_text(void **memory, const char *text,
                                     const char **out)
{
    *out = imprint_memory_copy(memory, imprint_slice_text(text));
    return *out ? IMPRINT_OK : IMPRINT_ERR_INTERNAL;
}

static enum imprint_status read_pairs(const struct imprint_document *object,
                                      struct imprint_pair **out, size_t *count,
                                      void **memory)
{
    size_t room = imprint_document_count(object);
    struct imprint_pair *pairs =
        imprint_memory_take(memory, (room + 1) * sizeof(*pairs));
    const struct imprint_document *value;
    const char *name;
    void *cursor = NULL;
    size_t i = 0;

    if (!pairs)
        return IMPRINT_ERR_INTERNAL;
    while ((name = imprint_document_next(object, &cursor, &value))) {
        const char *text = imprint_document_text(value);

        if (!text)
            return IMPRINT_ERR_FORMAT;
        if (copy_text(memory, name, &name) != IMPRINT_OK ||
            copy_text(memory, text, &text) != IMPRINT_OK)
            return IMPRINT_ERR_INTERNAL;
        pairs[i].name = imprint_slice_text(name);
        pairs[i++].value = imprint_slice_text(text);
    }
    qsort(pairs, i, sizeof(*pairs), compare_pairs);
    *out = pairs;
    *count = i;
    return IMPRINT_OK;
}

enum imprint_status imprint_thing_read_attributes(const char *json,
                                                  struct imprint_pair **out,
                                                  size_t *count, void **memory)
{
    struct imprint_document *root = NULL;
    void *own = NULL;
    enum imprint_status status =
        imprint_document_read(imprint_slice_text(json), &root, NULL);

    if (status == IMPRINT_OK &&
        imprint_document_kind_of(root) != IMPRINT_DOCUMENT_OBJECT)
        status = IMPRINT_ERR_FORMAT;
    if (status == IMPRINT_OK)
        status = read_pairs(root, out, count, &own);
    imprint_document_free(root);
    if (status == IMPRINT_OK)
        *memory = own;
    else
        imprint_memory_free(&own);
    return status;
}

char *imprint_thing_write_attributes(const struct imprint_pair *pairs,
                                     size_t count)
{
    struct imprint_memory_text text = {.bytes = NULL};
    size_t i;

    for (i = 0; i < count; i++) {
        imprint_memory_put(&text, imprint_slice_text(i > 0 ? "," : "{"));
        imprint_memory_put_quoted(&text, pairs[i].name);
        imprint_memory_put(&text, imprint_slice_text(":"));
        imprint_memory_put_quoted(&text, pairs[i].value);
    }
    imprint_memory_put(&text, imprint_slice_text(count > 0 ? "}" : "{}"));
    if (!text.has_failed)
        return text.bytes;
    free(text.bytes);
    return NULL;
}

static enum imprint_status refuse(struct imprint_why *why, const char *name,
                                  const char *shape)
{
    return imprint_why_set(why, IMPRINT_ERR_FORMAT, "\"%s\" must be %s", name,
                           shape);
}

/* A member that may be missing. */
static enum imprint_status read_text(const struct imprint_document *root,
                                     const char *name, void **memory,
                                     const char **out, struct imprint_why *why)
{
    const struct imprint_document *node = imprint_document_member(root, name);
    const char *text = imprint_document_text(node);

    if (!node)
        return IMPRINT_OK;
    if (!text)
        return refuse(why, name, "a text");
    return copy_text(memory, text, out);
}

static enum imprint_status read_groups(const struct imprint_document *root,
                                       struct imprint_template_thing *thing,
                                       void **memory, struct imprint_why *why)
{
    static const char name[] = "thingGroups";
    const struct imprint_document *list = imprint_document_member(root, name);
    size_t count = imprint_document_count(list);

    if (list && imprint_document_kind_of(list) != IMPRINT_DOCUMENT_ARRAY)
        return refuse(why, name, "a list of names");
    thing->groups =
        imprint_memory_take(memory, (count + 1) * sizeof(*thing->groups));
    if (!thing->groups)
        return IMPRINT_ERR_INTERNAL;
    for (size_t i = 0; i < count; i++) {
        const char *text =
            imprint_document_text(imprint_document_item(list, i));

        if (!text)
            return refuse(why, name, "a list of names");
        if (copy_text(memory, text, &thing->groups[i]) != IMPRINT_OK)
            return IMPRINT_ERR_INTERNAL;
    }
    qsort(thing->groups, count, sizeof(*thing->groups), compare_texts);
    thing->group_count = count;
    return IMPRINT_OK;
}

static enum imprint_status read_members(const struct imprint_document *root,
                                        struct imprint_template_thing *thing,
                                        void **memory, struct imprint_why *why)
{
    const struct imprint_document *attributes =
        imprint_document_member(root, "attributes");
    enum imprint_status status = IMPRINT_OK;

    if (imprint_document_kind_of(root) != IMPRINT_DOCUMENT_OBJECT)
        return imprint_why_set(why, IMPRINT_ERR_FORMAT,
                               "a thing must be an object");
    if (!imprint_document_text(imprint_document_member(root, "thingName")))
        return refuse(why, "thingName", "a text");
    if (attributes &&
        imprint_document_kind_of(attributes) != IMPRINT_DOCUMENT_OBJECT)
        return refuse(why, "attributes", "an object");
    status = read_text(root, "thingName", memory, &thing->name, why);
    if (status == IMPRINT_OK)
        status = read_text(root, "thingTypeName", memory, &thing->type, why);
    if (status == IMPRINT_OK)
        status = read_text(root, "billingGroupName", memory,
                           &thing->billing_group, why);
    if (status == IMPRINT_OK)
        status = read_groups(root, thing, memory, why);
    if (status != IMPRINT_OK)
        return status;
    status = read_pairs(attributes, &thing->attributes, &thing->attribute_count,
                        memory);
    return status == IMPRINT_ERR_FORMAT
               ? refuse(why, "attributes", "an object of texts")
               : status;
}

enum imprint_status imprint_thing_read(struct imprint_slice text,
                                       struct imprint_template_thing *out,
                                       void **memory, struct imprint_why *why)
{
    struct imprint_template_thing thing = {.name = NULL};
    struct imprint_document *root = NULL;
    void *own = NULL;
    enum imprint_status status = imprint_document_read(text, &root, why);

    if (status == IMPRINT_OK)
        status = read_members(root, &thing, &own, why);
    imprint_document_free(root);
    if (status == IMPRINT_ERR_INTERNAL)
        (void)imprint_why_set(why, status, "out of memory");
    if (status != IMPRINT_OK) {
        imprint_memory_free(&own);
        return status;
    }
    *out = thing;
    *memory = own;
    return IMPRINT_OK;
}
