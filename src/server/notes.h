/* SPDX-License-Identifier: ISC */
/*
 * server/notes.h - the notes of a record of the ledger while they are gathered.
 *
 * Each kind up to the number that a record may hold (queue/ledger_record.h); what is more leaves
 * one LEDGER_MORE. Without memory a note is left out.
 */
#ifndef SERVER_NOTES_H
#define SERVER_NOTES_H

#include "greeting/judge.h"
#include "os/heap.h"
#include "queue/ledger_record.h"

struct greet;

/* Zeroed is empty, but for notes_begin. */
struct notes {
    struct heap_buf packed;
    uint8_t counts[LEDGER_NOTE_COUNT];
};

void notes_begin(struct notes *n);
void notes_end(struct notes *n);
void notes_add(struct notes *n, const struct ledger_note *note);
static inline void notes_text(struct notes *n, enum ledger_note_type type, unsigned number,
                              span text)
{
    notes_add(n, &(struct ledger_note){.type = type, .number = number, .text = text});
}

/* One finding of the judge, and whether it refuses. */
void notes_finding(struct notes *n, span cause, bool enforced);
/* What the judge decided, its code and cause. */
void notes_decision(struct notes *n, const struct greeting_verdict *v);
/* Facts (when they are known), findings and the decision; p has the exemptions. */
void notes_verdict(struct notes *n, const struct greet *g, const struct greeting_verdict *v,
                   const struct greeting_policy *p);

#endif
