/* SPDX-License-Identifier: ISC */
#include "guard/question.h"

#include "base/ascii.h"

void guard_put_printable(struct buf *b, span text)
{
    for (size_t i = 0; i < text.n; i++)
        buf_putc(b, ascii_is_print(text.p[i]) ? text.p[i] : '?');
}

void guard_put_line(struct buf *b, span text, span joint)
{
    size_t left = GUARD_TEXT_MAX_BYTES;
    bool first = true;
    span line;

    while (span_line(&text, &line)) {
        size_t needs = line.n + (first ? 0 : joint.n);

        if (!first && needs > left)
            return;
        if (!first)
            buf_put(b, joint);
        guard_put_printable(b, span_head(line, left));
        left -= min_size(needs, left);
        first = false;
    }
}

void guard_put_field(struct buf *b, span field, span between, span fold)
{
    size_t colon = span_find(field, ':');
    span value = span_skip(field, colon + 1), line;
    bool first = true;

    guard_put_printable(b, span_head(field, colon));
    buf_put(b, between);
    while (span_line(&value, &line)) {
        if (!first)
            buf_put(b, fold);
        if (!first && fold.n == 0)
            buf_putc(b, ' ');
        guard_put_printable(b, span_trim(line));
        first = false;
    }
}
