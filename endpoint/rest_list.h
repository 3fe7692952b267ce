/* Lists of the control plane, page by page. */
#ifndef IMPRINT_ENDPOINT_REST_LIST_H
#define IMPRINT_ENDPOINT_REST_LIST_H

#include "rest_call.h"

struct imprint_rest_listing {
    enum imprint_view view;
    const char *of;     /* "": nothing */
    const char *member; /* of the answer */
    bool by_marker;     /* pageSize and marker, not maxResults and nextToken */
    /* fills call->list; called with the call */
    void (*each)(void *call, const char *const *columns);
};

/* ERR_REFUSED: the size of the page, or a token of no page of this list. */
enum imprint_status imprint_rest_list(struct imprint_rest_call *call,
                                      const struct imprint_rest_listing *list);

/* One item of a list of groups: groupName, groupArn. */
void imprint_rest_list_group(struct imprint_rest_call *call,
                             const char *arn_kind, const char *name);

#endif
