/* SPDX-License-Identifier: ISC */
#include "smtp/xtext.h"

#include "base/ascii.h"

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

bool smtp_orcpt_ok(span s)
{
    span type = span_head(s, span_find(s, ';'));
    span address = span_skip(s, type.n + 1);

    return s.n <= SMTP_ORCPT_MAX_BYTES && type.n > 0 && address.n > 0 && smtp_xtext_ok(s);
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
