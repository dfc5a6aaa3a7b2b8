/* SPDX-License-Identifier: ISC */
/* A message for servers of seven bits or of lines: the same however it is cut, and what it says. */
#include <stdlib.h>

#include "base/ascii.h"
#include "fuzz.h"
#include "message/convert.h"

static struct convert c;

static span play(span in, enum convert_to to, size_t step, struct buf *out)
{
    convert_init(&c, to);
    for (size_t at = 0; at < in.n; at += step)
        (void)convert_put(&c, NULL, fuzz_place(span_head(span_skip(in, at), step)));
    BUG_IF(!convert_end(&c, NULL), "an end that waits for nothing");
    convert_begin(&c);
    for (size_t at = 0; at < in.n; at += step)
        (void)convert_put(&c, out, span_head(span_skip(in, at), step));
    BUG_IF(!convert_end(&c, out) || out->overflow, "more comes out than can");
    return buf_span(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char first[1 << 20], second[1 << 20];
    struct buf a = BUF_OVER(first), b = BUF_OVER(second);
    span in = span_of(data + 2, size < 2 ? 0 : size - 2);
    span out;

    if (size < 2 || size > 65536)
        return 0;
    out = play(in, (enum convert_to)(data[0] % 2), in.n + 1, &a);
    BUG_IF(!span_eq(out, play(in, (enum convert_to)(data[0] % 2), data[1] + 1u, &b)),
           "what comes out depends on how it is cut");
    if (c.fault != CONVERT_FINE || c.header_has_high || data[0] % 2 != CONVERT_TO_7BIT)
        return 0;
    for (size_t i = 0; i < out.n; i++)
        BUG_IF(ascii_is_high(out.p[i]), "eight bits for a server of seven");
    return 0;
}
