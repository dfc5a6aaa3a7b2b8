/* SPDX-License-Identifier: ISC */
/* spf/inner.h - what the two halves of the evaluation share; for the spf room alone. */
#ifndef SPF_INNER_H
#define SPF_INNER_H

#include "spf/macro.h"
#include "spf/spf.h"

/* ---- spf/spf.c: records, explanations, the end ---- */

/* The record under evaluation. */
struct spf_frame *spf_top(struct spf *s);
void spf_finish(struct spf *s, enum spf_result result, enum spf_problem problem);

/* A copy on the memory stack; false when there is no room: the evaluation has ended then. */
MUSTUSE bool spf_keep(struct spf *s, span text, span *out);

void spf_ask(struct spf *s, enum dns_type type, span name, enum spf_wait wait);

/* Ask for the record of a domain, for the frame on top. */
void spf_want_record(struct spf *s, span domain);
/* A frame for a further record; `qualifier` is what the include means when it matches. */
void spf_push(struct spf *s, span domain, enum spf_result qualifier, bool referred);
/* The top record has decided: pop it, and perhaps the include that asked for it matches. */
void spf_leave(struct spf *s, enum spf_result result);
/* Go on with the explanation of a fail. */
void spf_explain(struct spf *s);

/* ---- spf/term.c: terms ---- */

/* Evaluate terms until one asks or all is decided. */
void spf_advance(struct spf *s);
void spf_term_told(struct spf *s, enum spf_wait wait, const struct dns_answer *answer);

/* What macros stand for here and now. */
struct spf_macro spf_macros(struct spf *s);
/*
 * The target-name of a term (RFC 7208 4.8), into s->target.
 *
 * false when no DNS name comes of it: then nothing matches. The evaluation may
 * also have ended for want of memory.
 */
bool spf_make_target(struct spf *s, span spec);
/* Find out the client's validated name, and then begin again with what wanted it. */
void spf_want_p(struct spf *s);

#endif
