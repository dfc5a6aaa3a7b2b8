/* SPDX-License-Identifier: ISC */
#include "greeting/choose.h"

#define NAME_MAX_BYTES 253u

enum { TIED_MAPPED, TIED_CONFIGURED, TIED_HOST };

span greeting_rule_word(enum greeting_rule rule)
{
    static const span words[] = {
#define RULE_WORD(id, word, advice) [id] = SPAN_INIT(word),
        GREETING_RULE_LIST(RULE_WORD)
#undef RULE_WORD
    };

    return words[rule];
}

span greeting_rule_advice(enum greeting_rule rule)
{
    static const span texts[] = {
#define RULE_ADVICE(id, word, advice) [id] = SPAN_INIT(advice),
        GREETING_RULE_LIST(RULE_ADVICE)
#undef RULE_ADVICE
    };

    return texts[rule];
}

span greeting_unfit_text(enum greeting_unfit unfit)
{
    static const span texts[] = {
#define UNFIT_TEXT(id, text) [id] = SPAN_INIT(text),
        GREETING_UNFIT_LIST(UNFIT_TEXT)
#undef UNFIT_TEXT
    };

    return texts[unfit];
}

/* ---- fitness ---- */

/* What the form of a name alone forbids. */
static enum greeting_unfit unfit_form(const struct greeting_name *n)
{
    switch (n->form) {
    case FORM_EMPTY:
        return UNFIT_EMPTY;
    case FORM_MALFORMED:
        return UNFIT_SYNTAX;
    case FORM_SINGLE_LABEL:
        return (n->traits & TRAIT_LOCALHOST) != 0 ? UNFIT_LOCALHOST : UNFIT_NOT_FQDN;
    case FORM_NUMERIC_NAME:
        return UNFIT_NOT_FQDN;
    case FORM_BARE_IPV4:
    case FORM_BARE_IPV6:
    case FORM_IPV4_LITERAL:
    case FORM_IPV6_LITERAL:
    case FORM_GENERAL_LITERAL:
        return UNFIT_ADDRESS;
    case FORM_FQDN:
        break;
    }
    return FIT;
}

static enum greeting_unfit unfit_name(const struct greeting_name *n)
{
    static const struct {
        unsigned trait;
        enum greeting_unfit unfit;
    } traits[] = {
        {TRAIT_UNDERSCORE, UNFIT_UNDERSCORE},
        {TRAIT_TRAILING_DOT, UNFIT_TRAILING_DOT},
        {TRAIT_LOCALHOST, UNFIT_LOCALHOST},
        {TRAIT_RESERVED_TLD, UNFIT_RESERVED},
    };

    for (size_t i = 0; i < COUNT(traits); i++) {
        if ((n->traits & traits[i].trait) != 0)
            return traits[i].unfit;
    }
    return n->normal.n > NAME_MAX_BYTES ? UNFIT_LONG : FIT;
}

enum greeting_unfit greeting_unfit(span name, bool tied, span peer, span recipient)
{
    struct greeting_name n;
    enum greeting_unfit unfit;

    greeting_name_read(&n, name, false);
    unfit = unfit_form(&n);
    if (unfit == FIT)
        unfit = unfit_name(&n);
    if (unfit != FIT || tied)
        return unfit;
    if (peer.n > 0 && domain_eq(n.normal, peer))
        return UNFIT_PEER;
    if (recipient.n > 0 && (domain_eq(n.normal, recipient) || domain_is_under(n.normal, recipient)))
        return UNFIT_RECIPIENT;
    return FIT;
}

/* ---- the rules, in their order ---- */

static void say(struct greeting_choice *out, enum greeting_rule rule, span text)
{
    struct buf b = BUF_OVER(out->text);

    buf_put_lower(&b, text);
    BUG_IF(b.overflow, "a fit name that is too long");
    out->rule = rule;
    out->n = b.n;
    out->helo = true;
}

static enum greeting_unfit unfit_candidate(const struct greeting_candidates *c, span name,
                                           enum greeting_pass tied)
{
    return greeting_unfit(name, tied == PASS_PASS, c->peer, c->recipient);
}

static bool is_listed(const struct greeting_candidates *c, span name)
{
    for (size_t i = 0; i < c->n_domains; i++) {
        if (domain_eq(name, c->domains[i]) || domain_is_under(name, c->domains[i]))
            return true;
    }
    return false;
}

/* Which of two confirmed names is the better one; the last step makes it always the same. */
static bool is_better(const struct greeting_candidates *c, span a, span b)
{
    bool a_host = domain_eq(a, c->host);
    bool b_host = domain_eq(b, c->host);
    bool a_listed = is_listed(c, a);
    bool b_listed = is_listed(c, b);
    bool a_generic = greeting_name_is_generic(a, c->address);
    bool b_generic = greeting_name_is_generic(b, c->address);

    if (a_host != b_host)
        return a_host;
    if (a_listed != b_listed)
        return a_listed;
    if (a_generic != b_generic)
        return b_generic;
    return span_cmp(a, b) < 0;
}

static span best_ptr(const struct greeting_candidates *c, unsigned *warnings)
{
    span best = SPAN_NONE;
    unsigned fit = 0;

    for (size_t i = 0; i < c->n_confirmed; i++) {
        span name = c->confirmed[i];

        if (greeting_unfit(name, true, c->peer, c->recipient) != FIT)
            continue;
        fit++;
        if (best.n == 0 || is_better(c, name, best))
            best = name;
    }
    if (fit > 1)
        *warnings |= WARN_SEVERAL;
    return best;
}

static bool try_operator(const struct greeting_candidates *c, struct greeting_choice *out)
{
    if (c->mapped.n > 0) {
        out->mapped_unfit = unfit_candidate(c, c->mapped, c->tied[TIED_MAPPED]);
        if (out->mapped_unfit == FIT) {
            say(out, RULE_MAP, c->mapped);
            return true;
        }
        out->warnings |= WARN_MAP_UNFIT;
    }
    if (c->configured.n > 0) {
        out->configured_unfit = unfit_candidate(c, c->configured, c->tied[TIED_CONFIGURED]);
        if (out->configured_unfit == FIT) {
            say(out, RULE_NAME, c->configured);
            return true;
        }
        out->warnings |= WARN_NAME_UNFIT;
    }
    return false;
}

static bool try_host(const struct greeting_candidates *c, struct greeting_choice *out)
{
    out->host_unfit = unfit_candidate(c, c->host, c->tied[TIED_HOST]);
    if (out->host_unfit != FIT)
        return false;
    if (c->tied[TIED_HOST] == PASS_PASS) {
        say(out, RULE_HOST, c->host);
        return true;
    }
    return false;
}

/* Documentation networks count as public, as everywhere in the judge. */
bool greeting_is_public(struct ip_addr a)
{
    enum ip_scope scope = ip_addr_scope(a);

    return a.family != IP_NONE && (scope == IP_PUBLIC || scope == IP_SPECIAL);
}

static void say_literal(struct greeting_choice *out, enum greeting_rule rule, struct ip_addr a)
{
    struct buf b = BUF_OVER(out->text);

    ip_addr_put_literal(&b, a);
    out->rule = rule;
    out->n = b.n;
    out->helo = false;
}

/* Submission servers seldom judge it: the host's name if it is a name at all, else the socket. */
static void say_anything(const struct greeting_candidates *c, struct greeting_choice *out)
{
    if (out->host_unfit == FIT || out->host_unfit == UNFIT_RESERVED)
        say(out, RULE_SUBMISSION, c->host);
    else if (c->socket.family != IP_NONE)
        say_literal(out, RULE_SUBMISSION, c->socket);
}

static void warn(const struct greeting_candidates *c, struct greeting_choice *out)
{
    static const int tied_of[] = {
        [RULE_MAP] = TIED_MAPPED, [RULE_NAME] = TIED_CONFIGURED, [RULE_HOST] = TIED_HOST};
    span said = span_of(out->text, out->n);
    bool by_operator = out->rule == RULE_MAP || out->rule == RULE_NAME;
    bool is_ptr = false;

    if (c->address.family == IP_NONE)
        out->warnings |= WARN_NAT;
    if (c->ptr_unknown)
        out->warnings |= WARN_DNS;
    else if (c->n_confirmed == 0)
        out->warnings |= WARN_NO_PTR;
    for (size_t i = 0; i < c->n_confirmed; i++)
        is_ptr = is_ptr || domain_eq(c->confirmed[i], said);
    if (c->n_confirmed > 0 && !is_ptr)
        out->warnings |= WARN_NOT_THE_PTR;
    if (by_operator && c->tied[tied_of[out->rule]] == PASS_FAIL)
        out->warnings |= WARN_UNTIED;
    if (out->helo && greeting_name_is_generic(said, c->address))
        out->warnings |= WARN_GENERIC;
}

void greeting_choose(const struct greeting_candidates *c, struct greeting_choice *out)
{
    span ptr;

    memset(out, 0, sizeof(*out));
    if (!try_operator(c, out)) {
        ptr = best_ptr(c, &out->warnings);
        if (ptr.n > 0)
            say(out, RULE_PTR, ptr);
        else if (!try_host(c, out) && greeting_is_public(c->address))
            say_literal(out, RULE_LITERAL, c->address);
    }
    if (out->rule == RULE_NOTHING && c->submission)
        say_anything(c, out);
    warn(c, out);
}

/* ---- what peers tell us ---- */

bool greeting_echo(span reply_line, struct ip_addr *out_addr)
{
    bool found = false;

    for (size_t open; (open = span_find(reply_line, '[')) < reply_line.n;) {
        span inner = span_skip(reply_line, open + 1);
        span text = span_head(inner, span_find(inner, ']'));
        struct ip_addr a;

        reply_line = inner;
        if (text.n == inner.n)
            break;
        if (span_istarts(text, SPAN("IPv6:")))
            text = span_skip(text, 5);
        if (ip_addr_parse(text, &a)) {
            *out_addr = a;
            found = true;
        }
    }
    return found;
}
