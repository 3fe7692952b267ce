#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint/admin.h"
#include "endpoint/claims.h"
#include "endpoint_order.h"
#include "posix/settings.h"
#include "posix/why.h"

#define FIRST_ROOM 16
#define THING "thing/"

struct found {
    char id[65];
    bool is_active;
};

/* The certificates of an id, a claim or a thing. */
struct search {
    const char *wanted;
    struct found *items;
    size_t count;
    size_t room;
    bool is_claim;  /* wanted is a claim's name */
    char owner[65]; /* wanted is the id of this claim's certificate; or "" */
    bool is_broken;
};

static bool make_room(struct search *search)
{
    size_t room = search->room ? 2 * search->room : FIRST_ROOM;
    struct found *items;

    if (search->count < search->room)
        return true;
    items = realloc(search->items, room * sizeof(*items));
    if (!items)
        return false;
    search->items = items;
    search->room = room;
    return true;
}

static void match(void *user,
                  const struct imprint_admin_certificate *certificate)
{
    struct search *search = user;
    struct found *found;

    if (strcmp(search->wanted, certificate->id) != 0 &&
        strcmp(search->wanted, certificate->claim) != 0 &&
        strcmp(search->wanted, certificate->thing) != 0)
        return;
    if (!make_room(search)) {
        search->is_broken = true;
        return;
    }
    if (strcmp(search->wanted, certificate->claim) == 0)
        search->is_claim = true;
    if (strcmp(search->wanted, certificate->id) == 0)
        (void)snprintf(search->owner, sizeof(search->owner), "%s",
                       certificate->claim);
    found = &search->items[search->count++];
    (void)snprintf(found->id, sizeof(found->id), "%s", certificate->id);
    found->is_active = strcmp(certificate->status, "ACTIVE") == 0;
}

/* Free search->items. */
static enum imprint_status find(const struct imprint_endpoint_order *order,
                                struct search *search, struct imprint_why *why)
{
    enum imprint_status status;

    memset(search, 0, sizeof(*search));
    search->wanted = order->operands[0];
    if (!search->wanted[0])
        return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                               "\"\" is no certificate, claim or thing");
    status = imprint_admin_each_certificate(order->dir, match, search, why);
    if (status == IMPRINT_OK && search->is_broken)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    if (status != IMPRINT_OK || search->count > 0)
        return status;
    /* a trusted user's claim is listed nowhere */
    if (strlen(search->wanted) == sizeof(search->items->id) - 1) {
        if (!make_room(search))
            return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
        search->items[0].is_active = true;
        memcpy(search->items[0].id, search->wanted, sizeof(search->items->id));
        search->count = 1;
        return IMPRINT_OK;
    }
    imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                    "no certificate, claim or thing \"%s\"", search->wanted);
    imprint_why_hint(why, "see imprint endpoint certificates");
    return IMPRINT_ERR_SETTINGS;
}

static enum imprint_status set_status(
    const struct imprint_endpoint_order *order, const char *status_name,
    struct imprint_why *why)
{
    struct search search;
    enum imprint_status status = find(order, &search, why);

    for (size_t i = 0; status == IMPRINT_OK && i < search.count; i++)
        status = imprint_admin_set_status(order->dir, search.items[i].id,
                                          status_name, why);
    free(search.items);
    return status;
}

enum imprint_status imprint_endpoint_state_activate(
    const struct imprint_endpoint_order *order, struct imprint_why *why)
{
    return set_status(order, "ACTIVE", why);
}

enum imprint_status imprint_endpoint_state_deactivate(
    const struct imprint_endpoint_order *order, struct imprint_why *why)
{
    return set_status(order, "INACTIVE", why);
}

enum imprint_status imprint_endpoint_state_revoke(
    const struct imprint_endpoint_order *order, struct imprint_why *why)
{
    return set_status(order, "REVOKED", why);
}

/* ---- delete ---- */

/* "policy/NAME" and "template/NAME"; false: neither. */
static bool read_kind(const char *which, enum imprint_admin_kind *kind,
                      const char **name)
{
    static const struct {
        const char *prefix;
        enum imprint_admin_kind kind;
    } kinds[] = {{"policy/", IMPRINT_ADMIN_POLICY},
                 {"template/", IMPRINT_ADMIN_TEMPLATE}};

    for (size_t i = 0; i < 2; i++) {
        size_t len = strlen(kinds[i].prefix);

        if (strncmp(which, kinds[i].prefix, len) != 0)
            continue;
        *kind = kinds[i].kind;
        *name = which + len;
        return true;
    }
    return false;
}

static enum imprint_status drop_claim(const struct search *search,
                                      const char *dir, bool is_forced,
                                      struct imprint_why *why)
{
    for (size_t i = 0; i < search->count && !is_forced; i++) {
        if (!search->items[i].is_active)
            continue;
        imprint_why_set(why, IMPRINT_ERR_REFUSED, "claim \"%s\" is ACTIVE",
                        search->wanted);
        imprint_why_hint(why, "deactivate it first, or add --force");
        return IMPRINT_ERR_REFUSED;
    }
    return imprint_claims_drop(dir, search->wanted, why);
}

enum imprint_status imprint_endpoint_state_delete(
    const struct imprint_endpoint_order *order, struct imprint_why *why)
{
    bool is_forced = imprint_settings_on(order->settings, "force");
    enum imprint_admin_kind kind;
    const char *name;
    struct search search;
    enum imprint_status status;

    if (strncmp(order->operands[0], THING, strlen(THING)) == 0)
        return imprint_admin_drop_thing(
            order->dir, order->operands[0] + strlen(THING), why);
    if (read_kind(order->operands[0], &kind, &name))
        return imprint_admin_drop_name(order->dir, kind, name, why);
    status = find(order, &search, why);
    if (status == IMPRINT_OK && search.is_claim)
        status = drop_claim(&search, order->dir, is_forced, why);
    else
        for (size_t i = 0; status == IMPRINT_OK && i < search.count; i++)
            status = imprint_admin_drop_certificate(
                order->dir, search.items[i].id, is_forced, why);
    if (status == IMPRINT_OK && search.owner[0] && !search.is_claim)
        status = imprint_claims_drop_files(order->dir, search.owner,
                                           order->operands[0], why);
    free(search.items);
    return status;
}
