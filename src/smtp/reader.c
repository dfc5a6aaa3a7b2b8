/* SPDX-License-Identifier: ISC */
/* Reading replies; the contract is in smtp/reply.h. */
#include "base/ascii.h"
#include "smtp/reply.h"

void smtp_reader_init(struct smtp_reader *r)
{
    r->code = 0;
    r->first_code = 0;
    r->line = SPAN_NONE;
    r->bad = NULL;
    r->cut = false;
    r->lines = 0;
    r->whole = true;
    r->total_bytes = 0;
    r->line_n = 0;
    r->text_n = 0;
}

static enum smtp_read_step fail(struct smtp_reader *r, const char *why)
{
    r->bad = why;
    return SMTP_READ_BAD;
}

static void begin_reply(struct smtp_reader *r)
{
    r->whole = false;
    r->cut = false;
    r->lines = 0;
    r->total_bytes = 0;
    r->text_n = 0;
}

/* Keep what there is room for. */
static void keep_text(struct smtp_reader *r, span line)
{
    size_t room = sizeof(r->text_buf) - r->text_n;

    if (r->lines > 1 && room > 0) {
        r->text_buf[r->text_n++] = '\n';
        room--;
    }
    if (line.n > room || (r->lines > 1 && r->text_n == sizeof(r->text_buf)))
        r->cut = true;
    line = span_head(line, room);
    if (line.n > 0)
        memcpy(r->text_buf + r->text_n, line.p, line.n);
    r->text_n += line.n;
}

static bool read_code(span line, unsigned *out_code)
{
    unsigned code = 0;

    if (line.n < 3)
        return false;
    for (size_t i = 0; i < 3; i++) {
        if (!ascii_is_digit(line.p[i]))
            return false;
        code = code * 10 + (unsigned)(line.p[i] - '0');
    }
    *out_code = code;
    return code >= 200 && code <= 599;
}

/* The line is whole, without its end. */
static enum smtp_read_step read_line(struct smtp_reader *r, span line)
{
    bool more = line.n > 3 && line.p[3] == '-';

    if (!read_code(line, &r->code))
        return fail(r, "a line that does not begin with a reply code");
    if (line.n > 3 && !more && !ascii_is_blank(line.p[3]))
        return fail(r, "neither blank nor hyphen behind the reply code");
    if (++r->lines == 1)
        r->first_code = r->code;
    if (r->lines > SMTP_READ_LINES)
        return fail(r, "a reply of more than 100 lines");
    r->line = span_skip(line, 4);
    keep_text(r, r->line);
    r->whole = !more;
    return more ? SMTP_READ_LINE : SMTP_READ_LAST;
}

enum smtp_read_step smtp_reader_next(struct smtp_reader *r, span *in)
{
    size_t lf = span_find(*in, '\n');
    span piece = span_head(*in, lf < in->n ? lf + 1 : lf);
    span line;

    if (r->bad != NULL)
        return SMTP_READ_BAD;
    if (in->n == 0)
        return SMTP_READ_MORE;
    if (r->whole)
        begin_reply(r);
    r->total_bytes += piece.n;
    if (piece.n > sizeof(r->line_buf) - r->line_n)
        return fail(r, "a reply line of more than 4096 octets");
    if (r->total_bytes > SMTP_READ_REPLY_BYTES)
        return fail(r, "a reply of more than 64 KiB");
    memcpy(r->line_buf + r->line_n, piece.p, piece.n);
    r->line_n += piece.n;
    *in = span_skip(*in, piece.n);
    if (r->line_buf[r->line_n - 1] != '\n')
        return SMTP_READ_MORE;
    line = span_of(r->line_buf, r->line_n - 1);
    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    r->line_n = 0;
    return read_line(r, line);
}

span smtp_reader_text(const struct smtp_reader *r)
{
    return span_of(r->text_buf, r->text_n);
}
