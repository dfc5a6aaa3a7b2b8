/* SPDX-License-Identifier: ISC */
/*
 * base/diag.h - the place and the words of a failure, for a person.
 *
 * The last parameter of functions whose failure a person reads (configuration,
 * tools, start-up). Filled on failure only, by diag_set; may be NULL, then the
 * words are dropped. The first failure stands: a second diag_set changes nothing.
 */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

#include "base/err.h"

#define DIAG_TEXT_BYTES 512

struct diag {
    bool set;
    const char *file;           /* borrowed from the caller that knows the file; NULL: no file */
    unsigned line;              /* 1 and up; 0: no line */
    unsigned column;            /* 1 and up; 0: no column */
    int sys;                    /* errno at the time, 0: none */
    char text[DIAG_TEXT_BYTES]; /* one line, no end of line, NUL-terminated */
};

/*
 * Say what happened. A text that is too long is cut.
 *
 * returns e, so that `return diag_set(d, ERR_IO, errno, "...")` reads well.
 */
enum err diag_set(struct diag *d, enum err e, int sys, const char *fmt, ...) PRINTF(4, 5);

/* "file:line:column: text: strerror", whatever of it is known, into out (NUL-terminated, cut). */
const char *diag_format(const struct diag *d, char *out, size_t cap);

#endif
