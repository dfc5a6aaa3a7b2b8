/* SPDX-License-Identifier: ISC */
/* What a greeting looks like by itself: enough to make "the greeting is bad" precise. */
#include "base/ascii.h"
#include "explain/explain.h"
#include "name/literal.h"
#include "name/special.h"

/* Letters, digits, inner hyphens and single dots (RFC 5321 4.1.2). */
static bool is_domain(span s)
{
    for (size_t i = 0; i < s.n; i++) {
        char before = i > 0 ? s.p[i - 1] : '.', after = i + 1 < s.n ? s.p[i + 1] : '.';

        if (!ascii_is_alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '.')
            return false;
        if ((s.p[i] == '.' && before == '.') || (s.p[i] == '-' && (before == '.' || after == '.')))
            return false;
    }
    return s.n > 0 && s.n <= 255 && s.p[s.n - 1] != '.';
}

static const char *cause_of_literal(struct literal l)
{
    if (l.kind != LITERAL_V4 && l.kind != LITERAL_V6)
        return "helo.syntax";
    return ip_addr_scope(l.addr) == IP_PUBLIC || ip_addr_scope(l.addr) == IP_SPECIAL
               ? NULL
               : "helo.literal.private";
}

const char *explain_greeting_cause(span s)
{
    struct literal l = literal_parse(s);
    struct ip_addr bare;

    if (l.kind != LITERAL_NONE)
        return cause_of_literal(l);
    if (ip_addr_parse(s, &bare))
        return "helo.bare_ip";
    if (!is_domain(s))
        return "helo.syntax";
    if (span_ieq(s, SPAN("localhost")) || span_ieq(s, SPAN("localhost.localdomain")))
        return "helo.localhost";
    if (!span_has(s, '.'))
        return "helo.not_fqdn";
    return special_name(s) != SPECIAL_NOT ? "helo.invalid_tld" : NULL;
}
