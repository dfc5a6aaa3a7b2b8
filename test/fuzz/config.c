/* SPDX-License-Identifier: ISC */
/* Any octets as a configuration: no crash, and what is shown of a good one loads again. */
#include <stdlib.h>

#include "config/show.h"
#include "fuzz.h"

/* Files that a text names are none of the fuzzer's business. */
static bool names_a_file(span text)
{
    static const span words[] = {
        SPAN_INIT("include"),   SPAN_INIT("file:"),    SPAN_INIT("users"),
        SPAN_INIT("aliases"),   SPAN_INIT("postfix:"), SPAN_INIT("exim:"),
        SPAN_INIT("mailhelo:"), SPAN_INIT("mailips:"), SPAN_INIT("cpanel:")};

    for (size_t i = 0; i < COUNT(words); i++)
        if (span_search(text, words[i]) < text.n)
            return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static char shown[1024 * 1024];
    struct buf b = BUF_OVER(shown);
    struct config_problems problems = {0};
    struct config *c;

    if (n < 2 || names_a_file(span_of(data, n)))
        return 0;
    c = config_load_text("fuzz", fuzz_place(span_of(data + 2, n - 2)), &problems);
    BUG_IF((c != NULL) != (problems.n_errors == 0), "errors and a configuration");
    if (c != NULL)
        config_show_put(&b, c);
    config_free(c);
    config_problems_finish(&problems);
    return 0;
}
