/* SPDX-License-Identifier: ISC */
#include "server/guard_ledger.h"

#include "os/clock.h"
#include "server/notes.h"

static void note_all(struct notes *n, const struct guard_seen *seen)
{
    const struct guard_question *q = seen->question;
    const struct greeting_verdict *v = seen->verdict;
    bool at_helo = q->stage == GUARD_AT_HELO;

    notes_add(n, &(struct ledger_note){
                     .type = LEDGER_GREETING,
                     .detail = q->is_helo ? LEDGER_HELO : LEDGER_EHLO,
                     .number = at_helo ? v->code : 250,
                     .text = greet_name(seen->greet),
                 });
    notes_verdict(n, seen->greet, v, seen->policy);
    /* Whether there is none, or none was told, cannot be known. */
    if (q->sender.n != 0)
        notes_text(n, LEDGER_SENDER, 0, q->sender);
    if (seen->reference.n != 0)
        notes_text(n, LEDGER_REF, 0, seen->reference);
    if (seen->reply.n != 0)
        notes_text(n, LEDGER_REPLY, v->code, seen->reply);
    notes_text(n, LEDGER_LISTENER, 0, seen->listener);
    notes_text(n, LEDGER_OUTCOME, 0, SPAN("judged for another mail server"));
}

void guard_record(struct ledger_client *c, const struct guard_seen *seen)
{
    struct notes n = {0};
    struct ledger_record r = {
        .kind = LEDGER_SESSION,
        .id = seen->id,
        .last_id = seen->id,
        .count = 1,
        .time_ms = clock_wall_ms(),
        .client = seen->question->client,
        .flags = seen->verdict->exempt == EXEMPT_TRUSTED ? LEDGER_TRUSTED : 0u,
    };

    if (!c->on)
        return;
    notes_begin(&n);
    note_all(&n, seen);
    r.notes = heap_span(&n.packed);
    ledger_client_add(c, &r);
    notes_end(&n);
}
