/* SPDX-License-Identifier: ISC */
/*
 * explain/show.h - an answer as JSON for programs and as text for people.
 *
 * All that came from outside is escaped.
 */
#ifndef EXPLAIN_SHOW_H
#define EXPLAIN_SHOW_H

#include "explain/explain.h"

/* Octets that always suffice for either form. */
#define EXPLAIN_SHOW_BYTES 32768

/*
 * One JSON object without end of line (the form is fixed by herald-explain(1)).
 *
 * What the text does not give is null. `id` members are causes; keys beyond the fixed
 * ones: title, reply, remote, reporter, sender_software, rule, looked_up.
 */
void explain_show_json(struct buf *b, const struct explain_answer *a);

/* For a person, in lines; with ANSI colour when `color`. */
void explain_show_text(struct buf *b, const struct explain_answer *a, bool color);

#endif
