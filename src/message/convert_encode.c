/* SPDX-License-Identifier: ISC */
/* Quoted-printable and base64, octet by octet (RFC 2045 6.7, 6.8). */
#include "base/ascii.h"
#include "base/base64.h"
#include "message/convert.h"

#define QP_COLUMNS 75 /* and a soft line break */

static void put_qp(struct convert_encoder *e, struct buf *out, char c, bool encoded)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t width = encoded ? 3 : 1;

    if (e->column + width > QP_COLUMNS) {
        buf_put(out, SPAN("=\r\n"));
        e->column = 0;
    }
    e->column += width;
    if (!encoded) {
        buf_putc(out, c);
        return;
    }
    buf_putc(out, '=');
    buf_putc(out, digits[(unsigned char)c >> 4]);
    buf_putc(out, digits[(unsigned char)c & 15]);
}

/* A blank stays as it is unless it ends the line. */
static void flush_blank(struct convert_encoder *e, struct buf *out, bool ends)
{
    if (e->blank != 0)
        put_qp(e, out, e->blank, ends);
    e->blank = 0;
}

static void encode_qp(struct convert_encoder *e, struct buf *out, char c)
{
    flush_blank(e, out, false);
    if (ascii_is_blank(c))
        e->blank = c;
    else
        put_qp(e, out, c, !ascii_is_print(c) || c == '=');
}

static void flush_base64(struct convert_encoder *e, struct buf *out)
{
    if (e->n == 0)
        return;
    base64_put(out, span_of(e->octets, e->n));
    buf_put(out, SPAN("\r\n"));
    e->n = 0;
}

static void encode_base64(struct convert_encoder *e, struct buf *out, char c)
{
    e->octets[e->n++] = c;
    if (e->n == sizeof(e->octets))
        flush_base64(e, out);
}

void convert_encode(struct convert_encoder *e, struct buf *out, span in)
{
    for (size_t i = 0; i < in.n; i++) {
        if (e->coding == CODING_BASE64)
            encode_base64(e, out, in.p[i]);
        else
            encode_qp(e, out, in.p[i]);
    }
}

void convert_encode_eol(struct convert_encoder *e, struct buf *out)
{
    if (e->coding == CODING_BASE64) {
        convert_encode(e, out, SPAN("\r\n"));
        return;
    }
    flush_blank(e, out, true);
    buf_put(out, SPAN("\r\n"));
    e->column = 0;
}

void convert_encode_end(struct convert_encoder *e, struct buf *out, bool eol)
{
    if (e->coding == CODING_BASE64) {
        flush_base64(e, out);
        return;
    }
    flush_blank(e, out, true);
    if (eol || e->column > 0)
        buf_put(out, SPAN("\r\n"));
    e->column = 0;
}
