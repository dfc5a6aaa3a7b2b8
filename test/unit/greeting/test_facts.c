/* SPDX-License-Identifier: ISC */
#include "../guard.h"

#include "greeting/facts.h"

static void test_words(void **state)
{
    struct greeting_facts f = {0};

    (void)state;
    assert_span_equal(greeting_fact_name(FACT_SYNTAX), SPAN("syntax"));
    assert_span_equal(greeting_fact_name(FACT_EARLY), SPAN("early"));
    f.value[FACT_SYNTAX] = SYNTAX_NOT_FOR_HELO;
    assert_span_equal(greeting_fact_word(&f, FACT_SYNTAX), SPAN("valid-but-not-for-HELO"));
    f.value[FACT_SPF_HELO] = SPF_SOFTFAIL;
    assert_span_equal(greeting_fact_word(&f, FACT_SPF_HELO), SPAN("softfail"));
    /* "Not now" is never shown as a tie, and is no word of its own in the vocabulary. */
    f.value[FACT_VOUCHED] = VOUCHED_UNKNOWN;
    assert_span_equal(greeting_fact_word(&f, FACT_VOUCHED), SPAN("no"));
}

static void test_record(void **state)
{
    struct greeting_facts f = {.traits = TRAIT_INSIDE,
                               .history = {.first_seen_s = -5, .times = 7, .networks = 900}};
    struct greeting_facts back;
    char room[256];
    struct buf b = BUF_OVER(room);
    struct unpack u;

    (void)state;
    f.value[FACT_FORM] = FORM_EMPTY;
    greeting_facts_pack(&b, &f);
    u = unpack_over(guard_copy(buf_span(&b)));
    assert_true(greeting_facts_unpack(&u, &back));
    assert_true(unpack_done(&u));
    assert_memory_equal(&f.value, &back.value, sizeof(f.value));
    assert_int_equal(back.traits, TRAIT_INSIDE);
    assert_int_equal(back.history.first_seen_s, -5);
    assert_int_equal(back.history.networks, 900);
    for (size_t n = 0; n < b.n; n++) {
        u = unpack_over(guard_copy(span_head(buf_span(&b), n)));
        assert_false(greeting_facts_unpack(&u, &back));
    }
    /* A value that has no word must not come in. */
    for (unsigned i = 0; i < GREETING_FACT_COUNT; i++) {
        char saved = b.p[i];

        b.p[i] = (char)200;
        u = unpack_over(buf_span(&b));
        assert_false(greeting_facts_unpack(&u, &back));
        b.p[i] = saved;
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
