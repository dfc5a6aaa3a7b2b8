/* SPDX-License-Identifier: ISC */
#include "message/header.h"

#include "base/ascii.h"

struct header_walk header_walk_over(span text, size_t max_bytes, size_t max_fields)
{
    return (struct header_walk){
        .text = text,
        .max_bytes = max_bytes != 0 ? max_bytes : HEADER_MAX_BYTES,
        .max_fields = max_fields != 0 ? max_fields : HEADER_FIELDS_MAX,
    };
}

/* Octets of the line at the front, its LF included. */
static size_t line_length(span s)
{
    size_t lf = span_find(s, '\n');

    return lf < s.n ? lf + 1 : s.n;
}

static span without_eol(span s)
{
    if (s.n != 0 && s.p[s.n - 1] == '\n')
        s.n--;
    if (s.n != 0 && s.p[s.n - 1] == '\r')
        s.n--;
    return s;
}

/* Octets of the field at the front: its line of so many and those that begin with a blank. */
static size_t field_length(span s, size_t line)
{
    size_t n = line;

    while (n < s.n && ascii_is_blank(s.p[n]))
        n += line_length(span_skip(s, n));
    return n;
}

/*
 * Octets of the field's name; 0 when the line is no field (RFC 5322 2.2: printable,
 * no blank; 4.5: blanks before the colon were allowed once).
 */
static size_t name_length(span line, size_t *colon)
{
    size_t n = 0;

    while (n < line.n && line.p[n] > ' ' && line.p[n] <= '~' && line.p[n] != ':')
        n++;
    *colon = n;
    while (*colon < line.n && ascii_is_blank(line.p[*colon]))
        (*colon)++;
    return *colon < line.n && line.p[*colon] == ':' ? n : 0;
}

static bool end(struct header_walk *w, enum header_end how)
{
    w->end = how;
    return false;
}

bool header_next(struct header_walk *w, struct header_field *out)
{
    span rest = span_skip(w->text, w->at), line;
    size_t first, name, colon, length;

    if (w->end != HEADER_MORE)
        return false;
    if (rest.n == 0)
        return end(w, HEADER_TEXT_END);
    first = line_length(rest);
    line = without_eol(span_head(rest, first));
    if (line.n == 0) {
        w->at += first;
        return end(w, HEADER_EMPTY_LINE);
    }
    name = name_length(line, &colon);
    if (name == 0)
        return end(w, HEADER_NO_FIELD);
    length = field_length(rest, first);
    if (w->n_fields == w->max_fields || w->at + length > w->max_bytes)
        return end(w, HEADER_LIMIT);
    out->whole = span_head(rest, length);
    out->name = span_head(rest, name);
    out->value = without_eol(span_skip(out->whole, colon + 1));
    w->at += length;
    w->n_fields++;
    return true;
}

void header_put_unfolded(struct buf *b, span value)
{
    bool blank = false, begun = false;

    for (size_t i = 0; i < value.n; i++) {
        char c = value.p[i];

        if (ascii_is_blank(c) || c == '\r' || c == '\n') {
            blank = begun;
            continue;
        }
        if (blank)
            buf_putc(b, ' ');
        blank = false;
        begun = true;
        buf_putc(b, c);
    }
}

static span trimmed(span s)
{
    while (s.n != 0 && (ascii_is_blank(s.p[0]) || s.p[0] == '\r' || s.p[0] == '\n'))
        s = span_skip(s, 1);
    return span_trim(s);
}

static void keep_first(span *where, const struct header_field *f, span name)
{
    if (where->n == 0 && span_ieq(f->name, name))
        *where = trimmed(f->value);
}

struct header_summary header_summarize(span text, size_t max_bytes, size_t max_fields)
{
    struct header_walk w = header_walk_over(text, max_bytes, max_fields);
    struct header_summary s = {0};
    struct header_field f;

    while (header_next(&w, &f)) {
        s.n_received += span_ieq(f.name, SPAN("Received")) ? 1 : 0;
        s.n_results += span_ieq(f.name, SPAN("Authentication-Results")) ? 1 : 0;
        keep_first(&s.message_id, &f, SPAN("Message-ID"));
        keep_first(&s.date, &f, SPAN("Date"));
        keep_first(&s.from, &f, SPAN("From"));
    }
    s.end = w.end;
    s.bytes = w.at;
    s.n_fields = w.n_fields;
    return s;
}

bool header_was_delivered_to(span text, span address)
{
    struct header_walk w = header_walk_over(text, 0, 0);
    struct header_field f;

    while (header_next(&w, &f))
        if (span_ieq(f.name, SPAN("Delivered-To")) && span_ieq(trimmed(f.value), address))
            return true;
    return false;
}
