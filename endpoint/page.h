/* The live page: page.html, turned into C by the build. */
#ifndef IMPRINT_ENDPOINT_PAGE_H
#define IMPRINT_ENDPOINT_PAGE_H

/* With word as its nonce (Content-Security-Policy), to be freed. */
char *imprint_page_write(const char *word);

#endif
