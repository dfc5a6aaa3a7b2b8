/* SPDX-License-Identifier: ISC */
#include "server/notes.h"

#include "server/greet.h"

#define NOTE_HEAD_BYTES 6

void notes_begin(struct notes *n)
{
    heap_init(&n->packed, LEDGER_NOTES_BYTES);
}

void notes_end(struct notes *n)
{
    heap_release(&n->packed);
}

void notes_add(struct notes *n, const struct ledger_note *note)
{
    char memory[NOTE_HEAD_BYTES + LEDGER_TEXT_BYTES];
    struct buf b = BUF_OVER(memory);

    ledger_note_put(&b, note);
    if (n->counts[note->type] < ledger_note_max((enum ledger_note_type)note->type) &&
        heap_put(&n->packed, buf_span(&b))) {
        n->counts[note->type]++;
        return;
    }
    if (n->counts[LEDGER_MORE] != 0)
        return;
    n->counts[LEDGER_MORE] = 1;
    buf_reset(&b);
    ledger_note_put(&b, &(struct ledger_note){.type = LEDGER_MORE});
    (void)heap_put(&n->packed, buf_span(&b));
}

void notes_finding(struct notes *n, span cause, bool enforced)
{
    notes_add(n, &(struct ledger_note){
                     .type = LEDGER_FINDING, .detail = enforced ? 1 : 0, .text = cause});
}

void notes_decision(struct notes *n, const struct greeting_verdict *v)
{
    notes_add(n,
              &(struct ledger_note){
                  .type = LEDGER_JUDGED, .detail = v->action, .number = v->code, .text = v->cause});
}

static void note_facts(struct notes *n, const struct greet *g)
{
    char memory[LEDGER_TEXT_BYTES];
    struct buf b = BUF_OVER(memory);
    struct greeting_facts f = greet_facts(g);

    greeting_facts_pack(&b, &f);
    notes_text(n, LEDGER_FACTS, 0, buf_span(&b));
    if (greet_host(g).n != 0)
        notes_text(n, LEDGER_HOST, 0, greet_host(g));
    else if (greet_ptr(g).n != 0)
        notes_text(n, LEDGER_PTR, 0, greet_ptr(g));
}

static void note_exemption(struct notes *n, const struct greeting_exemption *e)
{
    char memory[LEDGER_TEXT_BYTES];
    struct buf b = BUF_OVER(memory);

    greeting_exemption_put(&b, e);
    notes_text(n, LEDGER_FREED, 0, buf_span(&b));
}

void notes_verdict(struct notes *n, const struct greet *g, const struct greeting_verdict *v,
                   const struct greeting_policy *p)
{
    if (greet_is_ready(g))
        note_facts(n, g);
    for (size_t i = 0; i < v->n_findings; i++) {
        const struct greeting_finding *finding = &v->finding[i];

        notes_finding(n, greeting_check_cause(finding->check), finding->enforced);
        if (finding->exemption != 0 && finding->state == CHECK_ENFORCE)
            note_exemption(n, &p->exemptions[finding->exemption - 1]);
    }
    if (v->exempt != EXEMPT_NOT)
        notes_text(n, LEDGER_EXEMPT, 0, greeting_exempt_word(v->exempt));
    notes_decision(n, v);
}
