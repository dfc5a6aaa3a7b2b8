/* SPDX-License-Identifier: ISC */
#include "../guard.h"

#include "spf/record.h"

static void test_version(void **state)
{
    static const struct {
        const char *txt;
        bool want;
    } cases[] = {{"v=spf1", true},   {"V=SPF1 -all", true}, {"v=spf1 ", true},
                 {"v=spf10", false}, {"v=spf1-all", false}, {"v=spf", false},
                 {"", false},        {" v=spf1", false},    {"v=spf1\t-all", false}};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (spf_record_is(guard_copy(span_cstr(cases[i].txt))) != cases[i].want)
            fail_msg("%s", cases[i].txt);
    }
}

static void test_terms(void **state)
{
    span rest = guard_copy(SPAN(" ~a:x.example/24//64  -ip4:192.0.2.77/8 redirect=y.example"));
    struct spf_term t;

    (void)state;
    assert_int_equal(spf_term_take(&rest, &t), SPF_TAKE_TERM);
    assert_int_equal(t.kind, SPF_A);
    assert_int_equal(t.qualifier, '~');
    assert_span_equal(t.spec, SPAN("x.example"));
    assert_int_equal(t.bits4, 24);
    assert_int_equal(t.bits6, 64);
    assert_int_equal(spf_term_take(&rest, &t), SPF_TAKE_TERM);
    assert_int_equal(t.kind, SPF_IP4);
    assert_int_equal(t.network.bits, 8);
    assert_span_equal(t.text, SPAN("-ip4:192.0.2.77/8"));
    assert_int_equal(spf_term_take(&rest, &t), SPF_TAKE_TERM);
    assert_int_equal(t.kind, SPF_REDIRECT);
    assert_int_equal(spf_term_take(&rest, &t), SPF_TAKE_END);
    assert_int_equal(spf_term_take(&rest, &t), SPF_TAKE_END);
}

static void test_modifiers_that_count(void **state)
{
    span redirect;
    span exp;

    (void)state;
    assert_true(spf_record_check(guard_copy(SPAN("a exp=e.example x=y -all redirect=r.example")),
                                 &redirect, &exp));
    assert_span_equal(redirect, SPAN("r.example"));
    assert_span_equal(exp, SPAN("e.example"));
    assert_false(spf_record_check(SPAN("exp=e.example exp=e.example"), &redirect, &exp));
    assert_true(spf_record_check(SPAN(""), &redirect, &exp));
    assert_int_equal(redirect.n + exp.n, 0);
}

/* The record as a whole is fine, cut anywhere it is read inside its text, and so are damaged ones.
 */
static void test_damaged_records_stay_inside(void **state)
{
    static const char record[] =
        "+a:%{d2r.-}.x.example/24//64 -ip4:192.0.2.1/8 ip6:2001:db8::/32 exp=%{d}.e.example";
    char damaged[sizeof(record)];
    unsigned good = 0;
    span redirect;
    span exp;

    (void)state;
    assert_true(spf_record_check(span_of(record, sizeof(record) - 1), &redirect, &exp));
    for (size_t i = 0; i + 1 < sizeof(record); i++) {
        for (unsigned c = 0; c < 256; c += 7) {
            memcpy(damaged, record, sizeof(record));
            damaged[i] = (char)c;
            good += spf_record_check(span_of(damaged, sizeof(record) - 1), &redirect, &exp);
        }
        good += spf_record_check(guard_copy(span_of(record, i)), &redirect, &exp);
    }
    assert_in_range(good, 1, sizeof(record) * 19);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_terms),
        cmocka_unit_test(test_modifiers_that_count),
        cmocka_unit_test(test_damaged_records_stay_inside),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
