/* SPDX-License-Identifier: ISC */
#include "server/http_reply.h"

#include "base/ascii.h"
#include "base/num.h"

/* What the header fields say of the body. */
struct framing {
    bool chunked;
    bool sized;
    uint64_t size;
};

/* ---- head ---- */

/* "HTTP/1.1 200 OK" */
static bool read_status(span line, unsigned *out_status)
{
    span code = span_head(span_skip(line, 9), 3), behind = span_skip(line, 12);
    uint64_t n;

    if (!span_starts(line, SPAN("HTTP/1.")) || line.n < 12 || !ascii_is_digit(line.p[7]) ||
        line.p[8] != ' ' || !num_parse_u64(code, 599, &n) || n < 100 ||
        (behind.n != 0 && behind.p[0] != ' '))
        return false;
    *out_status = (unsigned)n;
    return true;
}

static bool read_size(span value, struct framing *f)
{
    uint64_t size;

    if (!num_parse_u64(value, UINT32_MAX, &size) || (f->sized && f->size != size))
        return false;
    f->sized = true;
    f->size = size;
    return true;
}

static bool read_field(span line, struct framing *f)
{
    size_t colon = span_find(line, ':');
    span name = span_head(line, colon), value = span_trim(span_skip(line, colon + 1));

    if (name.n == 0 || name.n == line.n || span_has(name, ' ') || span_has(name, '\t'))
        return false;
    if (span_ieq(name, SPAN("Content-Length")))
        return read_size(value, f);
    if (!span_ieq(name, SPAN("Transfer-Encoding")))
        return true;
    if (f->chunked || !span_ieq(value, SPAN("chunked")))
        return false;
    f->chunked = true;
    return true;
}

/* One head, which *rest begins with; HTTP_WHOLE: it is behind it now. */
static enum http_progress take_head(span *rest, unsigned *out_status, struct framing *out_framing)
{
    size_t end = span_search(span_head(*rest, HTTP_HEAD_BYTES), SPAN("\r\n\r\n"));
    span head = span_head(*rest, end), line;

    if (end == min_size(rest->n, HTTP_HEAD_BYTES))
        return end == HTTP_HEAD_BYTES ? HTTP_BROKEN : HTTP_MORE;
    *out_framing = (struct framing){0};
    if (!span_line(&head, &line) || !read_status(line, out_status))
        return HTTP_BROKEN;
    while (span_line(&head, &line))
        if (!read_field(line, out_framing))
            return HTTP_BROKEN;
    *rest = span_skip(*rest, end + 4);
    return HTTP_WHOLE;
}

/* ---- body ---- */

/* "1f;name=value" */
static bool read_chunk_size(span line, size_t *out_n)
{
    span digits = span_trim(span_head(line, span_find(line, ';')));
    size_t n = 0;

    for (size_t i = 0; i < digits.n; i++) {
        int digit = ascii_hex(digits.p[i]);

        if (digit < 0 || n > UINT32_MAX / 16)
            return false;
        n = 16 * n + (size_t)digit;
    }
    *out_n = n;
    return digits.n != 0;
}

/* Up to the last chunk: the fields that may follow tell us nothing. */
static enum http_progress join_chunks(span rest, struct buf *room)
{
    for (;;) {
        size_t n, end = span_search(span_head(rest, HTTP_CHUNK_LINE_BYTES), SPAN("\r\n"));

        if (end == min_size(rest.n, HTTP_CHUNK_LINE_BYTES))
            return end == HTTP_CHUNK_LINE_BYTES ? HTTP_BROKEN : HTTP_MORE;
        if (!read_chunk_size(span_head(rest, end), &n))
            return HTTP_BROKEN;
        if (n == 0)
            return HTTP_WHOLE;
        rest = span_skip(rest, end + 2);
        if (rest.n < n + 2)
            return HTTP_MORE;
        if (!span_starts(span_skip(rest, n), SPAN("\r\n")))
            return HTTP_BROKEN;
        buf_put(room, span_head(rest, n));
        rest = span_skip(rest, n + 2);
    }
}

static enum http_progress read_body(span rest, bool ended, const struct framing *f,
                                    struct buf *room, span *out_body)
{
    enum http_progress progress;

    if (f->chunked) {
        buf_reset(room);
        progress = join_chunks(rest, room);
        if (progress == HTTP_WHOLE)
            *out_body = buf_span(room);
        return room->overflow ? HTTP_BROKEN : progress;
    }
    if (f->sized ? rest.n < f->size : !ended)
        return HTTP_MORE;
    *out_body = f->sized ? span_head(rest, (size_t)f->size) : rest;
    return HTTP_WHOLE;
}

enum http_progress http_reply_read(span octets, bool ended, struct buf *room,
                                   struct http_reply *out_reply)
{
    struct http_reply reply = {0};
    struct framing framing = {0};
    enum http_progress progress;

    do /* 1xx comes before the reply (RFC 9110 15.2) */
        progress = take_head(&octets, &reply.status, &framing);
    while (progress == HTTP_WHOLE && reply.status < 200);
    if (progress == HTTP_WHOLE && reply.status == 200)
        progress = read_body(octets, ended, &framing, room, &reply.body);
    if (progress == HTTP_WHOLE)
        *out_reply = reply;
    return progress == HTTP_MORE && ended ? HTTP_BROKEN : progress;
}
