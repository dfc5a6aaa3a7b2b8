/* SPDX-License-Identifier: ISC */
#include "base/escape.h"

#include "base/ascii.h"

static const char hex[] = "0123456789abcdef";

static void put_hex(struct buf *b, const char *lead, unsigned char c)
{
    buf_put(b, span_cstr(lead));
    buf_putc(b, hex[c >> 4]);
    buf_putc(b, hex[c & 15]);
}

void escape_text(struct buf *b, span s, size_t max)
{
    span head = span_head(s, max);

    for (size_t i = 0; i < head.n; i++) {
        if (ascii_is_print(head.p[i]) && head.p[i] != '\\')
            buf_putc(b, head.p[i]);
        else
            put_hex(b, "\\x", (unsigned char)head.p[i]);
    }
    if (head.n < s.n)
        buf_put(b, SPAN("..."));
}

static bool is_tail(span s, size_t at)
{
    return at < s.n && ((unsigned char)s.p[at] & 0xc0) == 0x80;
}

/* Octets of the UTF-8 sequence at the front of s; 0 when there is none (RFC 3629 4). */
static size_t utf8_length(span s)
{
    unsigned char c = (unsigned char)s.p[0];
    unsigned char next = s.n > 1 ? (unsigned char)s.p[1] : 0;

    if (c < 0x80)
        return 1;
    if (c >= 0xc2 && c <= 0xdf)
        return is_tail(s, 1) ? 2 : 0;
    if (c >= 0xe0 && c <= 0xef) {
        bool bad = (c == 0xe0 && next < 0xa0) || (c == 0xed && next > 0x9f);
        return !bad && is_tail(s, 1) && is_tail(s, 2) ? 3 : 0;
    }
    if (c >= 0xf0 && c <= 0xf4) {
        bool bad = (c == 0xf0 && next < 0x90) || (c == 0xf4 && next > 0x8f);
        return !bad && is_tail(s, 1) && is_tail(s, 2) && is_tail(s, 3) ? 4 : 0;
    }
    return 0;
}

bool escape_is_utf8(span s)
{
    while (s.n > 0) {
        size_t n = utf8_length(s);

        if (n == 0)
            return false;
        s = span_skip(s, n);
    }
    return true;
}

/* The short escapes of RFC 8259 7; 0 where there is none. */
static char json_short(char c)
{
    static const char from[] = "\"\\\b\f\n\r\t";
    static const char to[] = "\"\\bfnrt";
    size_t at = span_find(span_of(from, sizeof(from) - 1), c);

    return at < sizeof(from) - 1 ? to[at] : '\0';
}

/* Octets at the front that stand for themselves: nearly always all of them, put down at once. */
static size_t json_plain_length(span s)
{
    size_t n = 0;

    while (n < s.n && ascii_is_print(s.p[n]) && s.p[n] != '"' && s.p[n] != '\\')
        n++;
    return n;
}

/* One octet of ASCII that does not. */
static void put_json_octet(struct buf *b, char c)
{
    char simple = json_short(c);

    if (simple != '\0') {
        buf_putc(b, '\\');
        buf_putc(b, simple);
    } else {
        put_hex(b, "\\u00", (unsigned char)c);
    }
}

/* The code point of a well-formed sequence of two or three octets. */
static unsigned code_point(span s, size_t n)
{
    unsigned first = (unsigned char)s.p[0] & (n == 2 ? 0x1fu : 0x0fu);
    unsigned point = first << 6 | ((unsigned char)s.p[1] & 0x3fu);

    return n == 2 ? point : point << 6 | ((unsigned char)s.p[2] & 0x3fu);
}

/* Control characters of ISO 6429, ends of lines, and what changes the direction of the text. */
static bool acts(unsigned point)
{
    static const struct {
        unsigned first;
        unsigned last;
    } ranges[] = {{0x80, 0x9f}, {0x200e, 0x200f}, {0x2028, 0x202e}, {0x2066, 0x2069}};

    for (size_t i = 0; i < COUNT(ranges); i++) {
        if (point >= ranges[i].first && point <= ranges[i].last)
            return true;
    }
    return false;
}

/* One character beyond ASCII. */
static void put_json_sequence(struct buf *b, span s)
{
    unsigned point = s.n < 4 ? code_point(s, s.n) : 0;

    if (!acts(point)) {
        buf_put(b, s);
        return;
    }
    put_hex(b, "\\u", (unsigned char)(point >> 8));
    put_hex(b, "", (unsigned char)(point & 0xff));
}

/* The sequence or octet at the front that does not; returns its octets. */
static size_t put_json_odd(struct buf *b, span s)
{
    size_t n = utf8_length(s);

    if (n == 0)
        buf_put(b, SPAN("\\ufffd"));
    else if (n == 1)
        put_json_octet(b, s.p[0]);
    else
        put_json_sequence(b, span_head(s, n));
    return n == 0 ? 1 : n;
}

void escape_json(struct buf *b, span s)
{
    buf_putc(b, '"');
    while (s.n > 0) {
        size_t n = json_plain_length(s);

        buf_put(b, span_head(s, n));
        s = span_skip(s, n);
        if (s.n > 0)
            s = span_skip(s, put_json_odd(b, s));
    }
    buf_putc(b, '"');
}
