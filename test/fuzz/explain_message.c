/* SPDX-License-Identifier: ISC */
/* Any octets as a bounce: the text never outgrows the room, and reading it again changes nothing.
 */
#include <stdlib.h>

#include "explain/message.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    span in = fuzz_place(n >= 2 ? span_of(data + 2, n - 2) : SPAN_NONE);
    size_t cap = in.n + MESSAGE_SPARE_BYTES;
    struct buf once = buf_over(malloc(cap), cap), twice = buf_over(malloc(cap), cap);
    span a = message_text(in, &once), b = message_text(in, &twice);

    BUG_IF(once.overflow, "the text outgrew its input");
    BUG_IF(!span_eq(a, b), "reading twice differs");
    free(once.p);
    free(twice.p);
    return 0;
}
