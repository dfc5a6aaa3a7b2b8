/* SPDX-License-Identifier: ISC */
#include "base/near.h"

#include "../guard.h"

static const struct {
    const char *a, *b;
    size_t distance;
} rows[] = {
    {"", "", 0},
    {"", "abc", 3},
    {"abc", "", 3},
    {"abc", "abc", 0},
    {"ABC", "abc", 0},
    {"sesions", "sessions", 1},
    {"hostnmae", "hostname", 1},
    {"kitten", "sitting", 3},
    {"recipient", "recipients", 1},
};

static void distances(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (near_distance(guard_copy(span_cstr(rows[i].a)), guard_copy(span_cstr(rows[i].b))) !=
            rows[i].distance)
            fail_msg("%s and %s", rows[i].a, rows[i].b);
}

static void long_words_are_near_nothing(void **state)
{
    static char word[NEAR_WORD_MAX_BYTES + 1];
    size_t best = SIZE_MAX;

    (void)state;
    memset(word, 'a', sizeof word);
    assert_int_equal(near_distance(span_of(word, sizeof word), SPAN("a")), SIZE_MAX);
    assert_false(near_is_nearer(span_of(word, sizeof word), span_of(word, sizeof word), &best));
    assert_int_equal(near_distance(span_of(word, sizeof word - 1), SPAN("a")), 63);
}

static void the_nearest_wins(void **state)
{
    size_t best = SIZE_MAX;

    (void)state;
    assert_false(near_is_nearer(SPAN("listen"), SPAN("queue"), &best));
    assert_true(near_is_nearer(SPAN("listne"), SPAN("listens"), &best));
    assert_true(near_is_nearer(SPAN("listne"), SPAN("listen"), &best));
    assert_false(near_is_nearer(SPAN("listne"), SPAN("listens"), &best));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distances),
        cmocka_unit_test(long_words_are_near_nothing),
        cmocka_unit_test(the_nearest_wins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
