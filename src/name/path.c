/* SPDX-License-Identifier: ISC */
#include "name/path.h"

#include "base/ascii.h"
#include "base/escape.h"
#include "name/domain.h"
#include "name/literal.h"

/* atext of RFC 5322 3.2.3; octets above 127 are looked at apart. */
static bool is_atext(char c)
{
    return ascii_is_alnum(c) || (c != '\0' && span_has(SPAN("!#$%&'*+-/=?^_`{|}~"), c)) ||
           ascii_is_high(c);
}

/* An atom with dots between: no dot at an end, no two together. */
static bool is_dot_string(span s)
{
    for (size_t i = 0; i < s.n; i++) {
        bool edge = i == 0 || i + 1 == s.n || s.p[i - 1] == '.';

        if (s.p[i] == '.' ? edge : !is_atext(s.p[i]))
            return false;
    }
    return s.n > 0;
}

/* How many octets the quoted string at the front of s has; 0: it is malformed. */
static size_t quoted_length(span s)
{
    for (size_t i = 1; i < s.n; i++) {
        bool pair = s.p[i] == '\\';

        if (s.p[i] == '"')
            return i + 1;
        if (pair && ++i == s.n)
            return 0;
        if (ascii_is_control(s.p[i]) || (pair && ascii_is_high(s.p[i])))
            return 0;
    }
    return 0;
}

/* How many octets the local part at the front of s has; 0: its quotes are malformed. */
static size_t local_length(span s)
{
    if (s.n > 0 && s.p[0] == '"')
        return quoted_length(s);
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '@' || s.p[i] == '>')
            return i;
    }
    return s.n;
}

static bool is_domain(span s, bool utf8)
{
    unsigned allowed = (unsigned)DOMAIN_UNDERSCORE | (utf8 ? (unsigned)DOMAIN_NON_ASCII : 0);

    return (domain_parse(s).faults & ~allowed) == 0;
}

/* Drop "@a,@b:" in front (RFC 5321 appendix C). */
static bool drop_route(span *s)
{
    bool more = s->n > 0 && s->p[0] == '@';

    while (more) {
        size_t end = 1;

        while (end < s->n && s->p[end] != ',' && s->p[end] != ':' && s->p[end] != '>')
            end++;
        if (end == s->n || s->p[end] == '>' || !is_domain(span_of(s->p + 1, end - 1), true))
            return false;
        more = s->p[end] == ',';
        *s = span_skip(*s, end + 1);
        /* Another host, or at last an address: a route to nobody is none. */
        if (s->n == 0 || s->p[0] == '>' || (more && s->p[0] != '@'))
            return false;
    }
    return true;
}

static enum path_fault check_utf8(struct path *p, unsigned allow)
{
    p->utf8 = ascii_has_high(p->text);
    if (!p->utf8)
        return PATH_FINE;
    if ((allow & PATH_ALLOW_UTF8) == 0)
        return PATH_NEEDS_UTF8;
    return escape_is_utf8(p->text) ? PATH_FINE : PATH_BAD_UTF8;
}

static enum path_fault check_local(const struct path *p)
{
    if (p->local.n == 0)
        return PATH_NO_LOCAL;
    if (!p->quoted && !is_dot_string(p->local))
        return PATH_BAD_LOCAL;
    return p->local.n > PATH_LOCAL_MAX_BYTES ? PATH_LONG_LOCAL : PATH_FINE;
}

static enum path_fault check_domain(struct path *p, unsigned allow)
{
    struct literal l = literal_parse(p->domain);

    p->literal = l.kind != LITERAL_NONE;
    if (p->domain.n == 0)
        return PATH_NO_DOMAIN;
    if (p->literal)
        return l.kind != LITERAL_MALFORMED && l.trailing.n == 0 ? PATH_FINE : PATH_BAD_LITERAL;
    return is_domain(p->domain, (allow & PATH_ALLOW_UTF8) != 0) ? PATH_FINE : PATH_BAD_DOMAIN;
}

/* p->text is one address; find its parts. */
static enum path_fault split(struct path *p, unsigned allow)
{
    size_t local_n = local_length(p->text);
    enum path_fault fault = check_utf8(p, allow);

    if (fault != PATH_FINE)
        return fault;
    p->quoted = p->text.n > 0 && p->text.p[0] == '"';
    if (p->quoted && local_n == 0)
        return PATH_BAD_QUOTE;
    p->local = span_head(p->text, local_n);
    fault = check_local(p);
    if (fault != PATH_FINE)
        return fault;
    if (local_n == p->text.n && (allow & PATH_ALLOW_POSTMASTER) != 0 &&
        span_ieq(p->local, SPAN("postmaster")))
        return PATH_FINE;
    if (local_n == p->text.n)
        return PATH_NO_DOMAIN;
    if (p->text.p[local_n] != '@')
        return p->quoted ? PATH_BAD_QUOTE : PATH_BAD_LOCAL;
    p->domain = span_skip(p->text, local_n + 1);
    return check_domain(p, allow);
}

/* Where the '>' that ends the address at the front of s stands; s.n when there is none. */
static size_t closing(span s)
{
    size_t from = s.n > 0 && s.p[0] == '"' ? quoted_length(s) : 0;

    while (from < s.n && s.p[from] != '>')
        from++;
    return from;
}

/* s begins behind '<'. A route that is dropped does not count against the length. */
static enum path_fault take_inner(span *s, unsigned allow, struct path *p)
{
    if (!drop_route(s))
        return PATH_BAD_ROUTE;
    p->text = span_head(*s, closing(*s));
    if (p->text.n == s->n)
        return PATH_UNCLOSED;
    if (p->text.n + 2 > PATH_MAX_BYTES)
        return PATH_LONG;
    *s = span_skip(*s, p->text.n + 1);
    if (p->text.n == 0)
        return (allow & PATH_ALLOW_NULL) != 0 ? PATH_FINE : PATH_NULL;
    return split(p, allow);
}

enum path_fault path_take(span *rest, unsigned allow, struct path *out_path)
{
    span s = *rest;
    struct path p = {0};
    enum path_fault fault;

    if (s.n == 0 || s.p[0] != '<')
        return PATH_NO_BRACKET;
    s = span_skip(s, 1);
    fault = take_inner(&s, allow, &p);
    if (fault != PATH_FINE)
        return fault;
    if (s.n > 0 && !ascii_is_blank(s.p[0]))
        return PATH_TRAILING;
    *rest = s;
    *out_path = p;
    return PATH_FINE;
}

enum path_fault path_parse_address(span s, unsigned allow, struct path *out_path)
{
    struct path p = {.text = s};
    enum path_fault fault;

    if (s.n + 2 > PATH_MAX_BYTES)
        return PATH_LONG;
    if (s.n == 0)
        fault = (allow & PATH_ALLOW_NULL) != 0 ? PATH_FINE : PATH_NULL;
    else
        fault = split(&p, allow);
    if (fault == PATH_FINE)
        *out_path = p;
    return fault;
}

void path_put_local(struct buf *b, const struct path *p)
{
    span inner = p->quoted ? span_of(p->local.p + 1, p->local.n - 2) : p->local;

    for (size_t i = 0; i < inner.n; i++) {
        if (p->quoted && inner.p[i] == '\\')
            i++;
        buf_putc(b, inner.p[i]);
    }
}

static void put_quoted(struct buf *b, span s)
{
    buf_putc(b, '"');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\')
            buf_putc(b, '\\');
        buf_putc(b, s.p[i]);
    }
    buf_putc(b, '"');
}

void path_put(struct buf *b, const struct path *p)
{
    char text[PATH_LOCAL_MAX_BYTES];
    struct buf local = BUF_OVER(text);

    path_put_local(&local, p);
    if (is_dot_string(buf_span(&local)) || p->text.n == 0)
        buf_put(b, buf_span(&local));
    else
        put_quoted(b, buf_span(&local));
    if (p->domain.n > 0) {
        buf_putc(b, '@');
        buf_put_lower(b, p->domain);
    }
}

const char *path_fault_text(enum path_fault fault)
{
#define FAULT_ROW(id, text) [id] = (text),
    static const char *const texts[] = {PATH_FAULT_LIST(FAULT_ROW)};
#undef FAULT_ROW

    return texts[fault];
}
