/*
 * Private to authority.c, which makes keys and signs; authority_judge.c, which
 * looks at what others signed; authority_request.c, which takes requests apart.
 */
#ifndef IMPRINT_ENDPOINT_AUTHORITY_PARTS_H
#define IMPRINT_ENDPOINT_AUTHORITY_PARTS_H

#include "authority.h"

struct x509_st;
struct X509_req_st;

/* Its id, PEM and end. Of NULL: ERR_INTERNAL. */
enum imprint_status imprint_authority_take_certificate(
    struct x509_st *certificate, struct imprint_authority_certificate *out);

/* The pieces of a request for a P-256 key, borrowed from its DER. */
struct imprint_authority_request {
    struct imprint_slice info;      /* what is signed, with its head */
    struct imprint_slice subject;   /* a Name, with its head */
    struct imprint_slice point;     /* of the key, not compressed: 65 bytes */
    struct imprint_slice signature; /* ecdsa-with-SHA256 */
};

/*
 * All of der (RFC 2986, section 4). False: it is another kind, or none at all;
 * nothing is checked but the form.
 */
bool imprint_authority_read_p256(struct imprint_slice der,
                                 struct imprint_authority_request *out);

/* NULL: it is no request in PEM. */
struct X509_req_st *imprint_authority_read_request(struct imprint_slice pem);

#endif
