/* SPDX-License-Identifier: ISC */
/*
 * The reader's machine; every octet not named goes to IN_LINE and is content:
 *
 *     LINE_START  --.-->  AFTER_DOT  --CR-->  AFTER_DOTCR  --LF-->  ENDED
 *     IN_LINE     --CR--> AFTER_CR   --LF-->  LINE_START
 *
 * A clean run of whole lines is passed over with memchr and given out as one
 * piece. The search looks at a window only, or a message of nothing but CRs
 * would be searched to its end at every one of them.
 */
#include "smtp/dot.h"

#define WINDOW_BYTES 1024

/* How many octets at the front of s are neither CR, LF nor NUL; at most a window. */
static size_t plain_length(span s)
{
    span window = span_head(s, WINDOW_BYTES);
    size_t n = span_find(window, '\r');

    n = span_find(span_head(window, n), '\n');
    return span_find(span_head(window, n), '\0');
}

void dot_reader_init(struct dot_reader *r, enum dot_policy policy)
{
    BUG_IF(policy == DOT_BINARY, "binary content cannot end with a dot");
    *r = (struct dot_reader){DOT_LINE_START, policy, false, 0};
}

void dot_reader_init_counted(struct dot_reader *r, enum dot_policy policy)
{
    *r = (struct dot_reader){DOT_LINE_START, policy, true, 0};
}

/* Behind a run of plain octets: is this a CRLF that the run may go on over? */
static bool at_crlf(span s)
{
    return s.n >= 2 && s.p[0] == '\r' && s.p[1] == '\n';
}

/* The longest run of lines at the front of `in` that is content as it stands. */
static size_t clean_run(struct dot_reader *r, span in)
{
    size_t n = 0;

    while (n < in.n) {
        size_t plain = plain_length(span_skip(in, n));

        n += plain;
        if (plain == WINDOW_BYTES || n == in.n)
            continue;
        if (!at_crlf(span_skip(in, n)))
            return n;
        n += 2;
        if (n == in.n || in.p[n] == '.') {
            r->state = DOT_LINE_START;
            return n;
        }
    }
    return n;
}

/* The octet in front is CR, LF or NUL, and no clean line end. */
static span odd_octet(struct dot_reader *r, span *in)
{
    char c = in->p[0];
    span octet = span_head(*in, 1);

    *in = span_skip(*in, 1);
    if (c == '\r') {
        r->state = DOT_AFTER_CR;
        return SPAN_NONE;
    }
    r->faults |= c == '\n' ? DOT_BARE_LF : DOT_NUL;
    return c == '\n' && r->policy == DOT_NORMALISE ? SPAN("\r\n") : octet;
}

static span in_line(struct dot_reader *r, span *in)
{
    size_t n = clean_run(r, *in);
    span run = span_head(*in, n);

    if (n == 0)
        return odd_octet(r, in);
    *in = span_skip(*in, n);
    return run;
}

static span after_cr(struct dot_reader *r, span *in)
{
    if (in->p[0] == '\n') {
        *in = span_skip(*in, 1);
        r->state = DOT_LINE_START;
        return SPAN("\r\n");
    }
    r->state = DOT_IN_LINE;
    r->faults |= DOT_BARE_CR;
    return r->policy == DOT_NORMALISE ? SPAN("\r\n") : SPAN("\r");
}

/* One step; gives no content when it only moved on. */
static span step(struct dot_reader *r, span *in)
{
    char c = in->p[0];

    switch (r->state) {
    case DOT_LINE_START:
        if (c != '.' || r->counted)
            r->state = DOT_IN_LINE;
        else
            r->state = DOT_AFTER_DOT, *in = span_skip(*in, 1);
        return SPAN_NONE;
    case DOT_IN_LINE:
        return in_line(r, in);
    case DOT_AFTER_CR:
        return after_cr(r, in);
    case DOT_AFTER_DOT:
        if (c != '\r')
            r->state = DOT_IN_LINE;
        else
            r->state = DOT_AFTER_DOTCR, *in = span_skip(*in, 1);
        return SPAN_NONE;
    case DOT_AFTER_DOTCR:
        if (c != '\n')
            r->state = DOT_AFTER_CR;
        else
            r->state = DOT_ENDED, *in = span_skip(*in, 1);
        return SPAN_NONE;
    case DOT_ENDED:
        return SPAN_NONE;
    }
    BUG("a state that the dot reader does not have");
}

bool dot_reader_next(struct dot_reader *r, span *in, span *out_chunk)
{
    span chunk = SPAN_NONE;

    if (r->policy == DOT_BINARY) {
        chunk = *in;
        *in = span_skip(*in, in->n);
    }
    while (chunk.n == 0 && in->n > 0 && r->state != DOT_ENDED)
        chunk = step(r, in);
    *out_chunk = chunk;
    return chunk.n > 0;
}

bool dot_reader_finish(struct dot_reader *r, span *out_chunk)
{
    if (r->state != DOT_AFTER_CR)
        return false;
    r->state = DOT_IN_LINE;
    r->faults |= DOT_BARE_CR;
    *out_chunk = r->policy == DOT_NORMALISE ? SPAN("\r\n") : SPAN("\r");
    return true;
}

/* Room for a dot or a broken line's CRLF SP in front of at least one octet. */
#define WRITE_ROOM_BYTES 8

/* Octets of one line, none of them CR, LF or NUL; returns how many were used. */
static size_t put_plain(struct dot_writer *w, struct buf *b, span s)
{
    size_t n = min_size(plain_length(s), buf_room(b) - WRITE_ROOM_BYTES + 1);

    if (w->column == DOT_LINE_MAX_BYTES) {
        buf_put(b, SPAN("\r\n "));
        w->column = 1;
    }
    if (w->column == 0 && s.p[0] == '.')
        buf_putc(b, '.');
    n = min_size(n, DOT_LINE_MAX_BYTES - w->column);
    buf_put(b, span_head(s, n));
    w->column += n;
    return n;
}

/* A CR, LF or NUL in front of the content. */
static void put_odd(struct dot_writer *w, struct buf *b, char c)
{
    bool ended = c == '\n' && w->after_cr;

    w->after_cr = c == '\r';
    if (c == '\0' || ended)
        return;
    buf_put(b, SPAN("\r\n"));
    w->column = 0;
}

size_t dot_writer_put(struct dot_writer *w, struct buf *b, span s)
{
    size_t used = 0;

    while (used < s.n && buf_room(b) >= WRITE_ROOM_BYTES) {
        span rest = span_skip(s, used);

        if (plain_length(span_head(rest, 1)) == 1) {
            w->after_cr = false;
            used += put_plain(w, b, rest);
        } else {
            put_odd(w, b, rest.p[0]);
            used++;
        }
    }
    return used;
}

void dot_writer_end(struct dot_writer *w, struct buf *b)
{
    if (w->column > 0)
        buf_put(b, SPAN("\r\n"));
    buf_put(b, SPAN(".\r\n"));
    *w = (struct dot_writer){0};
}
