/* SPDX-License-Identifier: ISC */
/*
 * Line by line: a boundary line ends a part and begins another, header lines say what the part
 * is, all else is content, which is decoded, unfolded or dropped.
 */
#include "explain/message.h"

#include "base/ascii.h"
#include "explain/decode.h"

/* How far into a text a header, a tag or a soft line break is looked for. */
#define LOOK_BYTES 4096

enum part_kind {
    PART_TEXT,
    PART_HTML,
    PART_STATUS, /* message/delivery-status: unfolded */
    PART_MULTI,  /* what stands before the first boundary is dropped */
    PART_COPY,   /* the original message or its header: dropped */
};

struct reader {
    span boundary[MESSAGE_DEPTH_MAX];
    size_t depth;
    size_t parts;
    bool in_header;
    enum part_kind kind;
    char field[MESSAGE_FIELD_BYTES]; /* the header field that is being unfolded */
    struct buf unfolded;
    char boundary_memory[MESSAGE_DEPTH_MAX][80];
    struct decode decode;
};

/* The value of a parameter in "text/plain; charset=x; boundary=\"y\"", without quotes. */
static span parameter(span value, span name)
{
    size_t at = span_isearch(value, name);
    span rest = span_skip(value, at + name.n);

    if (at >= value.n)
        return SPAN_NONE;
    rest = span_trim(rest);
    if (rest.n > 0 && rest.p[0] == '"')
        return span_head(span_skip(rest, 1), span_find(span_skip(rest, 1), '"'));
    return span_trim(span_head(rest, min_size(span_find(rest, ';'), span_find(rest, ' '))));
}

static void enter_multipart(struct reader *r, span boundary)
{
    r->kind = PART_MULTI;
    if (r->depth == MESSAGE_DEPTH_MAX || boundary.n == 0 || boundary.n > 70)
        return;
    memcpy(r->boundary_memory[r->depth], boundary.p, boundary.n);
    r->boundary[r->depth] = span_of(r->boundary_memory[r->depth], boundary.n);
    r->depth++;
}

static void use_content_type(struct reader *r, span value)
{
    if (span_istarts(value, SPAN("multipart/")))
        enter_multipart(r, parameter(value, SPAN("boundary=")));
    else if (span_istarts(value, SPAN("text/html")))
        r->kind = PART_HTML;
    else if (span_istarts(value, SPAN("message/delivery-status")))
        r->kind = PART_STATUS;
    else if (span_istarts(value, SPAN("text/rfc822")) || !span_istarts(value, SPAN("text/")))
        r->kind = PART_COPY;
}

static void use_encoding(struct reader *r, span value)
{
    if (span_istarts(value, SPAN("quoted-printable")))
        r->decode.encoding = DECODE_QUOTED;
    else if (span_istarts(value, SPAN("base64")))
        r->decode.encoding = DECODE_BASE64;
}

/* A whole header field was collected. */
static void use_field(struct reader *r)
{
    span field = buf_span(&r->unfolded);
    size_t colon = span_find(field, ':');
    span name = span_trim(span_head(field, colon)), value = span_trim(span_skip(field, colon + 1));

    if (span_ieq(name, SPAN("Content-Type")))
        use_content_type(r, value);
    else if (span_ieq(name, SPAN("Content-Transfer-Encoding")))
        use_encoding(r, value);
    buf_reset(&r->unfolded);
}

static void begin_part(struct reader *r)
{
    struct buf *out = r->decode.out;

    r->in_header = true;
    r->kind = r->parts++ < MESSAGE_PARTS_MAX ? PART_TEXT : PART_COPY;
    r->decode = (struct decode){.out = out};
}

static void end_part(struct reader *r)
{
    if (!r->in_header && r->kind < PART_MULTI)
        decode_end(&r->decode);
}

static void end_header(struct reader *r)
{
    use_field(r);
    r->in_header = false;
    r->decode.html = r->kind == PART_HTML;
}

static void header_line(struct reader *r, span line)
{
    if (line.n == 0) {
        end_header(r);
        return;
    }
    if (!ascii_is_blank(line.p[0]))
        use_field(r);
    buf_put(&r->unfolded, span_head(line, buf_room(&r->unfolded)));
}

/* Fields of the machine part stand on one line each: a fold is a blank. */
static void status_line(struct reader *r, span line)
{
    struct buf *out = r->decode.out;

    if (line.n > 0 && ascii_is_blank(line.p[0]) && out->n > 0 && out->p[out->n - 1] == '\n') {
        out->p[out->n - 1] = ' ';
        line = span_trim(line);
    }
    decode_line(&r->decode, line);
}

static void content_line(struct reader *r, span line)
{
    if (r->kind == PART_STATUS)
        status_line(r, line);
    else if (r->kind < PART_MULTI)
        decode_line(&r->decode, line);
}

/* A boundary line of an open multipart: closes what is inside it. False when it is none. */
static bool boundary_line(struct reader *r, span line)
{
    if (!span_starts(line, SPAN("--")))
        return false;
    for (size_t i = r->depth; i-- > 0;) {
        span rest = span_skip(line, 2 + r->boundary[i].n);

        if (!span_starts(span_skip(line, 2), r->boundary[i]))
            continue;
        end_part(r);
        r->depth = i + 1;
        if (span_starts(rest, SPAN("--"))) {
            r->depth = i;
            r->kind = PART_MULTI;
            r->in_header = false;
        } else {
            begin_part(r);
        }
        return true;
    }
    return false;
}

/* The next line; CRLF, LF, and the bare CR of old, end one. */
static bool take_line(span *rest, span *out_line)
{
    size_t n = 0;

    if (rest->n == 0)
        return false;
    while (n < rest->n && rest->p[n] != '\n' && rest->p[n] != '\r')
        n++;
    *out_line = span_head(*rest, n);
    if (span_starts(span_skip(*rest, n), SPAN("\r\n")))
        n++;
    *rest = span_skip(*rest, n + 1);
    return true;
}

static void read_message(span input, struct buf *b)
{
    struct reader r = {.decode.out = b};
    span line;

    r.unfolded = BUF_OVER(r.field);
    begin_part(&r);
    while (take_line(&input, &line)) {
        if (boundary_line(&r, line))
            continue;
        if (r.in_header)
            header_line(&r, line);
        else
            content_line(&r, line);
    }
    end_part(&r);
}

/* Two or more fields that every message has, before the first empty line, and nothing else. */
static bool is_message(span input)
{
    static const span fields[] = {SPAN_INIT("Received:"),
                                  SPAN_INIT("Return-Path:"),
                                  SPAN_INIT("From:"),
                                  SPAN_INIT("To:"),
                                  SPAN_INIT("Subject:"),
                                  SPAN_INIT("Date:"),
                                  SPAN_INIT("Message-ID:"),
                                  SPAN_INIT("MIME-Version:"),
                                  SPAN_INIT("Content-Type:"),
                                  SPAN_INIT("Delivered-To:"),
                                  SPAN_INIT("X-Failed-Recipients:")};
    unsigned known = 0;
    span line;

    input = span_head(input, LOOK_BYTES);
    if (span_starts(input, SPAN("From ")))
        (void)take_line(&input, &line);
    while (take_line(&input, &line) && line.n > 0) {
        size_t colon = span_find(line, ':');

        if (!ascii_is_blank(line.p[0]) &&
            (colon >= line.n || span_has(span_head(line, colon), ' ')))
            return false;
        for (size_t i = 0; i < COUNT(fields); i++)
            known += span_istarts(line, fields[i]);
    }
    return known >= 2;
}

static bool has_any(span text, const span *marks, size_t n)
{
    text = span_head(text, LOOK_BYTES);
    for (size_t i = 0; i < n; i++)
        if (span_isearch(text, marks[i]) < text.n)
            return true;
    return false;
}

static void read_part(span input, struct buf *b, bool html, enum decode_encoding encoding)
{
    struct decode d = {.out = b, .html = html, .encoding = encoding};
    span line;

    while (take_line(&input, &line))
        decode_line(&d, line);
    decode_end(&d);
}

span message_text(span input, struct buf *b)
{
    static const span tags[] = {SPAN_INIT("<html"), SPAN_INIT("<br"),    SPAN_INIT("</p>"),
                                SPAN_INIT("<p>"),   SPAN_INIT("</div>"), SPAN_INIT("</td>")};
    static const span soft[] = {SPAN_INIT("=\n"), SPAN_INIT("=\r\n")};
    static const span quoted[] = {SPAN_INIT("=3D"), SPAN_INIT("=20"), SPAN_INIT("=\n"),
                                  SPAN_INIT("=\r\n")};
    bool html = has_any(input, tags, COUNT(tags));
    bool is_quoted = has_any(input, soft, COUNT(soft)) && has_any(input, quoted, COUNT(quoted));

    if (is_message(input))
        read_message(input, b);
    else if (html || is_quoted)
        read_part(input, b, html, is_quoted ? DECODE_QUOTED : DECODE_PLAIN);
    else
        return input;
    return buf_span(b);
}
