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

/* The words of a refusal as a client gets them: with codes on each line, or on one line. */
static void put_refusal(struct buf *b, const struct explain_reply *r, bool one_line)
{
    for (size_t i = 0; i < r->lines; i++) {
        if (!one_line || i == 0)
            buf_printf(b, "%u%c%s", r->code, one_line || i + 1 == r->lines ? ' ' : '-',
                       r->enhanced);
        buf_printf(b, " %.*s%s", SPAN_ARG(r->line[i]), one_line ? "" : "\\n");
    }
}

/* What herald itself says is understood by it, whatever it knew of the client. */
static void own_words_are_known(void **state)
{
    static const struct explain_facts facts[] = {
        {.greeting = SPAN_INIT("mail.far.example"), .client = SPAN_INIT("198.51.100.7")},
        {.greeting = SPAN_INIT("mail.far.example"),
         .client = SPAN_INIT("198.51.100.7"),
         .ptr = SPAN_INIT("dyn-7.pool.example.org"),
         .verb = SPAN_INIT("HELO"),
         .reference = SPAN_INIT("7QK2M9P"),
         .url = SPAN_INIT("https://mx1.example.net/why/7QK2M9P")},
    };
    unsigned wrong = 0;

    (void)state;
    for (size_t i = 0; i < 4 * explain_page_count; i++) {
        const struct explain_page *page = &explain_pages[i / 4];
        char memory[EXPLAIN_REPLY_BYTES], words[2 * EXPLAIN_REPLY_BYTES];
        struct buf b = BUF_OVER(memory), text = BUF_OVER(words);
        struct explain_answer a;
        struct explain_reply r;

        if (page->texts[0] == NULL)
            continue;
        assert_true(explain_reply(page, &facts[i % 2], &b, &r));
        put_refusal(&text, &r, i % 4 > 1);
        a = explain(buf_cstr(&text));
        if (a.page == page && a.software != NULL && strcmp(a.software, "herald") == 0)
            continue;
        printf("%s: %s by %s: %s\n", page->id, a.page->id, a.rule != NULL ? a.rule : "no rule",
               words);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

/* And the facts in it. */
static void own_facts_are_found(void **state)
{
    struct explain_answer a =
        explain("550-5.7.1 You greeted us as \"web-7d9f\", which is not a full host name\\n"
                "550-5.7.1 but you are 198.51.100.7 (no reverse name), and a host greets with its "
                "full name in DNS.\\n550 5.7.1 Set the EHLO name of your mail software to that "
                "name. Ref 7QK2M9P");

    (void)state;
    assert_span_equal(a.field[EXPLAIN_FIELD_GREETING], SPAN("web-7d9f"));
    assert_span_equal(a.field[EXPLAIN_FIELD_CLIENT], SPAN("198.51.100.7"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_are_answered),
        cmocka_unit_test(own_words_are_known),
        cmocka_unit_test(own_facts_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
