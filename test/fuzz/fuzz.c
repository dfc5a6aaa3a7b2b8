/* SPDX-License-Identifier: ISC */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_digest whole;
    struct fuzz_digest cut;

    if (size < 2)
        return 0;
    whole = fuzz_play(span_of(data + 2, size - 2), data[0], size);
    cut = fuzz_play(span_of(data + 2, size - 2), data[0], data[1] % 64 + 1u);
    BUG_IF(whole.out != cut.out, "the output depends on how the input is cut");
    BUG_IF(whole.told != cut.told, "the events depend on how the input is cut");
    return 0;
}
