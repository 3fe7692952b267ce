/* What goes into a log line. */
#ifndef IMPRINT_ENDPOINT_LINE_H
#define IMPRINT_ENDPOINT_LINE_H

#define IMPRINT_LINE_LEN 1024
#define IMPRINT_LINE_WORD_LEN 160

/*
 * text in quotes, for a reader's eyes: quotes in it become single ones, control
 * characters '?', so that no client forges a line; what is too long is cut.
 */
const char *imprint_line_quote(char word[IMPRINT_LINE_WORD_LEN],
                               const char *text);

/* Where it is: what is no printable ASCII becomes '?'. */
void imprint_line_clean(char *text);

#endif
