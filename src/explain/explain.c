/* SPDX-License-Identifier: ISC */
#include "explain/explain.h"

#include "explain/decide.h"
#include "explain/facts.h"
#include "explain/match.h"
#include "explain/reply.h"
#include "explain/rules.h"

static const char *const stage_texts[EXPLAIN_STAGE_COUNT] = {
    [EXPLAIN_CONNECT] = "connect",   [EXPLAIN_HELO] = "helo", [EXPLAIN_EHLO] = "ehlo",
    [EXPLAIN_STARTTLS] = "starttls", [EXPLAIN_AUTH] = "auth", [EXPLAIN_MAIL] = "mail",
    [EXPLAIN_RCPT] = "rcpt",         [EXPLAIN_DATA] = "data", [EXPLAIN_QUIT] = "quit",
};

const char *explain_stage_text(enum explain_stage stage)
{
    return stage_texts[stage];
}

/* A header right at the top is that of the text itself, not of a copy in it. */
#define COPY_FROM_BYTES 100

/* Where a copy of the message begins: nothing behind it is read. */
static size_t copy_begins(const struct explain_work *w, size_t n)
{
    for (size_t i = 0; i < w->clause_n; i++) {
        const struct rule_clause *c = &rule_clauses[w->clauses[i]];

        if (rules[c->rule].kind == RULE_CUT && w->found[c->term[0]].at >= COPY_FROM_BYTES)
            n = min_size(n, w->found[c->term[0]].at);
    }
    return n;
}

/* What the reply's class says, or the reporter's own word for it. */
static void judge_permanence(struct explain_answer *a)
{
    char class = a->code != 0 ? (char)('0' + a->code / 100) : '\0';

    if (class == '\0' && a->enhanced.n != 0)
        class = a->enhanced.p[0];
    a->permanent_known = class == '4' || class == '5';
    a->permanent = class == '5';
}

void explain_read(struct explain_work *w, span text, const struct explain_options *options,
                  struct explain_answer *a)
{
    const uint8_t *off = options != NULL ? options->off : NULL;
    struct reply_found reply;
    size_t end;

    memset(a, 0, sizeof *a);
    text = span_head(text, EXPLAIN_TEXT_MAX);
    reply_find(text, &reply);
    match_text(w, text, reply.text, off);
    end = copy_begins(w, text.n);
    if (end < text.n && end > 0) {
        text = span_head(text, end);
        reply_find(text, &reply);
        match_text(w, text, reply.text, off);
    }
    a->reply = reply.text;
    a->code = reply.code;
    a->enhanced = reply.enhanced;
    facts_find(w, text, a);
    judge_permanence(a);
    match_causes(w, a->code, a->enhanced, a->stage, off);
    decide_cause(w, text, a);
    decide_fixes(a, options);
}
