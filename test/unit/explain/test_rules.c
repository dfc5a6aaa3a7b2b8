/* SPDX-License-Identifier: ISC */
#include "examples.h"
#include "help.h"

/* Each example of a rule that names a cause is answered with that cause. */
static void examples_are_answered(void **state)
{
    unsigned wrong = 0;

    (void)state;
    for (size_t i = 0; i < rule_example_count; i++) {
        const struct rule_example *e = &rule_examples[i];
        struct explain_answer a = explain(e->text);

        if (strcmp(e->kind, "cause") != 0 || strcmp(a.page->id, e->value) == 0)
            continue;
        printf("%s: %s by %s: %s\n", e->rule, a.page->id, a.rule != NULL ? a.rule : "no rule",
               e->text);
        wrong++;
    }
    assert_int_equal(wrong, 0);
    assert_true(rule_example_count > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(examples_are_answered)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
