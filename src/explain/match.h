/* SPDX-License-Identifier: ISC */
/* explain/match.h - find the phrases of the rules in a text, and the clauses that hold (inside the
 * room). */
#ifndef EXPLAIN_MATCH_H
#define EXPLAIN_MATCH_H

#include "explain/explain.h"

/* Does what stands from `at` to `end` touch the reply, or `far` octets around it at most? Always
 * true where no reply was found. */
bool match_is_near(const struct explain_work *w, size_t at, size_t end, size_t far);

/*
 * Find all terms of text, then all clauses that hold but those of causes.
 *
 * reply    the part of the text that the refusing server said; terms in it are marked
 * off      clauses to leave out, or NULL
 * result   w->terms, w->found, w->clauses, until the next call
 */
void match_text(struct explain_work *w, span text, span reply, const uint8_t *off);

/*
 * After match_text: the clauses of causes, now that code and stage are known.
 *
 * enhanced  "5.7.25", or empty
 */
void match_causes(struct explain_work *w, unsigned code, span enhanced, enum explain_stage stage,
                  const uint8_t *off);

#endif
