/* SPDX-License-Identifier: ISC */
/* explain/facts.h - who, where and with which name: the facts around a refusal (inside the room).
 */
#ifndef EXPLAIN_FACTS_H
#define EXPLAIN_FACTS_H

#include "explain/explain.h"

/* After match_text: stage, software and fields that the text gives, into a. Borrows from text. */
void facts_find(const struct explain_work *w, span text, struct explain_answer *a);

#endif
