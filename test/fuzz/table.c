/* SPDX-License-Identifier: ISC */
/* Any octets as a table of another mail system: no crash, entries inside of it, lines counted. */
#include <stdlib.h>

#include "config/table.h"
#include "fuzz.h"

static const char *add(struct config_table *t, span key, span value)
{
    const struct config_source *text = t->to;

    BUG_IF(key.n > 0 && (key.p < text->p || key.p + key.n > text->p + text->n), "a key outside");
    BUG_IF(value.n > 0 && (value.p < text->p || value.p + value.n > text->p + text->n),
           "a value outside");
    BUG_IF(t->where.line > text->n, "more lines than octets");
    return key.n > 4 ? "too long" : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct config_problems problems = {0};
    struct config_load load = {.problems = &problems};
    span octets = n >= 2 ? fuzz_place(span_of(data + 2, n - 2)) : SPAN_NONE;
    struct config_source text = {(char *)(uintptr_t)octets.p, octets.n};
    struct config_table t = {.load = &load, .add = add, .to = &text, .where = {.file = "fuzz"}};

    if (n < 2)
        return 0;
    config_table_parse(&t, (enum config_table_form)(data[0] % (CONFIG_TABLE_VALUES + 1)), &text);
    config_problems_finish(&problems);
    return 0;
}
