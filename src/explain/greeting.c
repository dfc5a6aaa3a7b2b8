/* SPDX-License-Identifier: ISC */
/* What a greeting looks like by itself: enough to make "the greeting is bad" precise. */
#include "base/ascii.h"
#include "explain/explain.h"

static bool is_ipv4(span s)
{
    unsigned dots = 0;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '.')
            dots++;
        else if (!ascii_is_digit(s.p[i]))
            return false;
    }
    return dots == 3 && s.n >= 7;
}

static bool is_ipv6(span s)
{
    unsigned colons = 0;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == ':')
            colons++;
        else if (ascii_hex(s.p[i]) < 0 && s.p[i] != '.')
            return false;
    }
    return colons >= 2;
}

/* Loopback, private, link-local, shared: no address that is seen from outside. */
static bool is_private(span s)
{
    static const span heads[] = {
        SPAN_INIT("127."),     SPAN_INIT("10."),      SPAN_INIT("192.168."), SPAN_INIT("169.254."),
        SPAN_INIT("0."),       SPAN_INIT("::1"),      SPAN_INIT("fe80:"),    SPAN_INIT("fd"),
        SPAN_INIT("fc"),       SPAN_INIT("172.16."),  SPAN_INIT("172.17."),  SPAN_INIT("172.18."),
        SPAN_INIT("172.19."),  SPAN_INIT("172.2"),    SPAN_INIT("172.30."),  SPAN_INIT("172.31."),
        SPAN_INIT("100.64.")};

    for (size_t i = 0; i < COUNT(heads); i++)
        if (span_istarts(s, heads[i]) && (heads[i].n < 5 || heads[i].p[heads[i].n - 1] == '.' ||
                                          (s.n > 6 && s.p[6] == '.') || s.p[0] == 'f'))
            return true;
    return false;
}

static bool has_private_tld(span s)
{
    static const span tails[] = {
        SPAN_INIT(".local"), SPAN_INIT(".lan"),     SPAN_INIT(".internal"), SPAN_INIT(".home"),
        SPAN_INIT(".corp"),  SPAN_INIT(".intranet"), SPAN_INIT(".private"),  SPAN_INIT(".invalid"),
        SPAN_INIT(".localdomain")};

    for (size_t i = 0; i < COUNT(tails); i++)
        if (span_iends(s, tails[i]))
            return true;
    return false;
}

/* Letters, digits, inner hyphens and single dots (RFC 5321 4.1.2). */
static bool is_domain(span s)
{
    for (size_t i = 0; i < s.n; i++) {
        char before = i > 0 ? s.p[i - 1] : '.', after = i + 1 < s.n ? s.p[i + 1] : '.';

        if (!ascii_is_alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '.')
            return false;
        if (s.p[i] == '.' && before == '.')
            return false;
        if (s.p[i] == '-' && (before == '.' || after == '.'))
            return false;
    }
    return s.n > 0 && s.n <= 255 && s.p[s.n - 1] != '.';
}

const char *explain_greeting_cause(span s)
{
    span inner;

    if (s.n == 0)
        return "helo.syntax";
    if (s.p[0] == '[' && s.p[s.n - 1] == ']' && s.n > 2) {
        inner = span_of(s.p + 1, s.n - 2);
        if (span_istarts(inner, SPAN("IPv6:")))
            inner = span_skip(inner, 5);
        if (!is_ipv4(inner) && !is_ipv6(inner))
            return "helo.syntax";
        return is_private(inner) ? "helo.literal.private" : NULL;
    }
    if (is_ipv4(s) || is_ipv6(s))
        return "helo.bare_ip";
    if (!is_domain(s))
        return "helo.syntax";
    if (span_ieq(s, SPAN("localhost")) || span_ieq(s, SPAN("localhost.localdomain")))
        return "helo.localhost";
    if (!span_has(s, '.'))
        return "helo.not_fqdn";
    return has_private_tld(s) ? "helo.invalid_tld" : NULL;
}
