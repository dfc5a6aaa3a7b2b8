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

static void advance(struct spf *s);
static void continue_term(struct spf *s);
static void explain(struct spf *s);

span spf_result_word(enum spf_result result)
{
    return result_words[result];
}

span spf_problem_text(enum spf_problem problem)
{
    return problem_texts[problem];
}

/* ---- small parts ---- */

static struct spf_frame *top(struct spf *s)
{
    BUG_IF(s->depth == 0, "no record under evaluation");
    return &s->frame[s->depth - 1];
}

static void finish(struct spf *s, enum spf_result result, enum spf_problem problem)
{
    s->wait = SPF_WAIT_NOTHING;
    s->result = result;
    s->problem = problem;
    s->done = true;
}

/* A copy on the memory stack; the evaluation ends when there is no room. */
static bool keep(struct spf *s, span text, span *out)
{
    size_t start = s->mem.n;

    buf_put(&s->mem, text);
    if (s->mem.overflow) {
        finish(s, SPF_PERMERROR, SPF_TOO_BIG);
        return false;
    }
    *out = span_of(s->mem.p + start, text.n);
    return true;
}

static void ask(struct spf *s, enum dns_type type, span name, enum spf_wait wait)
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

static struct spf_macro macros(struct spf *s)
{
    return (struct spf_macro){
        .sender_local = s->local,
        .sender_domain = s->domain,
        .domain = top(s)->domain,
        .client = s->who.client,
        .validated = buf_span(&s->p),
        .helo = s->who.helo,
        .receiver = s->who.receiver,
        .now_s = s->who.now_s,
    };
}

/* Text as DNS reads it: a backslash from a macro is no escape. */
static bool set_target(struct spf *s, span text)
{
    char room[DNS_NAME_MAX_BYTES];
    struct buf escaped = BUF_OVER(room);

    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\\')
            buf_putc(&escaped, '\\');
        buf_putc(&escaped, text.p[i]);
    }
    s->target = BUF_OVER(s->target_text);
    return !escaped.overflow && dns_name_canonical(&s->target, buf_span(&escaped)) &&
           !s->target.overflow && s->target.n > 0;
}

/* RFC 7208 7.3: over-long names lose labels on the left until 253 octets are left. */
static span shorten(span name)
{
    if (span_ends(name, SPAN(".")))
        name.n--;
    while (name.n > 253) {
        size_t dot = span_find(name, '.');

        name = span_skip(name, dot + 1);
    }
    return name;
}

/*
 * The target-name of a term (RFC 7208 4.8), into s->target.
 *
 * false when no DNS name comes of it: then nothing matches. The evaluation may
 * also have ended for want of memory.
 */
static bool make_target(struct spf *s, span spec)
{
    struct spf_macro m = macros(s);
    struct buf expanded = buf_over(s->mem.p + s->mem.n, s->mem.cap - s->mem.n);

    if (spec.n == 0)
        return set_target(s, top(s)->domain);
    if (!spf_macro_put(&expanded, spec, SPF_IN_DOMAIN, &m))
        BUG("a macro string that was checked and is malformed");
    if (expanded.overflow) {
        finish(s, SPF_PERMERROR, SPF_TOO_BIG);
        return false;
    }
    return set_target(s, shorten(buf_span(&expanded)));
}

static enum spf_result qualified(char qualifier)
{
    switch (qualifier) {
    case '-':
        return SPF_FAIL;
    case '~':
        return SPF_SOFTFAIL;
    case '?':
        return SPF_NEUTRAL;
    default:
        return SPF_PASS;
    }
}

/* ---- records: begin, leave ---- */

static void want_record(struct spf *s, span domain)
{
    if (!is_domain(domain)) {
        if (top(s)->referred)
            finish(s, SPF_PERMERROR, SPF_NO_INCLUDED);
        else
            finish(s, SPF_NONE, SPF_BAD_DOMAIN);
        return;
    }
    if (!keep(s, domain, &top(s)->domain))
        return;
    ask(s, DNS_TXT, top(s)->domain, SPF_WAIT_RECORD);
}

static void push(struct spf *s, span domain, enum spf_result qualifier, bool referred)
{
    BUG_IF(s->depth == COUNT(s->frame), "more includes than terms are allowed");
    s->frame[s->depth++] =
        (struct spf_frame){.mark = s->mem.n, .qualifier = qualifier, .referred = referred};
    want_record(s, domain);
}

static void no_record(struct spf *s)
{
    if (top(s)->referred)
        finish(s, SPF_PERMERROR, SPF_NO_INCLUDED);
    else
        finish(s, SPF_NONE, SPF_NO_RECORD);
}

static void told_record(struct spf *s, const struct dns_answer *answer)
{
    struct dns_cursor at = dns_records(answer);
    struct spf_frame *f = top(s);
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
        finish(s, SPF_PERMERROR, SPF_MANY_RECORDS);
    } else if (n == 0 && answer->cut) {
        finish(s, SPF_PERMERROR, SPF_TOO_BIG);
    } else if (n == 0) {
        no_record(s);
    } else if (keep(s, spf_record_terms(found), &f->record)) {
        f->rest = f->record;
        if (!spf_record_check(f->record, &f->redirect, &f->exp))
            finish(s, SPF_PERMERROR, SPF_BAD_RECORD);
    }
}

/* The outermost record has decided. */
static void decide(struct spf *s, enum spf_result result)
{
    s->result = result;
    if (result == SPF_FAIL && top(s)->exp.n > 0) {
        s->explaining = true;
        explain(s);
    } else {
        finish(s, result, SPF_NO_PROBLEM);
    }
}

/* The top record has decided: pop it, and perhaps the include that asked for it matches. */
static void leave(struct spf *s, enum spf_result result)
{
    while (s->depth > 1) {
        struct spf_frame *f = top(s);

        s->mem.n = f->mark;
        s->depth--;
        /* s->p was made for the domain that ends here. */
        top(s)->p_known = false;
        if (result != SPF_PASS)
            return;
        result = f->qualifier;
    }
    decide(s, result);
}

static void matched(struct spf *s)
{
    leave(s, qualified(s->term.qualifier));
}

/* ---- names of MX and PTR answers ---- */

static enum dns_type address_type(const struct spf *s)
{
    return s->who.client.family == IP_V6 ? DNS_AAAA : DNS_A;
}

static bool keep_names(struct spf *s, const struct dns_answer *answer)
{
    struct dns_cursor at = dns_records(answer);
    struct dns_record r;

    s->n_names = 0;
    s->at_name = 0;
    s->names_mark = s->mem.n;
    while (s->n_names < SPF_NAMES_MAX && dns_record_next(&at, &r)) {
        if (r.name.n > 0 && !keep(s, r.name, &s->names[s->n_names++]))
            return false;
    }
    return true;
}

static bool is_under(span name, span parent)
{
    return name.n > parent.n && span_ends(name, parent) && name.p[name.n - parent.n - 1] == '.';
}

/* How well a name suits %{p} (RFC 7208 7.3): the domain itself, a name under it, any other. */
static unsigned rank_for_p(struct spf *s, span name)
{
    span domain = top(s)->domain;

    if (dns_name_eq(name, domain))
        return 3;
    return domain.n < name.n && span_iends(name, domain) &&
                   is_under(name, span_skip(name, name.n - domain.n))
               ? 2
               : 1;
}

static bool is_useful(struct spf *s, span name)
{
    span target = buf_span(&s->target);

    if (s->wait == SPF_WAIT_MX_ADDRESS)
        return true;
    if (s->for_p)
        return rank_for_p(s, name) > s->p_rank;
    return span_eq(name, target) || is_under(name, target);
}

static void walk_ends(struct spf *s)
{
    s->mem.n = s->names_mark;
    s->wait = SPF_WAIT_NOTHING;
    if (!s->for_p)
        return;
    s->for_p = false;
    top(s)->p_known = true;
    if (s->explaining)
        explain(s);
    else
        continue_term(s);
}

/* Ask for the addresses of the next name that can matter. */
static void next_name(struct spf *s, enum spf_wait wait)
{
    s->wait = wait;
    while (s->at_name < s->n_names && !is_useful(s, s->names[s->at_name]))
        s->at_name++;
    if (s->at_name == s->n_names)
        walk_ends(s);
    else
        ask(s, address_type(s), s->names[s->at_name++], wait);
}

static void ask_reverse(struct spf *s)
{
    char text[IP_REVERSE_BYTES];
    struct buf name = BUF_OVER(text);

    ip_addr_put_reverse(&name, s->who.client);
    ask(s, DNS_PTR, buf_span(&name), SPF_WAIT_PTR);
}

static void want_p(struct spf *s)
{
    s->for_p = true;
    s->p_rank = 0;
    s->p = BUF_OVER(s->p_text);
    ask_reverse(s);
}

/* ---- terms ---- */

static void follow_redirect(struct spf *s)
{
    struct spf_frame *f = top(s);

    s->mem.n = f->mark;
    *f = (struct spf_frame){.mark = f->mark, .qualifier = f->qualifier, .referred = true};
    want_record(s, buf_span(&s->target));
}

static void ask_for_term(struct spf *s, bool has_target)
{
    span target = buf_span(&s->target);

    switch (s->term.kind) {
    case SPF_INCLUDE:
        push(s, has_target ? target : SPAN_NONE, qualified(s->term.qualifier), true);
        return;
    case SPF_REDIRECT:
        if (!has_target)
            buf_reset(&s->target);
        follow_redirect(s);
        return;
    case SPF_A:
        if (has_target)
            ask(s, address_type(s), target, SPF_WAIT_ADDRESS);
        return;
    case SPF_EXISTS:
        if (has_target)
            ask(s, DNS_A, target, SPF_WAIT_ADDRESS);
        return;
    case SPF_MX:
        if (has_target)
            ask(s, DNS_MX, target, SPF_WAIT_MX);
        return;
    case SPF_PTR:
        if (has_target)
            ask_reverse(s);
        return;
    case SPF_ALL:
    case SPF_IP4:
    case SPF_IP6:
    case SPF_EXP:
    case SPF_OTHER:
        break;
    }
    BUG("a term that asks nothing");
}

static void continue_term(struct spf *s)
{
    bool has_target;

    if (spf_macro_wants_p(s->term.spec) && !top(s)->p_known) {
        want_p(s);
        return;
    }
    has_target = make_target(s, s->term.spec);
    if (!s->done)
        ask_for_term(s, has_target);
}

static void begin_asking_term(struct spf *s)
{
    if (s->lookups == SPF_TERMS_MAX) {
        finish(s, SPF_PERMERROR, SPF_MANY_TERMS);
        return;
    }
    s->lookups++;
    continue_term(s);
}

static void begin_term(struct spf *s)
{
    if (s->depth == 1) {
        s->mechanism = BUF_OVER(s->mechanism_text);
        buf_put(&s->mechanism, span_head(s->term.text, sizeof(s->mechanism_text)));
    }
    switch (s->term.kind) {
    case SPF_ALL:
        matched(s);
        return;
    case SPF_IP4:
    case SPF_IP6:
        if (ip_prefix_has(s->term.network, s->who.client))
            matched(s);
        return;
    case SPF_INCLUDE:
    case SPF_A:
    case SPF_MX:
    case SPF_PTR:
    case SPF_EXISTS:
    case SPF_REDIRECT:
        begin_asking_term(s);
        return;
    case SPF_EXP:
    case SPF_OTHER:
        return;
    }
}

/* All terms looked at and none matched: redirect, or neutral (RFC 7208 4.7). */
static void record_ends(struct spf *s)
{
    if (top(s)->redirect.n > 0) {
        s->term = (struct spf_term){.kind = SPF_REDIRECT, .spec = top(s)->redirect};
        begin_asking_term(s);
        return;
    }
    if (s->depth == 1) {
        s->mechanism = BUF_OVER(s->mechanism_text);
        buf_put(&s->mechanism, SPAN("default"));
    }
    leave(s, SPF_NEUTRAL);
}

static void advance(struct spf *s)
{
    while (!s->done && s->wait == SPF_WAIT_NOTHING) {
        enum spf_take take = spf_term_take(&top(s)->rest, &s->term);

        BUG_IF(take == SPF_TAKE_BAD, "a record that was checked and is malformed");
        if (take == SPF_TAKE_END)
            record_ends(s);
        else if (s->term.kind < SPF_REDIRECT)
            begin_term(s);
    }
}

/* ---- answers ---- */

static bool holds_client(const struct spf *s, const struct dns_answer *answer, unsigned bits4,
                         unsigned bits6)
{
    struct dns_cursor at = dns_records(answer);
    unsigned bits = s->who.client.family == IP_V6 ? bits6 : bits4;
    struct dns_record r;

    while (dns_record_next(&at, &r)) {
        if (ip_prefix_has(ip_prefix_of(dns_record_addr(&r), bits), s->who.client))
            return true;
    }
    return false;
}

static void told_address(struct spf *s, const struct dns_answer *answer)
{
    bool found = s->term.kind == SPF_EXISTS ? answer->n > 0
                                            : holds_client(s, answer, s->term.bits4, s->term.bits6);

    if (found)
        matched(s);
}

static void told_mx(struct spf *s, const struct dns_answer *answer)
{
    if (answer->n > SPF_NAMES_MAX)
        finish(s, SPF_PERMERROR, SPF_MANY_NAMES);
    else if (keep_names(s, answer))
        next_name(s, SPF_WAIT_MX_ADDRESS);
}

static void told_mx_address(struct spf *s, const struct dns_answer *answer)
{
    if (holds_client(s, answer, s->term.bits4, s->term.bits6))
        matched(s);
    else
        next_name(s, SPF_WAIT_MX_ADDRESS);
}

static void told_ptr_address(struct spf *s, const struct dns_answer *answer)
{
    span name = s->names[s->at_name - 1];

    if (!holds_client(s, answer, 32, 128)) {
        next_name(s, SPF_WAIT_PTR_ADDRESS);
    } else if (s->for_p) {
        s->p_rank = rank_for_p(s, name);
        s->p = BUF_OVER(s->p_text);
        buf_put(&s->p, name);
        next_name(s, SPF_WAIT_PTR_ADDRESS);
    } else {
        matched(s);
    }
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
        finish(s, SPF_PERMERROR, SPF_MANY_VOID);
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
        !spf_macro_check(r.octets, SPF_IN_EXPLANATION) || !keep(s, r.octets, &s->term.spec)) {
        finish(s, SPF_FAIL, SPF_NO_PROBLEM);
        return;
    }
    top(s)->exp = SPAN_NONE;
    explain(s);
}

static void put_explanation(struct spf *s)
{
    struct spf_macro m = macros(s);

    s->explanation = BUF_OVER(s->explanation_text);
    if (!spf_macro_put(&s->explanation, s->term.spec, SPF_IN_EXPLANATION, &m) ||
        s->explanation.overflow)
        buf_reset(&s->explanation);
    finish(s, SPF_FAIL, SPF_NO_PROBLEM);
}

/* First the name from exp=, then the text that it has; either may hold %{p}. */
static void explain(struct spf *s)
{
    bool has_text = top(s)->exp.n == 0;
    span text = has_text ? s->term.spec : top(s)->exp;

    if (spf_macro_wants_p(text) && !top(s)->p_known) {
        want_p(s);
    } else if (has_text) {
        put_explanation(s);
    } else if (make_target(s, text)) {
        ask(s, DNS_TXT, buf_span(&s->target), SPF_WAIT_EXPLANATION);
    } else {
        finish(s, SPF_FAIL, SPF_NO_PROBLEM);
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
    push(s, s->domain, SPF_PASS, false);
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
    switch (wait) {
    case SPF_WAIT_RECORD:
        told_record(s, answer);
        return;
    case SPF_WAIT_ADDRESS:
        told_address(s, answer);
        return;
    case SPF_WAIT_MX:
        told_mx(s, answer);
        return;
    case SPF_WAIT_MX_ADDRESS:
        told_mx_address(s, answer);
        return;
    case SPF_WAIT_PTR:
        if (keep_names(s, answer))
            next_name(s, SPF_WAIT_PTR_ADDRESS);
        return;
    case SPF_WAIT_PTR_ADDRESS:
        told_ptr_address(s, answer);
        return;
    case SPF_WAIT_EXPLANATION:
        told_explanation(s, answer);
        return;
    case SPF_WAIT_NOTHING:
        break;
    }
    BUG("an answer that was not asked for");
}

void spf_told(struct spf *s, const struct dns_answer *answer)
{
    enum spf_wait wait = s->wait;
    enum dns_state state = dns_answer_state(answer);

    BUG_IF(s->done, "an answer after the end");
    BUG_IF(answer->type != s->asked, "an answer to another question");
    if (state == DNS_UNKNOWN && !may_fail(wait)) {
        finish(s, SPF_TEMPERROR, SPF_DNS_FAILED);
        return;
    }
    if (state == DNS_ABSENT && !count_void(s, wait))
        return;
    s->wait = SPF_WAIT_NOTHING;
    told(s, wait, answer);
    advance(s);
}

void spf_timeout(struct spf *s)
{
    if (s->done)
        return;
    if (s->explaining)
        finish(s, SPF_FAIL, SPF_NO_PROBLEM);
    else
        finish(s, SPF_TEMPERROR, SPF_DNS_FAILED);
}
