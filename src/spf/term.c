/* SPDX-License-Identifier: ISC */
/* One term after the other: what it asks, and what the answers make of it. */
#include "base/ascii.h"
#include "spf/inner.h"
#include "spf/macro.h"

static void continue_term(struct spf *s);

struct spf_macro spf_macros(struct spf *s)
{
    return (struct spf_macro){
        .sender_local = s->local,
        .sender_domain = s->domain,
        .domain = spf_top(s)->domain,
        .client = s->who.client,
        .validated = buf_span(&s->p),
        .helo = s->who.helo,
        .receiver = s->who.receiver,
        .now_s = s->who.now_s,
    };
}

/*
 * Text as DNS reads it: a backslash from a macro is no escape. A local part that is not ASCII makes
 * no name (RFC 8616 4).
 */
static bool set_target(struct spf *s, span text)
{
    char room[DNS_NAME_MAX_BYTES];
    struct buf escaped = BUF_OVER(room);

    if (ascii_has_high(text))
        return false;
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
bool spf_make_target(struct spf *s, span spec)
{
    struct spf_macro m = spf_macros(s);
    struct buf expanded = buf_over(s->mem.p + s->mem.n, s->mem.cap - s->mem.n);

    if (spec.n == 0)
        return set_target(s, spf_top(s)->domain);
    if (!spf_macro_put(&expanded, spec, SPF_IN_DOMAIN, &m))
        BUG("a macro string that was checked and is malformed");
    if (expanded.overflow) {
        spf_finish(s, SPF_PERMERROR, SPF_TOO_BIG);
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

static void matched(struct spf *s)
{
    spf_leave(s, qualified(s->term.qualifier));
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
        if (r.name.n > 0 && !spf_keep(s, r.name, &s->names[s->n_names++]))
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
    span domain = spf_top(s)->domain;

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
    spf_top(s)->p_known = true;
    if (s->explaining)
        spf_explain(s);
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
        spf_ask(s, address_type(s), s->names[s->at_name++], wait);
}

static void ask_reverse(struct spf *s)
{
    char text[IP_REVERSE_BYTES];
    struct buf name = BUF_OVER(text);

    ip_addr_put_reverse(&name, s->who.client);
    spf_ask(s, DNS_PTR, buf_span(&name), SPF_WAIT_PTR);
}

void spf_want_p(struct spf *s)
{
    s->for_p = true;
    s->p_rank = 0;
    s->p = BUF_OVER(s->p_text);
    ask_reverse(s);
}

/* ---- terms ---- */

static void follow_redirect(struct spf *s)
{
    struct spf_frame *f = spf_top(s);

    s->mem.n = f->mark;
    *f = (struct spf_frame){.mark = f->mark, .qualifier = f->qualifier, .referred = true};
    spf_want_record(s, buf_span(&s->target));
}

static void ask_for_term(struct spf *s, bool has_target)
{
    span target = buf_span(&s->target);

    switch (s->term.kind) {
    case SPF_INCLUDE:
        spf_push(s, has_target ? target : SPAN_NONE, qualified(s->term.qualifier), true);
        return;
    case SPF_REDIRECT:
        if (!has_target)
            buf_reset(&s->target);
        follow_redirect(s);
        return;
    case SPF_A:
        if (has_target)
            spf_ask(s, address_type(s), target, SPF_WAIT_ADDRESS);
        return;
    case SPF_EXISTS:
        if (has_target)
            spf_ask(s, DNS_A, target, SPF_WAIT_ADDRESS);
        return;
    case SPF_MX:
        if (has_target)
            spf_ask(s, DNS_MX, target, SPF_WAIT_MX);
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

    if (spf_macro_wants_p(s->term.spec) && !spf_top(s)->p_known) {
        spf_want_p(s);
        return;
    }
    has_target = spf_make_target(s, s->term.spec);
    if (!s->done)
        ask_for_term(s, has_target);
}

static void begin_asking_term(struct spf *s)
{
    if (s->lookups == SPF_TERMS_MAX) {
        spf_finish(s, SPF_PERMERROR, SPF_MANY_TERMS);
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
    if (spf_top(s)->redirect.n > 0) {
        s->term = (struct spf_term){.kind = SPF_REDIRECT, .spec = spf_top(s)->redirect};
        begin_asking_term(s);
        return;
    }
    if (s->depth == 1) {
        s->mechanism = BUF_OVER(s->mechanism_text);
        buf_put(&s->mechanism, SPAN("default"));
    }
    spf_leave(s, SPF_NEUTRAL);
}

void spf_advance(struct spf *s)
{
    while (!s->done && s->wait == SPF_WAIT_NOTHING) {
        enum spf_take take = spf_term_take(&spf_top(s)->rest, &s->term);

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
        spf_finish(s, SPF_PERMERROR, SPF_MANY_NAMES);
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

void spf_term_told(struct spf *s, enum spf_wait wait, const struct dns_answer *answer)
{
    switch (wait) {
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
    case SPF_WAIT_NOTHING:
    case SPF_WAIT_RECORD:
    case SPF_WAIT_EXPLANATION:
        break;
    }
    BUG("an answer that no term asked for");
}
