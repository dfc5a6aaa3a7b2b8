/* SPDX-License-Identifier: ISC */
/*
 * The evaluation is a stack of records: include pushes one, redirect replaces the top,
 * and a record that has decided is popped. Between questions everything is in struct spf:
 *
 *     record wanted --TXT--> terms, one after the other --match or end--> leave
 *        ^                     | a, exists, mx, ptr ask and come back to the same term
 *        +---- include --------+
 *
 * %{p} asks too: a term (or an explanation) that holds it is put off until the validated
 * name is known and then begun again. Errors end the whole evaluation wherever they happen.
 */
#include "spf/spf.h"

#include "base/ascii.h"
#include "spf/inner.h"
#include "spf/macro.h"

static const span result_words[] = {
#define RESULT_WORD(id, word) [id] = SPAN_INIT(word),
    SPF_RESULT_LIST(RESULT_WORD)
#undef RESULT_WORD
};

static const span problem_texts[] = {
#define PROBLEM_TEXT(id, text) [id] = SPAN_INIT(text),
    SPF_PROBLEM_LIST(PROBLEM_TEXT)
#undef PROBLEM_TEXT
};

span spf_result_word(enum spf_result result)
{
    return result_words[result];
}

span spf_problem_text(enum spf_problem problem)
{
    return problem_texts[problem];
}

/* ---- small parts ---- */

struct spf_frame *spf_top(struct spf *s)
{
    BUG_IF(s->depth == 0, "no record under evaluation");
    return &s->frame[s->depth - 1];
}

void spf_finish(struct spf *s, enum spf_result result, enum spf_problem problem)
{
    s->wait = SPF_WAIT_NOTHING;
    s->result = result;
    s->problem = problem;
    s->done = true;
}

/* A copy on the memory stack; the evaluation ends when there is no room. */
bool spf_keep(struct spf *s, span text, span *out)
{
    size_t start = s->mem.n;

    buf_put(&s->mem, text);
    if (s->mem.overflow) {
        spf_finish(s, SPF_PERMERROR, SPF_TOO_BIG);
        return false;
    }
    *out = span_of(s->mem.p + start, text.n);
    return true;
}

void spf_ask(struct spf *s, enum dns_type type, span name, enum spf_wait wait)
{
    s->asking = BUF_OVER(s->question);
    buf_put(&s->asking, name);
    BUG_IF(s->asking.overflow, "a name longer than any name");
    s->asked = type;
    s->wait = wait;
}

/* RFC 7208 4.3: labels that DNS can hold, two of them at least, of printable ASCII, no literal. */
static bool is_domain(span name)
{
    char octets[DNS_NAME_MAX_BYTES];
    struct buf wire = BUF_OVER(octets);
    size_t dot = span_find(name, '.');

    for (size_t i = 0; i < name.n; i++) {
        if (!ascii_is_print(name.p[i]) || span_has(SPAN(" []\\"), name.p[i]))
            return false;
    }
    return dot + 1 < name.n && dns_name_put(&wire, name) && !wire.overflow;
}

/* ---- records: begin, leave ---- */

void spf_want_record(struct spf *s, span domain)
{
    if (!is_domain(domain)) {
        if (spf_top(s)->referred)
            spf_finish(s, SPF_PERMERROR, SPF_NO_INCLUDED);
        else
            spf_finish(s, SPF_NONE, SPF_BAD_DOMAIN);
        return;
    }
    if (!spf_keep(s, domain, &spf_top(s)->domain))
        return;
    spf_ask(s, DNS_TXT, spf_top(s)->domain, SPF_WAIT_RECORD);
}

void spf_push(struct spf *s, span domain, enum spf_result qualifier, bool referred)
{
    BUG_IF(s->depth == COUNT(s->frame), "more includes than terms are allowed");
    s->frame[s->depth++] =
        (struct spf_frame){.mark = s->mem.n, .qualifier = qualifier, .referred = referred};
    spf_want_record(s, domain);
}

static void no_record(struct spf *s)
{
    if (spf_top(s)->referred)
        spf_finish(s, SPF_PERMERROR, SPF_NO_INCLUDED);
    else
        spf_finish(s, SPF_NONE, SPF_NO_RECORD);
}

static void told_record(struct spf *s, const struct dns_answer *answer)
{
    struct dns_cursor at = dns_records(answer);
    struct spf_frame *f = spf_top(s);
    struct dns_record r;
    span found = SPAN_NONE;
    unsigned n = 0;

    while (dns_record_next(&at, &r)) {
        if (spf_record_is(r.octets)) {
            found = r.octets;
            n++;
        }
    }
    if (n > 1) {
        spf_finish(s, SPF_PERMERROR, SPF_MANY_RECORDS);
    } else if (n == 0 && answer->cut) {
        spf_finish(s, SPF_PERMERROR, SPF_TOO_BIG);
    } else if (n == 0) {
        no_record(s);
    } else if (spf_keep(s, spf_record_terms(found), &f->record)) {
        f->rest = f->record;
        if (!spf_record_check(f->record, &f->redirect, &f->exp))
            spf_finish(s, SPF_PERMERROR, SPF_BAD_RECORD);
    }
}

/* The outermost record has decided. */
static void decide(struct spf *s, enum spf_result result)
{
    s->result = result;
    if (result == SPF_FAIL && spf_top(s)->exp.n > 0) {
        s->explaining = true;
        spf_explain(s);
    } else {
        spf_finish(s, result, SPF_NO_PROBLEM);
    }
}

/* The top record has decided: pop it, and perhaps the include that asked for it matches. */
void spf_leave(struct spf *s, enum spf_result result)
{
    while (s->depth > 1) {
        struct spf_frame *f = spf_top(s);

        s->mem.n = f->mark;
        s->depth--;
        /* s->p was made for the domain that ends here. */
        spf_top(s)->p_known = false;
        if (result != SPF_PASS)
            return;
        result = f->qualifier;
    }
    decide(s, result);
}

/* Errors of PTR look-ups and of explanations are no errors of the record (5.5, 6.2). */
static bool may_fail(enum spf_wait wait)
{
    return wait == SPF_WAIT_PTR || wait == SPF_WAIT_PTR_ADDRESS || wait == SPF_WAIT_EXPLANATION;
}

/* A void look-up of a term (RFC 7208 4.6.4); false when it was one too many. */
static bool count_void(struct spf *s, enum spf_wait wait)
{
    bool counts = wait == SPF_WAIT_ADDRESS || wait == SPF_WAIT_MX || wait == SPF_WAIT_MX_ADDRESS ||
                  (wait == SPF_WAIT_PTR && !s->for_p);

    if (counts && ++s->void_lookups > SPF_VOID_MAX) {
        spf_finish(s, SPF_PERMERROR, SPF_MANY_VOID);
        return false;
    }
    return true;
}

/* ---- explanations (RFC 7208 6.2) ---- */

/* One TXT record, or there is no explanation. */
static void told_explanation(struct spf *s, const struct dns_answer *answer)
{
    struct dns_cursor at = dns_records(answer);
    struct dns_record r;

    s->term.spec = SPAN_NONE;
    if (answer->n != 1 || !dns_record_next(&at, &r) ||
        !spf_macro_check(r.octets, SPF_IN_EXPLANATION) || !spf_keep(s, r.octets, &s->term.spec)) {
        spf_finish(s, SPF_FAIL, SPF_NO_PROBLEM);
        return;
    }
    spf_top(s)->exp = SPAN_NONE;
    spf_explain(s);
}

/* What the macros put in was said by the client, and may be anything. */
static bool is_printable(span text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (!ascii_is_print(text.p[i]))
            return false;
    }
    return true;
}

static void put_explanation(struct spf *s)
{
    struct spf_macro m = spf_macros(s);

    s->explanation = BUF_OVER(s->explanation_text);
    if (!spf_macro_put(&s->explanation, s->term.spec, SPF_IN_EXPLANATION, &m) ||
        s->explanation.overflow || !is_printable(buf_span(&s->explanation)))
        buf_reset(&s->explanation);
    spf_finish(s, SPF_FAIL, SPF_NO_PROBLEM);
}

/* First the name from exp=, then the text that it has; either may hold %{p}. */
void spf_explain(struct spf *s)
{
    bool has_text = spf_top(s)->exp.n == 0;
    span text = has_text ? s->term.spec : spf_top(s)->exp;

    if (spf_macro_wants_p(text) && !spf_top(s)->p_known) {
        spf_want_p(s);
    } else if (has_text) {
        put_explanation(s);
    } else if (spf_make_target(s, text)) {
        spf_ask(s, DNS_TXT, buf_span(&s->target), SPF_WAIT_EXPLANATION);
    } else {
        spf_finish(s, SPF_FAIL, SPF_NO_PROBLEM);
    }
}

/* ---- the engine ---- */

void spf_init(struct spf *s, const struct spf_identity *who, char *memory, size_t memory_bytes)
{
    span sender = who->sender.n > 0 ? who->sender : who->helo;
    size_t at = who->sender.n > 0 ? span_rfind(sender, '@') : sender.n;

    memset(s, 0, sizeof(*s));
    s->who = *who;
    s->mem = buf_over(memory, memory_bytes);
    s->domain = at < sender.n ? span_skip(sender, at + 1) : sender;
    s->local = at > 0 && at < sender.n ? span_head(sender, at) : SPAN("postmaster");
    spf_push(s, s->domain, SPF_PASS, false);
}

enum spf_need spf_next(const struct spf *s, struct spf_event *out)
{
    *out = (struct spf_event){
        .need = s->done ? SPF_DONE : SPF_ASK,
        .question = {buf_span(&s->asking), s->asked},
        .result = s->result,
        .problem = s->problem,
        .explanation = buf_span(&s->explanation),
        .mechanism = buf_span(&s->mechanism),
        .lookups = s->lookups,
        .void_lookups = s->void_lookups,
    };
    return out->need;
}

static void told(struct spf *s, enum spf_wait wait, const struct dns_answer *answer)
{
    BUG_IF(wait == SPF_WAIT_NOTHING, "an answer that was not asked for");
    if (wait == SPF_WAIT_RECORD)
        told_record(s, answer);
    else if (wait == SPF_WAIT_EXPLANATION)
        told_explanation(s, answer);
    else
        spf_term_told(s, wait, answer);
}

void spf_told(struct spf *s, const struct dns_answer *answer)
{
    enum spf_wait wait = s->wait;
    /* It comes from another process: an answer to something else is none. */
    enum dns_state state = answer->type == s->asked ? dns_answer_state(answer) : DNS_UNKNOWN;
    struct dns_answer none = dns_answer_of(s->asked, DNS_SERVFAIL);

    if (s->done)
        return;
    if (state == DNS_UNKNOWN && !may_fail(wait)) {
        spf_finish(s, SPF_TEMPERROR, SPF_DNS_FAILED);
        return;
    }
    if (state == DNS_ABSENT && !count_void(s, wait))
        return;
    s->wait = SPF_WAIT_NOTHING;
    told(s, wait, state == DNS_UNKNOWN ? &none : answer);
    spf_advance(s);
}

void spf_timeout(struct spf *s)
{
    if (s->done)
        return;
    if (s->explaining)
        spf_finish(s, SPF_FAIL, SPF_NO_PROBLEM);
    else
        spf_finish(s, SPF_TEMPERROR, SPF_DNS_FAILED);
}
