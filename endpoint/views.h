/*
 * What the control plane shows of the registry: rows of texts, page by page.
 * Statuses and lifetimes as in registry.h. A column that is NULL is none;
 * numbers are decimal, switches "0" or "1".
 */
#ifndef IMPRINT_ENDPOINT_VIEWS_H
#define IMPRINT_ENDPOINT_VIEWS_H

#include "registry.h"

/* Whose (struct imprint_views_page.of), and the columns; the last is the key.
 */
enum imprint_view {
    /* of nothing; TEMPLATE: of a name. name, description, created, modified,
     * enabled, hook, role, document, version */
    IMPRINT_VIEW_TEMPLATES,
    IMPRINT_VIEW_TEMPLATE,
    /* of a name. number, created, document, default, number */
    IMPRINT_VIEW_TEMPLATE_VERSIONS,
    IMPRINT_VIEW_POLICY_VERSIONS,
    /* of nothing; POLICY: of a name. name, document, version, created,
     * modified */
    IMPRINT_VIEW_POLICIES,
    IMPRINT_VIEW_POLICY,
    /* of a certificate's id, of a group, of a group and those above it: name */
    IMPRINT_VIEW_CERTIFICATE_POLICIES,
    IMPRINT_VIEW_GROUP_POLICIES,
    IMPRINT_VIEW_GROUP_ALL_POLICIES,
    /* of a policy: "cert/<id>"; these, and "thinggroup/<name>" */
    IMPRINT_VIEW_POLICY_CERTIFICATES,
    IMPRINT_VIEW_POLICY_TARGETS,
    /* of nothing; CERTIFICATE: of an id; BY_CA: of a CA's id. id, state,
     * created, SNI only, modified, CA's id, PEM, not after, claim, number */
    IMPRINT_VIEW_CERTIFICATES,
    IMPRINT_VIEW_CERTIFICATES_UP,
    IMPRINT_VIEW_CERTIFICATE,
    IMPRINT_VIEW_CERTIFICATES_BY_CA,
    IMPRINT_VIEW_CLAIMS, /* of nothing; those columns */
    /* of a certificate's id: thing's name, exclusive */
    IMPRINT_VIEW_CERTIFICATE_THINGS,
    /* of a thing: exclusive, certificate's id */
    IMPRINT_VIEW_THING_CERTIFICATES,
    /* of nothing, a name, a type's name, a group's, a billing group's. number,
     * created, attributes, type, billing group, version, name */
    IMPRINT_VIEW_THINGS,
    IMPRINT_VIEW_THING,
    IMPRINT_VIEW_TYPE_THINGS,
    IMPRINT_VIEW_GROUP_THINGS,
    IMPRINT_VIEW_GROUP_ALL_THINGS, /* and of those below it */
    IMPRINT_VIEW_BILLING_GROUP_THINGS,
    /* of a thing: group's name */
    IMPRINT_VIEW_THING_GROUPS,
    /* of nothing, or a name; CHILD_GROUPS: of the parent. created, version,
     * document, parent, name */
    IMPRINT_VIEW_TYPES,
    IMPRINT_VIEW_TYPE,
    IMPRINT_VIEW_GROUPS,
    IMPRINT_VIEW_GROUP,
    IMPRINT_VIEW_CHILD_GROUPS,
    IMPRINT_VIEW_DESCENDANT_GROUPS, /* of one: all below it */
    IMPRINT_VIEW_ROOT_GROUPS,
    IMPRINT_VIEW_BILLING_GROUPS,
    IMPRINT_VIEW_BILLING_GROUP,
    /* of a group, the topmost first: name */
    IMPRINT_VIEW_GROUP_ANCESTORS,
    /* of a kind (resource.h): created, document, name */
    IMPRINT_VIEW_RESOURCES,
    IMPRINT_VIEW_COUNT
};

#define IMPRINT_VIEWS_KEY_LEN 257

struct imprint_views_page {
    const char *of;    /* "": nothing */
    const char *after; /* the key of the last row that was seen; "": none */
    size_t limit;      /* rows; 0: no limit */
    void (*each)(void *user, const char *const *columns);
    void *user;
};

/* next: what "after" is for the next page; "": there is none. May be NULL. */
IMPRINT_MUST_USE enum imprint_status imprint_views_show(
    struct imprint_registry *registry, enum imprint_view view,
    const struct imprint_views_page *page, char next[IMPRINT_VIEWS_KEY_LEN]);

/* For tests. */
const char *imprint_views_text(enum imprint_view view);

#endif
