/* SPDX-License-Identifier: ISC */
#include "smtp/xtext.h"

#include "base/ascii.h"
#include "base/escape.h"

/* Take one character off *s, which is not empty; false: it is malformed. */
static bool take(span *s, char *out_c)
{
    int high = s->n > 2 ? ascii_hex(s->p[1]) : -1;
    int low = s->n > 2 ? ascii_hex(s->p[2]) : -1;
    char c = s->p[0];

    if (c != '+') {
        *out_c = c;
        *s = span_skip(*s, 1);
        return c >= '!' && c <= '~' && c != '=';
    }
    if (high < 0 || low < 0)
        return false;
    *out_c = (char)(unsigned char)((unsigned)high << 4 | (unsigned)low);
    *s = span_skip(*s, 3);
    return true;
}

bool smtp_xtext_ok(span s)
{
    char c;

    while (s.n > 0) {
        if (!take(&s, &c) || !ascii_is_print(c))
            return false;
    }
    return true;
}

bool smtp_xtext_is_utf8(span s)
{
    char memory[SMTP_ORCPT_MAX_BYTES];
    struct buf text = BUF_OVER(memory);
    char c;

    while (s.n > 0) {
        if (!take(&s, &c) || !(ascii_is_print(c) || ascii_is_high(c)))
            return false;
        buf_putc(&text, c);
    }
    return !text.overflow && escape_is_utf8(buf_span(&text));
}

bool smtp_orcpt_ok(span s)
{
    span type = span_head(s, span_find(s, ';'));
    span address = span_skip(s, type.n + 1);

    return s.n <= SMTP_ORCPT_MAX_BYTES && type.n > 0 && address.n > 0 && smtp_xtext_is_utf8(s);
}

/* "utf-8;" may be followed by UTF-8 as it is, where the sender asked for SMTPUTF8 (RFC 6533 3). */
static bool is_utf8_address(span s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!ascii_is_high(s.p[i]) && (s.p[i] == ' ' || !ascii_is_print(s.p[i])))
            return false;
    }
    return escape_is_utf8(s);
}

bool smtp_orcpt_utf8_ok(span s)
{
    span type = span_head(s, span_find(s, ';'));
    span address = span_skip(s, type.n + 1);

    return s.n <= SMTP_ORCPT_MAX_BYTES && address.n > 0 && span_ieq(type, SPAN("utf-8")) &&
           is_utf8_address(address);
}

/* Take the code point at the front of valid UTF-8. */
static unsigned take_code_point(span *s)
{
    static const unsigned char lead_bits[] = {0x7f, 0, 0x1f, 0x0f, 0x07};
    unsigned char lead = (unsigned char)s->p[0];
    size_t n = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    unsigned point = lead & lead_bits[n == 1 ? 0 : n];

    for (size_t i = 1; i < n; i++)
        point = point << 6 | ((unsigned char)s->p[i] & 0x3fu);
    *s = span_skip(*s, n);
    return point;
}

/* Only what no xtext may hold, and a backslash that begins no code point, is in need of it. */
static bool is_plain(span s, bool utf8)
{
    if (ascii_is_high(s.p[0]))
        return utf8;
    return s.p[0] == '\\' ? span_starts(s, SPAN("\\x{")) : s.p[0] != '+' && s.p[0] != '=';
}

void smtp_orcpt_put(struct buf *b, span s, bool utf8)
{
    bool encoded = smtp_orcpt_ok(s);
    size_t type_n = span_find(s, ';') + 1;

    BUG_IF(!encoded && !smtp_orcpt_utf8_ok(s), "an ORCPT that nobody judged");
    buf_put(b, encoded ? s : span_head(s, type_n));
    s = span_skip(s, type_n);
    while (!encoded && s.n > 0) {
        if (is_plain(s, utf8)) {
            buf_putc(b, s.p[0]);
            s = span_skip(s, 1);
        } else {
            buf_printf(b, "\\x{%X}", take_code_point(&s));
        }
    }
}

bool smtp_xtext_put(struct buf *b, span s)
{
    char c;

    while (s.n > 0) {
        if (!take(&s, &c))
            return false;
        buf_putc(b, c);
    }
    return true;
}

void smtp_xtext_put_decoded(struct buf *b, span s)
{
    bool decoded = smtp_xtext_ok(s) && smtp_xtext_put(b, s);

    if (!decoded)
        buf_put(b, s);
}
