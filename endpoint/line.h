/* What goes into a log line. */
#ifndef IMPRINT_ENDPOINT_LINE_H
#define IMPRINT_ENDPOINT_LINE_H

#define IMPRINT_LINE_LEN 1024
#define IMPRINT_LINE_WORD_LEN 160

/*
 * text in quotes, for a reader's eyes: what a client could use to forge a line
 * becomes '?', and what is too long is cut.
 */
const char *imprint_line_quote(char word[IMPRINT_LINE_WORD_LEN],
                               const char *text);

#endif
