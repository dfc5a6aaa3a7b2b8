/* SPDX-License-Identifier: ISC */
#include "help.h"

static const struct {
    const char *text;
    enum explain_question question;
    enum explain_truth answer;
    const char *cause;
} cases[] = {
    {"550 5.7.25 Reverse DNS validation failed", EXPLAIN_ASK_PTR, EXPLAIN_NO, "ptr.none"},
    {"550 5.7.25 Reverse DNS validation failed", EXPLAIN_ASK_CONFIRMED, EXPLAIN_NO,
     "ptr.unconfirmed"},
    {"550 5.7.25 Reverse DNS validation failed", EXPLAIN_ASK_PTR, EXPLAIN_NOT_NOW,
     "ptr.none_or_unconfirmed"},
    {"550 Invalid HeloHost", EXPLAIN_ASK_RESOLVES, EXPLAIN_NO, "helo.unresolvable"},
    {"550 Invalid HeloHost", EXPLAIN_ASK_RESOLVES, EXPLAIN_YES, "helo.unspecified"},
    {"550 Invalid HeloHost", EXPLAIN_ASK_ADDRESS, EXPLAIN_NO, "helo.ip_mismatch"},
    {"550 Bad HELO - Host impersonating [mx.example.com]", EXPLAIN_ASK_TIES_REMOTE, EXPLAIN_YES,
     "helo.forged_local.server"},
    {"550 Bad HELO - Host impersonating [mx.example.com]", EXPLAIN_ASK_TIES_REMOTE, EXPLAIN_NO,
     "helo.forged_local.domain"},
    {"550 5.1.1 User unknown", EXPLAIN_ASK_PTR, EXPLAIN_NO, "rcpt.unknown"},
};

static void look_ups_settle(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct explain_answer a = explain(cases[i].text);
        struct explain_truths t = {0};
        bool changes = strcmp(a.page->id, cases[i].cause) != 0;

        t.of[cases[i].question] = cases[i].answer;
        explain_told(&a, &t, NULL);
        assert_string_equal(a.page->id, cases[i].cause);
        assert_int_equal(a.told != NULL, changes);
    }
}

static void only_what_helps_is_asked(void **state)
{
    struct explain_answer a = explain("550 5.1.1 User unknown");

    (void)state;
    assert_int_equal(explain_wants(&a), 0);
    a = explain("550 Bad HELO - Host impersonating [mx.example.com]");
    assert_int_equal(explain_wants(&a), 1u << EXPLAIN_ASK_TIES_REMOTE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(look_ups_settle),
        cmocka_unit_test(only_what_helps_is_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
