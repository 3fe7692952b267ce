/*
 * A fleet's file: what has to be there in AWS before a device is delivered.
 * docs/FORMATS.md has the members. Comments, "//" and slash-star, are fine in
 * one that ends in ".jsonc".
 */
#ifndef IMPRINT_CLOUD_FLEET_H
#define IMPRINT_CLOUD_FLEET_H

#include "aws/finding.h"
#include "imprint/status.h"
#include "imprint/why.h"

#define IMPRINT_FLEET_NO_HOOK "none, anyone with a claim may register any name"

struct imprint_fleet {
    char *name;          /* the template's, too */
    char *region;        /* NULL: as for AWS's tools */
    char *thing_name;    /* of the template that is generated */
    char *template_text; /* of a file; NULL: generated */
    char *policy_text;   /* of a file; NULL: generated */
    char *hook;          /* a function's ARN; NULL: none, and they know it */
};

/* "" where "<name>-" is not followed by anything. */
#define IMPRINT_FLEET_NAME_LEN 65
void imprint_fleet_role(const struct imprint_fleet *fleet,
                        char name[IMPRINT_FLEET_NAME_LEN]);
void imprint_fleet_policy(const struct imprint_fleet *fleet,
                          char name[IMPRINT_FLEET_NAME_LEN]);

/*
 * All that is wrong with the file is in findings, whose source is *text, to be
 * freed after them. ERR_FORMAT: something is. ERR_NOT_FOUND, ERR_SPACE,
 * ERR_STORAGE: it can't be read.
 */
IMPRINT_MUST_USE enum imprint_status imprint_fleet_read(
    const char *path, struct imprint_fleet *out,
    struct imprint_findings *findings, char **text, struct imprint_why *why);
void imprint_fleet_free(struct imprint_fleet *fleet);

/* Its file, without the files that it names, to be freed. NULL: no memory. */
char *imprint_fleet_write(const struct imprint_fleet *fleet);

/* Where its things are, in ARNs. */
struct imprint_fleet_home {
    const char *partition;
    const char *region;
    const char *account;
};

/* Those of the files, or generated; free them. NULL: no memory. */
char *imprint_fleet_write_template(const struct imprint_fleet *fleet);
/* Connect as the thing, and its own topics: <name>/<thing>/... */
char *imprint_fleet_write_policy(const struct imprint_fleet *fleet,
                                 const struct imprint_fleet_home *home);

#endif
