/* SPDX-License-Identifier: ISC */
#include "guard/guard.h"

#include "guard/line.h"
#include "guard/policy.h"

void guard_init(struct guard *g, enum guard_protocol protocol, bool adds_field, struct buf *out)
{
    *g = (struct guard){.protocol = protocol, .adds_field = adds_field, .out = out};
    if (protocol == GUARD_MILTER)
        guard_milter_init(&g->milter, adds_field);
}

void guard_feed(struct guard *g, span in)
{
    g->in = in;
    /* A question borrows from the input, which may have moved: it is read again. */
    if (g->protocol != GUARD_MILTER)
        g->pending = 0;
}

span guard_rest(const struct guard *g)
{
    return g->in;
}

static enum guard_need read_one(struct guard *g, size_t *out_used)
{
    switch (g->protocol) {
    case GUARD_POLICY:
        return guard_policy_read(g->in, out_used, &g->question);
    case GUARD_MILTER:
        return guard_milter_read(&g->milter, g->in, out_used, &g->question, g->out);
    case GUARD_EXIM:
        return guard_line_read(g->in, out_used, &g->question);
    case GUARD_PROTOCOL_COUNT:
        break;
    }
    BUG("no such protocol");
}

enum guard_need guard_next(struct guard *g, struct guard_question *out_q)
{
    enum guard_need need = GUARD_ASK;
    size_t used = 0;

    if (g->ended)
        return GUARD_END;
    if (g->pending == 0)
        need = read_one(g, &used);
    if (need == GUARD_ASK) {
        g->pending = used != 0 ? used : g->pending;
        g->question.takes_field = g->question.takes_field && g->adds_field;
        *out_q = g->question;
    }
    g->ended = need == GUARD_END;
    if (need == GUARD_TOOK || need == GUARD_END)
        g->in = span_skip(g->in, used);
    return need;
}

void guard_answer(struct guard *g, const struct guard_answer *a)
{
    BUG_IF(g->pending == 0, "an answer without a question");
    g->in = span_skip(g->in, g->pending);
    g->pending = 0;
    switch (g->protocol) {
    case GUARD_POLICY:
        guard_policy_put(g->out, a);
        break;
    case GUARD_MILTER:
        guard_milter_put(&g->milter, g->out, a);
        break;
    case GUARD_EXIM:
        guard_line_put(g->out, a);
        break;
    case GUARD_PROTOCOL_COUNT:
        break;
    }
}
