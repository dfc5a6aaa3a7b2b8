/* SPDX-License-Identifier: ISC */
#include "smtp/reply.h"

#include "base/ascii.h"

MUSTUSE bool smtp_enhanced_take(span text, span *out_enhanced)
{
    size_t digits = 0; /* of the part under way */
    unsigned dots = 0;
    size_t i = 0;

    for (; i < text.n && !ascii_is_blank(text.p[i]); i++) {
        if (ascii_is_digit(text.p[i]) && ++digits <= 3)
            continue;
        if (text.p[i] != '.' || digits == 0 || digits > 3 || ++dots > 2)
            return false;
        digits = 0;
    }
    if (dots != 2 || digits == 0 || text.p[1] != '.' || !span_has(SPAN("245"), text.p[0]))
        return false;
    *out_enhanced = span_head(text, i);
    return true;
}

/* Class, subject and detail for r; false: this reply has none. */
static bool choose_enhanced(struct smtp_reply r, enum smtp_reply_form form, char out_code[16],
                            span *out_enhanced)
{
    span given;
    bool good = smtp_enhanced_take(r.enhanced, &given) && given.n == r.enhanced.n;

    if (r.code / 100 == 3 || (form == SMTP_REPLY_PLAIN && (r.code < 400 || !good)))
        return false;
    if (!good)
        given = SPAN("0.0.0");
    memcpy(out_code, given.p, given.n);
    out_code[0] = (char)('0' + r.code / 100);
    *out_enhanced = span_of(out_code, given.n);
    return true;
}

/* Take as much off *rest as one line holds: up to \n, up to `max`, at a blank if it must be cut. */
static span take_piece(span *rest, size_t max)
{
    size_t end = span_find(*rest, '\n');
    span piece = span_head(*rest, end);
    size_t blank;

    if (end <= max || rest->p == NULL) {
        *rest = end < rest->n ? span_skip(*rest, end + 1) : SPAN_NONE;
        return piece;
    }
    blank = span_rfind(span_head(piece, max), ' ');
    if (blank > 0 && blank < max) {
        piece = span_head(piece, blank);
        *rest = span_skip(*rest, blank + 1);
    } else {
        piece = span_head(piece, max);
        *rest = span_skip(*rest, max);
    }
    return piece;
}

static void put_line(struct buf *b, struct smtp_reply r, bool last, span enhanced, span piece)
{
    buf_put_u64(b, r.code);
    if (!last || enhanced.n > 0 || piece.n > 0)
        buf_putc(b, last ? ' ' : '-');
    buf_put(b, enhanced);
    if (enhanced.n > 0 && piece.n > 0)
        buf_putc(b, ' ');
    for (size_t i = 0; piece.p != NULL && i < piece.n; i++)
        buf_putc(b, ascii_is_print(piece.p[i]) ? piece.p[i] : '?');
    buf_put(b, SPAN("\r\n"));
}

void smtp_reply_put(struct buf *b, struct smtp_reply r, enum smtp_reply_form form)
{
    char code[16];
    span enhanced = SPAN_NONE;
    span rest = span_head(r.text, SMTP_REPLY_TEXT_BYTES);

    BUG_IF(r.code < 200 || r.code > 599, "a reply code that no server gives");
    if (buf_room(b) < SMTP_REPLY_MAX_BYTES) {
        b->overflow = true;
        return;
    }
    if (!choose_enhanced(r, form, code, &enhanced))
        enhanced = SPAN_NONE;
    for (unsigned line = 1; line <= SMTP_REPLY_LINES; line++) {
        /* "250-", the enhanced code, a blank, and CRLF. */
        span piece = take_piece(&rest, SMTP_REPLY_LINE_BYTES - 7 - enhanced.n);
        bool last = rest.p == NULL || line == SMTP_REPLY_LINES;

        put_line(b, r, last, enhanced, piece);
        if (last)
            return;
    }
}
