/* SPDX-License-Identifier: ISC */
#include "spf/record.h"

#include "base/ascii.h"
#include "base/num.h"
#include "spf/macro.h"

enum argument {
    ARG_NONE,
    ARG_SPEC,          /* ":" domain-spec */
    ARG_MAYBE_SPEC,    /* [ ":" domain-spec ] */
    ARG_SPEC_AND_CIDR, /* [ ":" domain-spec ] [ dual-cidr-length ] */
    ARG_IP4,
    ARG_IP6,
};

static const struct {
    span name;
    enum spf_kind kind;
    enum argument argument;
} mechanisms[] = {
    {SPAN_INIT("all"), SPF_ALL, ARG_NONE},       {SPAN_INIT("include"), SPF_INCLUDE, ARG_SPEC},
    {SPAN_INIT("a"), SPF_A, ARG_SPEC_AND_CIDR},  {SPAN_INIT("mx"), SPF_MX, ARG_SPEC_AND_CIDR},
    {SPAN_INIT("ptr"), SPF_PTR, ARG_MAYBE_SPEC}, {SPAN_INIT("ip4"), SPF_IP4, ARG_IP4},
    {SPAN_INIT("ip6"), SPF_IP6, ARG_IP6},        {SPAN_INIT("exists"), SPF_EXISTS, ARG_SPEC},
};

static const span version = SPAN_INIT("v=spf1");

bool spf_record_is(span txt)
{
    return span_istarts(txt, version) && (txt.n == version.n || txt.p[version.n] == ' ');
}

span spf_record_terms(span txt)
{
    return span_skip(txt, version.n);
}

/* A length behind a slash: no leading zeros (RFC 7208 12). */
static bool parse_bits(span text, unsigned max, unsigned *out_bits)
{
    uint64_t n;

    if (text.n > 1 && text.p[0] == '0')
        return false;
    if (!num_parse_u64(text, max, &n))
        return false;
    *out_bits = (unsigned)n;
    return true;
}

/* All digits and at least one: the text behind a slash is meant as a length. */
static bool is_digits(span s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!ascii_is_digit(s.p[i]))
            return false;
    }
    return s.n > 0;
}

/*
 * Take "[/n][//n]" off the end of *text. A slash may also stand in a domain-spec, so
 * only digits up to the end make a length; anything else stays and is judged as a name.
 */
static bool cut_cidr(span *text, struct spf_term *t)
{
    size_t slash = span_rfind(*text, '/');

    if (slash > 0 && slash < text->n && text->p[slash - 1] == '/' &&
        is_digits(span_skip(*text, slash + 1))) {
        if (!parse_bits(span_skip(*text, slash + 1), 128, &t->bits6))
            return false;
        *text = span_head(*text, slash - 1);
        slash = span_rfind(*text, '/');
    }
    if (slash < text->n && is_digits(span_skip(*text, slash + 1))) {
        if (!parse_bits(span_skip(*text, slash + 1), 32, &t->bits4))
            return false;
        *text = span_head(*text, slash);
    }
    return true;
}

/* ":spec" or nothing. */
static bool take_spec(span text, bool may_lack, struct spf_term *t)
{
    if (text.n == 0)
        return may_lack;
    if (text.p[0] != ':')
        return false;
    t->spec = span_skip(text, 1);
    return spf_macro_check(t->spec, SPF_IN_DOMAIN);
}

/* RFC 7208 12: a qnum has no leading zeros. */
static bool has_leading_zero(span addr)
{
    span octet;

    while (span_split(&addr, '.', &octet)) {
        if (octet.n > 1 && octet.p[0] == '0')
            return true;
    }
    return false;
}

/* ":address[/bits]" */
static bool take_network(span text, enum ip_family family, struct spf_term *t)
{
    unsigned max = family == IP_V4 ? 32 : 128;
    unsigned bits = max;
    size_t slash;
    struct ip_addr addr;
    span text_addr;

    if (text.n == 0 || text.p[0] != ':')
        return false;
    text = span_skip(text, 1);
    slash = span_find(text, '/');
    text_addr = span_head(text, slash);
    if (slash < text.n && !parse_bits(span_skip(text, slash + 1), max, &bits))
        return false;
    if (family == IP_V4 ? has_leading_zero(text_addr) || !ip_addr_parse_v4(text_addr, &addr)
                        : !ip_addr_parse_v6(text_addr, &addr))
        return false;
    /* IPv4 clients are never compared with ip6 (RFC 7208 5), not even in the mapped form. */
    if (addr.family != family)
        addr = (struct ip_addr){0};
    t->network = ip_prefix_of(addr, bits);
    return true;
}

static bool take_argument(span text, enum argument argument, struct spf_term *t)
{
    switch (argument) {
    case ARG_NONE:
        return text.n == 0;
    case ARG_SPEC:
        return take_spec(text, false, t);
    case ARG_MAYBE_SPEC:
        return take_spec(text, true, t);
    case ARG_SPEC_AND_CIDR:
        return cut_cidr(&text, t) && take_spec(text, true, t);
    case ARG_IP4:
        return take_network(text, IP_V4, t);
    case ARG_IP6:
        return take_network(text, IP_V6, t);
    }
    BUG("an argument that is none");
}

static bool parse_mechanism(span text, struct spf_term *t)
{
    size_t n = 0;

    if (text.n > 0 && span_has(SPAN("+-~?"), text.p[0])) {
        t->qualifier = text.p[0];
        text = span_skip(text, 1);
    }
    while (n < text.n && ascii_is_alnum(text.p[n]))
        n++;
    for (size_t i = 0; i < COUNT(mechanisms); i++) {
        if (!span_ieq(span_head(text, n), mechanisms[i].name))
            continue;
        t->kind = mechanisms[i].kind;
        return take_argument(span_skip(text, n), mechanisms[i].argument, t);
    }
    return false;
}

/* Octets of a modifier's name with "=" behind it (ALPHA *( ALPHA / DIGIT / "-" / "_" / "." )). */
static size_t modifier_name(span text)
{
    size_t n = 0;

    if (text.n == 0 || !ascii_is_alpha(text.p[0]))
        return 0;
    while (n < text.n && (ascii_is_alnum(text.p[n]) || span_has(SPAN("-_."), text.p[n])))
        n++;
    return n < text.n && text.p[n] == '=' ? n : 0;
}

static bool parse_modifier(span text, size_t name, struct spf_term *t)
{
    span what = span_head(text, name);

    t->spec = span_skip(text, name + 1);
    t->kind = span_ieq(what, SPAN("redirect")) ? SPF_REDIRECT
              : span_ieq(what, SPAN("exp"))    ? SPF_EXP
                                               : SPF_OTHER;
    return spf_macro_check(t->spec, t->kind == SPF_OTHER ? SPF_IN_MODIFIER : SPF_IN_DOMAIN);
}

enum spf_take spf_term_take(span *rest, struct spf_term *out)
{
    size_t name;
    bool good;

    while (rest->n > 0 && rest->p[0] == ' ')
        *rest = span_skip(*rest, 1);
    if (rest->n == 0)
        return SPF_TAKE_END;
    *out = (struct spf_term){.qualifier = '+', .bits4 = 32, .bits6 = 128};
    out->text = span_head(*rest, span_find(*rest, ' '));
    *rest = span_skip(*rest, out->text.n);
    name = modifier_name(out->text);
    good = name > 0 ? parse_modifier(out->text, name, out) : parse_mechanism(out->text, out);
    return good ? SPF_TAKE_TERM : SPF_TAKE_BAD;
}

bool spf_record_check(span terms, span *out_redirect, span *out_exp)
{
    span redirect = SPAN_NONE;
    span exp = SPAN_NONE;
    struct spf_term t;
    enum spf_take take;

    while ((take = spf_term_take(&terms, &t)) == SPF_TAKE_TERM) {
        span *once = t.kind == SPF_REDIRECT ? &redirect : t.kind == SPF_EXP ? &exp : NULL;

        if (once == NULL)
            continue;
        if (once->n > 0)
            return false;
        *once = t.spec;
    }
    if (take == SPF_TAKE_BAD)
        return false;
    *out_redirect = redirect;
    *out_exp = exp;
    return true;
}
