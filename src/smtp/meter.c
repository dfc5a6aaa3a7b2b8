/* SPDX-License-Identifier: ISC */
/* Each measure tells how many octets of the piece passed before its limit was: NEVER if it was not.
 */
#include "smtp/meter.h"

#define NEVER SIZE_MAX

/* Octets up to and with the one that makes `sum` exceed the limit. */
static size_t passes(uint64_t sum, uint64_t limit, size_t n)
{
    return limit > 0 && n > limit - sum ? (size_t)(limit - sum) + 1 : NEVER;
}

static size_t too_big(struct smtp_meter *m, const struct smtp_meter_limits *limits, span piece)
{
    size_t at = passes(m->bytes, limits->bytes, piece.n);

    m->bytes += piece.n;
    return at;
}

/*
 * Is there a line of more than `most` octets? Windows of that length are laid behind one another,
 * each from behind the last line end in the one before: a long line is a window without any.
 */
static size_t long_line(struct smtp_meter *m, const struct smtp_meter_limits *limits, span piece)
{
    size_t most = limits->line_bytes;
    span rest = piece;

    while (most > 0 && rest.n > 0) {
        span window = span_head(rest, most - m->column);
        size_t lf = span_rfind(window, '\n');

        m->column = lf < window.n ? 0 : m->column + window.n;
        if (m->column == most)
            return (size_t)(window.p - piece.p) + window.n;
        rest = span_skip(rest, lf < window.n ? lf + 1 : window.n);
    }
    return NEVER;
}

/* One line of the header, or what there is of it. */
static size_t header_line(struct smtp_meter *m, const struct smtp_meter_limits *limits, span line)
{
    size_t at = passes(m->header_bytes, limits->header_bytes, line.n);

    m->header_bytes += line.n;
    if (!m->in_field_line && !span_starts(line, SPAN(" ")) && !span_starts(line, SPAN("\t")) &&
        passes(m->header_fields++, limits->header_fields, 1) != NEVER)
        return 1;
    return at;
}

static size_t long_header(struct smtp_meter *m, const struct smtp_meter_limits *limits, span piece)
{
    size_t done = 0;

    while (done < piece.n && !m->body) {
        span rest = span_skip(piece, done);
        span line = span_head(rest, span_find(rest, '\n') + 1);
        size_t at;

        m->body =
            !m->in_field_line && (span_starts(line, SPAN("\r")) || span_starts(line, SPAN("\n")));
        if (m->body)
            break;
        at = header_line(m, limits, line);
        if (at != NEVER)
            return done + at;
        m->in_field_line = !span_ends(line, SPAN("\n"));
        done += line.n;
    }
    return NEVER;
}

enum smtp_meter_fault smtp_meter_put(struct smtp_meter *m, const struct smtp_meter_limits *limits,
                                     span piece)
{
    static const struct {
        size_t (*measure)(struct smtp_meter *m, const struct smtp_meter_limits *limits, span piece);
        enum smtp_meter_fault fault;
    } rows[] = {
        {too_big, SMTP_METER_TOO_BIG},
        {long_line, SMTP_METER_LONG_LINE},
        {long_header, SMTP_METER_LONG_HEADER},
    };
    enum smtp_meter_fault fault = SMTP_METER_FINE;
    size_t first = NEVER;

    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t at = rows[i].measure(m, limits, piece);

        if (at < first) {
            first = at;
            fault = rows[i].fault;
        }
    }
    return fault;
}
