/*
 * The endpoint's event log: one line per event in a file, and on stderr when
 * asked for. Lines come from any thread.
 */
#ifndef IMPRINT_PLUGIN_JOURNAL_H
#define IMPRINT_PLUGIN_JOURNAL_H

#include <stdbool.h>

struct imprint_journal;

/*
 * Appends to path; whenever that has grown past 16 MiB it becomes path.old, and
 * a new one is begun. NULL: errno tells why.
 */
struct imprint_journal *imprint_journal_open(const char *path, bool on_stderr);
void imprint_journal_close(struct imprint_journal *journal);

/* Puts the time before and a newline behind; control characters become "?". */
void imprint_journal_write(struct imprint_journal *journal, const char *line);

#endif
