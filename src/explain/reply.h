/* SPDX-License-Identifier: ISC */
/* explain/reply.h - find the refusal itself in a text: its code, its words, its end (inside the
 * room). */
#ifndef EXPLAIN_REPLY_H
#define EXPLAIN_REPLY_H

#include "base/span.h"

struct reply_found {
    span text;     /* from the code to the end of what the server said; empty: no code */
    unsigned code; /* 0: none */
    span enhanced; /* "5.7.1", empty: none */
};

/*
 * Find the reply in text (RFC 5321 4.2, RFC 3463 2).
 *
 * A three-digit number is a code when what stands around it says so; section numbers,
 * addresses, ports and versions are not codes. Borrows from text.
 */
void reply_find(span text, struct reply_found *out);

#endif
