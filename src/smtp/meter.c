/* SPDX-License-Identifier: ISC */
#include "smtp/meter.h"

#include "base/ascii.h"

/*
 * Is there a line of more than `most` octets? Windows of that length are laid behind one another,
 * each from behind the last line end in the one before: a long line is a window without any.
 */
static bool has_long_line(struct smtp_meter *m, span content, size_t most)
{
    while (content.n > 0) {
        span window = span_head(content, most - m->column);
        size_t lf = span_rfind(window, '\n');

        m->column = lf < window.n ? 0 : m->column + window.n;
        if (m->column == most)
            return true;
        content = span_skip(content, lf < window.n ? lf + 1 : window.n);
    }
    return false;
}

static bool is_over(uint64_t n, uint64_t limit)
{
    return limit > 0 && n > limit;
}

static bool has_long_header(struct smtp_meter *m, const struct smtp_meter_limits *limits,
                            span content)
{
    while (content.n > 0 && !m->body) {
        size_t lf = span_find(content, '\n');
        char first = content.p[0];

        if (!m->in_line && (first == '\r' || first == '\n')) {
            m->body = true;
            break;
        }
        if (!m->in_line && !ascii_is_blank(first))
            m->header_fields++;
        m->in_line = lf == content.n;
        m->header_bytes += min_size(lf + 1, content.n);
        content = span_skip(content, lf + 1);
        if (is_over(m->header_bytes, limits->header_bytes) ||
            is_over(m->header_fields, limits->header_fields))
            return true;
    }
    return false;
}

enum smtp_meter_fault smtp_meter_put(struct smtp_meter *m, const struct smtp_meter_limits *limits,
                                     span piece)
{
    if (has_long_header(m, limits, piece))
        return SMTP_METER_LONG_HEADER;
    if (limits->line_bytes > 0 && has_long_line(m, piece, limits->line_bytes))
        return SMTP_METER_LONG_LINE;
    return SMTP_METER_FINE;
}
