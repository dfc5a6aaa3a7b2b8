/* SPDX-License-Identifier: ISC */
#include "name/literal.h"

#include "base/ascii.h"
#include "name/domain.h"

#define LITERAL_MAX_BYTES 255

/* dcontent: printable, no brackets, no backslash (RFC 5321 4.1.3). */
static bool is_content(span s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (c < '!' || c > '~' || c == '[' || c == '\\' || c == ']')
            return false;
    }
    return true;
}

/* Ldh-str: letters, digits, hyphens, no hyphen at the end. */
static bool is_tag(span s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!ascii_is_alnum(s.p[i]) && s.p[i] != '-')
            return false;
    }
    return s.n > 0 && s.p[s.n - 1] != '-';
}

/* Nothing but digits and dots: somebody meant an IPv4 address. */
static bool looks_v4(span s)
{
    return domain_parse(s).numeric;
}

static enum literal_fault read_tagged(span tag, span content, struct literal *l)
{
    if (span_ieq(tag, SPAN("IPv6"))) {
        l->kind = LITERAL_V6;
        return ip_addr_parse_v6(content, &l->addr) ? LITERAL_FINE : LITERAL_BAD_V6;
    }
    l->kind = LITERAL_GENERAL;
    return is_tag(tag) && content.n > 0 ? LITERAL_FINE : LITERAL_BAD_TAG;
}

static enum literal_fault read_inner(span inner, struct literal *l)
{
    size_t colon = span_find(inner, ':');

    if (inner.n == 0)
        return LITERAL_EMPTY;
    if (!is_content(inner))
        return LITERAL_BAD_OCTET;
    if (ip_addr_parse_v4(inner, &l->addr)) {
        l->kind = LITERAL_V4;
        return LITERAL_FINE;
    }
    if (ip_addr_parse_v6(inner, &l->addr))
        return LITERAL_UNTAGGED_V6;
    if (colon < inner.n)
        return read_tagged(span_head(inner, colon), span_skip(inner, colon + 1), l);
    return looks_v4(inner) ? LITERAL_BAD_V4 : LITERAL_NAME;
}

struct literal literal_parse(span s)
{
    struct literal l = {.kind = LITERAL_NONE};
    size_t end = span_find(s, ']');

    if (s.n == 0 || s.p[0] != '[')
        return l;
    l.text = span_head(s, end + 1);
    l.trailing = span_skip(s, end + 1);
    if (end == s.n)
        l.fault = LITERAL_UNCLOSED;
    else if (l.text.n > LITERAL_MAX_BYTES)
        l.fault = LITERAL_LONG;
    else
        l.fault = read_inner(span_of(s.p + 1, end - 1), &l);
    if (l.fault != LITERAL_FINE)
        l.kind = LITERAL_MALFORMED;
    return l;
}

const char *literal_fault_text(enum literal_fault fault)
{
#define FAULT_ROW(id, text) [id] = (text),
    static const char *const texts[] = {LITERAL_FAULT_LIST(FAULT_ROW)};
#undef FAULT_ROW

    return texts[fault];
}
