/* SPDX-License-Identifier: ISC */
/* Any octets as a refusal: spans stay in the text, the answer is the same after others, JSON is
 * whole. */
#include "base/escape.h"
#include "explain/show.h"
#include "fuzz.h"

static struct explain_work work;
static char json[2][EXPLAIN_SHOW_BYTES];

static span show(span in, char *memory)
{
    struct buf out = buf_over(memory, EXPLAIN_SHOW_BYTES);
    struct explain_answer a;

    explain_read(&work, in, NULL, &a);
    for (size_t i = 0; i < EXPLAIN_FIELD_COUNT; i++)
        BUG_IF(a.field[i].n != 0 &&
                   (a.field[i].p < in.p || a.field[i].p + a.field[i].n > in.p + in.n),
               "a field outside of the text");
    explain_show_json(&out, &a);
    BUG_IF(out.overflow || !escape_is_utf8(buf_span(&out)), "JSON that is not whole");
    return buf_span(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    span in = fuzz_place(n >= 2 ? span_of(data + 2, n - 2) : SPAN_NONE), first, second;

    if (work.place == 0)
        explain_work_init(&work);
    first = show(in, json[0]);
    second = show(in, json[1]);
    BUG_IF(!span_eq(first, second), "the answer depends on what was read before");
    return 0;
}
