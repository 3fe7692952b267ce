/*
 * The registry's named things: AWS IoT's things, types, groups, policies,
 * templates, and who is attached to what. The same connection, statuses and
 * lifetimes as in registry.h.
 */
#ifndef IMPRINT_ENDPOINT_CATALOG_H
#define IMPRINT_ENDPOINT_CATALOG_H

#include <stdbool.h>
#include <stdint.h>

#include "registry.h"

/* ---- things ---- */

/* Texts NULL: none. */
struct imprint_catalog_thing {
    const char *name;
    const char *attributes; /* a JSON object of texts, sorted by name */
    const char *type;
    const char *billing_group;
    int64_t created; /* Unix seconds; putting one that is there keeps its own */
};

/* Puts, or replaces but for its groups. */
enum imprint_status imprint_catalog_put_thing(
    struct imprint_registry *registry,
    const struct imprint_catalog_thing *thing);
/* ERR_NOT_FOUND: no such thing. */
enum imprint_status imprint_catalog_find_thing(
    struct imprint_registry *registry, const char *name,
    void (*found)(void *user, const struct imprint_catalog_thing *thing),
    void *user);
enum imprint_status imprint_catalog_put_member(
    struct imprint_registry *registry, const char *group, const char *thing);
enum imprint_status imprint_catalog_drop_members(
    struct imprint_registry *registry, const char *thing);
/* Groups of a thing, sorted. */
enum imprint_status imprint_catalog_each_group(
    struct imprint_registry *registry, const char *thing,
    void (*each)(void *user, const char *group), void *user);

/* ERR_REFUSED: it has a certificate. */
enum imprint_status imprint_catalog_drop_thing(
    struct imprint_registry *registry, const char *name);

/* ---- certificates and their things ---- */

/*
 * is_exclusive: the certificate may have no other thing. ERR_REFUSED: it has
 * an exclusive one, or others.
 */
enum imprint_status imprint_catalog_attach_thing(
    struct imprint_registry *registry, const char *certificate_id,
    const char *thing, bool is_exclusive);
enum imprint_status imprint_catalog_each_thing(
    struct imprint_registry *registry, const char *certificate_id,
    void (*each)(void *user, const char *thing, bool is_exclusive), void *user);

/* ---- names: of what is only there or not ---- */

enum imprint_catalog_kind {
    IMPRINT_CATALOG_THING_TYPE,
    IMPRINT_CATALOG_THING_GROUP,
    IMPRINT_CATALOG_BILLING_GROUP
};

/* Twice is fine. */
enum imprint_status imprint_catalog_put_name(struct imprint_registry *registry,
                                             enum imprint_catalog_kind kind,
                                             const char *name);
/* ERR_NOT_FOUND: there is none. */
enum imprint_status imprint_catalog_find_name(struct imprint_registry *registry,
                                              enum imprint_catalog_kind kind,
                                              const char *name);
enum imprint_status imprint_catalog_each_name(
    struct imprint_registry *registry, enum imprint_catalog_kind kind,
    void (*each)(void *user, const char *name), void *user);

/* ---- policies ---- */

/* Names that begin with $ are the endpoint's own and are not listed. */
enum imprint_status imprint_catalog_put_policy(
    struct imprint_registry *registry, const char *name, const char *document);
/* *document is to be freed; may be NULL. ERR_NOT_FOUND: no such name. */
enum imprint_status imprint_catalog_find_policy(
    struct imprint_registry *registry, const char *name, char **document);
enum imprint_status imprint_catalog_each_policy(
    struct imprint_registry *registry, void (*each)(void *user, const char *),
    void *user);
/* ERR_REFUSED: it is attached to something. */
enum imprint_status imprint_catalog_drop_policy(
    struct imprint_registry *registry, const char *name);

/*
 * To a certificate. Detaching what is not attached is ERR_NOT_FOUND.
 * ERR_REFUSED: it has 10 already, as many as AWS allows.
 */
enum imprint_status imprint_catalog_attach_policy(
    struct imprint_registry *registry, const char *certificate_id,
    const char *policy, bool is_attached);
/* To a thing group. */
enum imprint_status imprint_catalog_attach_group_policy(
    struct imprint_registry *registry, const char *group, const char *policy,
    bool is_attached);
/* Of the certificate itself, in the order of their names. */
enum imprint_status imprint_catalog_each_certificate_policy(
    struct imprint_registry *registry, const char *certificate_id,
    void (*each)(void *user, const char *name, const char *document),
    void *user);
/* Of all groups of a thing. */
enum imprint_status imprint_catalog_each_thing_policy(
    struct imprint_registry *registry, const char *thing,
    void (*each)(void *user, const char *name, const char *document),
    void *user);

/* ---- templates ---- */

struct imprint_catalog_template {
    const char *name;
    const char *document;
    const char *hook; /* a hook's target or an ARN; NULL: none */
    bool is_enabled;
};

enum imprint_status imprint_catalog_put_template(
    struct imprint_registry *registry,
    const struct imprint_catalog_template *template);
/* name NULL: all of them. ERR_NOT_FOUND: no such template. */
enum imprint_status imprint_catalog_each_template(
    struct imprint_registry *registry, const char *name,
    void (*each)(void *user, const struct imprint_catalog_template *template),
    void *user);
enum imprint_status imprint_catalog_drop_template(
    struct imprint_registry *registry, const char *name);

#endif
