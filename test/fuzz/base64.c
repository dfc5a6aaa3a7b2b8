/* SPDX-License-Identifier: ISC */
/* Base64: what is taken encodes to the same text again, in place or not; octets come back as they
 * went. */
#include "base/base64.h"
#include "fuzz.h"

#define MAX_BYTES 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char octets[MAX_BYTES];
    char text[BASE64_TEXT_BYTES(MAX_BYTES)];
    span in = fuzz_place(span_head(span_skip(span_of(data, size), 2), MAX_BYTES));
    struct buf o = buf_over(octets, in.n / 4 * 3);
    struct buf t = BUF_OVER(text);
    struct buf place;

    if (base64_take(&o, in)) {
        base64_put(&t, buf_span(&o));
        BUG_IF(!span_eq(buf_span(&t), in), "two texts for the same octets");
        place = buf_over(text, t.n);
        BUG_IF(!base64_take(&place, span_of(text, t.n)), "in place it is none");
        BUG_IF(!span_eq(buf_span(&place), buf_span(&o)), "in place it is something else");
    }
    buf_reset(&t);
    o = BUF_OVER(octets);
    base64_put(&t, in);
    BUG_IF(!base64_take(&o, buf_span(&t)) || !span_eq(buf_span(&o), in), "not what was put");
    return 0;
}
