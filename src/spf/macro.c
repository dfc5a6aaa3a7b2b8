/* SPDX-License-Identifier: ISC */
#include "spf/macro.h"

#include "base/ascii.h"

#define PARTS_MAX 128u /* labels that an expansion can be split into: names of 255 octets */

struct transform {
    char letter;   /* as written: a capital asks for URL escaping */
    unsigned keep; /* parts from the right; 0: all */
    bool reverse;
    span delimiters;
};

static const char hex[] = "0123456789ABCDEF";
static const span all_delimiters = SPAN_INIT(".-+,/_=");

/* ---- grammar ---- */

static bool is_letter(char c, enum spf_macro_place place)
{
    span letters = place == SPF_IN_EXPLANATION ? SPAN("slodiphvcrt") : SPAN("slodiphv");

    return span_has(letters, ascii_lower(c));
}

static bool take_char(span *rest, char *out)
{
    if (rest->n == 0)
        return false;
    *out = rest->p[0];
    *rest = span_skip(*rest, 1);
    return true;
}

/* What stands behind "%{", with the closing brace. */
static bool take_transform(span *rest, enum spf_macro_place place, struct transform *out)
{
    size_t n = 0;
    char c;

    *out = (struct transform){.delimiters = SPAN(".")};
    if (!take_char(rest, &out->letter) || !is_letter(out->letter, place))
        return false;
    if (rest->n > 0 && ascii_is_digit(rest->p[0])) {
        while (rest->n > 0 && ascii_is_digit(rest->p[0]) && take_char(rest, &c))
            out->keep = out->keep < PARTS_MAX ? out->keep * 10 + (unsigned)(c - '0') : PARTS_MAX;
        if (out->keep == 0)
            return false; /* 7.1: DIGIT transformers must be non-zero */
    }
    if (rest->n > 0 && ascii_lower(rest->p[0]) == 'r') {
        out->reverse = true;
        *rest = span_skip(*rest, 1);
    }
    while (n < rest->n && span_has(all_delimiters, rest->p[n]))
        n++;
    if (n > 0)
        out->delimiters = span_head(*rest, n);
    *rest = span_skip(*rest, n);
    return take_char(rest, &c) && c == '}';
}

/* ---- values ---- */

static void put_dotted_v6(struct buf *b, struct ip_addr a)
{
    for (size_t i = 0; i < 32; i++) {
        unsigned octet = a.octet[i / 2];

        if (i > 0)
            buf_putc(b, '.');
        buf_putc(b, hex[i % 2 == 0 ? octet >> 4 : octet & 15]);
    }
}

static void put_value(struct buf *b, char letter, const struct spf_macro *m)
{
    switch (letter) {
    case 's':
        buf_put(b, m->sender_local);
        buf_putc(b, '@');
        buf_put(b, m->sender_domain);
        return;
    case 'l':
        buf_put(b, m->sender_local);
        return;
    case 'o':
        buf_put(b, m->sender_domain);
        return;
    case 'd':
        buf_put(b, m->domain);
        return;
    case 'i':
        if (m->client.family == IP_V6)
            put_dotted_v6(b, m->client);
        else
            ip_addr_put(b, m->client);
        return;
    case 'p':
        buf_put(b, m->validated.n > 0 ? m->validated : SPAN("unknown"));
        return;
    case 'v':
        buf_put(b, m->client.family == IP_V6 ? SPAN("ip6") : SPAN("in-addr"));
        return;
    case 'h':
        buf_put(b, m->helo);
        return;
    case 'c':
        ip_addr_put(b, m->client);
        return;
    case 'r':
        buf_put(b, m->receiver.n > 0 ? m->receiver : SPAN("unknown"));
        return;
    case 't':
        buf_put_u64(b, m->now_s > 0 ? (uint64_t)m->now_s : 0);
        return;
    }
    BUG("a macro letter that the grammar does not have");
}

/* RFC 3986 2.3: what need not be escaped. */
static void put_escaped(struct buf *b, span s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (ascii_is_alnum(s.p[i]) || span_has(SPAN("-._~"), s.p[i])) {
            buf_putc(b, s.p[i]);
        } else {
            buf_putc(b, '%');
            buf_putc(b, hex[c >> 4]);
            buf_putc(b, hex[c & 15]);
        }
    }
}

static unsigned split(span value, span delimiters, span parts[PARTS_MAX])
{
    unsigned n = 0;
    size_t start = 0;

    for (size_t i = 0; i <= value.n; i++) {
        if (i < value.n && !span_has(delimiters, value.p[i]))
            continue;
        if (n == PARTS_MAX)
            return n;
        parts[n++] = span_of(value.p + start, i - start);
        start = i + 1;
    }
    return n;
}

/* 7.3: split, reverse, keep the right-hand parts, join with dots. */
static void put_transformed(struct buf *b, span value, const struct transform *t)
{
    span parts[PARTS_MAX];
    unsigned n = split(value, t->delimiters, parts);
    unsigned first = t->keep != 0 && t->keep < n ? n - t->keep : 0;

    for (unsigned i = first; i < n; i++) {
        span part = parts[t->reverse ? n - 1 - i : i];

        if (i > first)
            buf_putc(b, '.');
        if (ascii_is_upper(t->letter))
            put_escaped(b, part);
        else
            buf_put(b, part);
    }
}

static void put_macro(struct buf *b, const struct transform *t, const struct spf_macro *m)
{
    char text[1024];
    struct buf value = BUF_OVER(text);

    put_value(&value, ascii_lower(t->letter), m);
    if (value.overflow)
        b->overflow = true;
    put_transformed(b, buf_span(&value), t);
}

/* ---- the walk ---- */

/* "%%", "%_", "%-" or "%{...}" behind its percent sign. */
static bool walk_percent(struct buf *b, span *rest, enum spf_macro_place place,
                         const struct spf_macro *m)
{
    struct transform t;
    char c;

    if (!take_char(rest, &c))
        return false;
    switch (c) {
    case '%':
        buf_putc(b, '%');
        return true;
    case '_':
        buf_putc(b, ' ');
        return true;
    case '-':
        buf_put(b, SPAN("%20"));
        return true;
    case '{':
        if (!take_transform(rest, place, &t))
            return false;
        if (m != NULL)
            put_macro(b, &t, m);
        return true;
    default:
        return false;
    }
}

/* RFC 7208 7.1: a top label is not all digits, and no hyphen stands at its edges. */
static bool is_top_label(span label)
{
    bool other = false;

    if (label.n == 0 || label.p[0] == '-' || label.p[label.n - 1] == '-')
        return false;
    for (size_t i = 0; i < label.n; i++) {
        if (!ascii_is_alnum(label.p[i]) && label.p[i] != '-')
            return false;
        other = other || !ascii_is_digit(label.p[i]);
    }
    return other;
}

/* domain-end: the literal text behind the last macro is "...label.toplabel[.]", or is empty. */
static bool is_domain_end(span tail, bool behind_macro)
{
    size_t dot;

    if (tail.n == 0)
        return behind_macro;
    if (tail.p[tail.n - 1] == '.')
        tail.n--;
    dot = span_rfind(tail, '.');
    return dot < tail.n && is_top_label(span_skip(tail, dot + 1));
}

/* Check, and expand into b when there are values. */
static bool walk(struct buf *b, span text, enum spf_macro_place place, const struct spf_macro *m)
{
    span tail = text;
    bool behind_macro = false;

    while (text.n > 0) {
        char c = text.p[0];

        text = span_skip(text, 1);
        if (c == '%') {
            if (!walk_percent(b, &text, place, m))
                return false;
            tail = text;
            behind_macro = true;
        } else if (c == ' ' ? place != SPF_IN_EXPLANATION : !ascii_is_print(c)) {
            return false;
        } else {
            buf_putc(b, c);
        }
    }
    return place != SPF_IN_DOMAIN || is_domain_end(tail, behind_macro);
}

bool spf_macro_check(span text, enum spf_macro_place place)
{
    struct buf nowhere = buf_over(NULL, 0);

    return walk(&nowhere, text, place, NULL);
}

bool spf_macro_wants_p(span text)
{
    return span_isearch(text, SPAN("%{p")) < text.n;
}

bool spf_macro_put(struct buf *b, span text, enum spf_macro_place place, const struct spf_macro *m)
{
    return walk(b, text, place, m);
}
