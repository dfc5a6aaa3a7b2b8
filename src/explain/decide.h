/* SPDX-License-Identifier: ISC */
/* explain/decide.h - from the clauses that hold to a cause (inside the room). */
#ifndef EXPLAIN_DECIDE_H
#define EXPLAIN_DECIDE_H

#include "explain/explain.h"

/* After match_causes: cause, confidence, evidence and alternatives, into a. */
void decide_cause(const struct explain_work *w, span text, struct explain_answer *a);

/* The cause is this page now: who, lateness, alternatives of the page follow it. */
void decide_settle(struct explain_answer *a, const struct explain_page *page);

/* The fix lines for the cause and the software at hand, into a. */
void decide_fixes(struct explain_answer *a, const struct explain_options *options);

#endif
