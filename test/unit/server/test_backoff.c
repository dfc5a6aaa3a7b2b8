/* SPDX-License-Identifier: ISC */
#include "server/backoff.h"

#include "../guard.h"

#define ALICE SPAN("alice@example.net")
#define MAX   8000

static struct backoff fresh(void)
{
    struct backoff b = {backoff_table_new((struct hash_key){1, 2}), {MAX, MAX}};

    assert_non_null(b.table);
    return b;
}

static void waits_double_to_the_maximum(void **state)
{
    static const int64_t waits[] = {0, 0, 0, 1000, 2000, 4000, 8000, 8000};
    struct backoff b = fresh();
    int64_t now = 1000000;

    (void)state;
    assert_int_equal(backoff_wait(&b, BACKOFF_ACCOUNT, ALICE, now), 0);
    for (size_t i = 0; i < COUNT(waits); i++) {
        backoff_failed(&b, BACKOFF_ACCOUNT, ALICE, now);
        assert_int_equal(backoff_wait(&b, BACKOFF_ACCOUNT, ALICE, now), waits[i]);
        assert_int_equal(backoff_wait(&b, BACKOFF_ACCOUNT, SPAN("bob@example.net"), now), 0);
        assert_int_equal(backoff_wait(&b, BACKOFF_CLIENT, ALICE, now), 0);
        now += waits[i];
        assert_int_equal(backoff_wait(&b, BACKOFF_ACCOUNT, ALICE, now), 0);
        assert_int_equal(backoff_wait(&b, BACKOFF_ACCOUNT, ALICE, now - 1), waits[i] != 0);
    }
}

static void fail_often(const struct backoff *b, enum backoff_kind kind, span who, int64_t now)
{
    for (int i = 0; i < BACKOFF_FREE + 1; i++)
        backoff_failed(b, kind, who, now);
}

static void success_clears(void **state)
{
    struct backoff b = fresh();

    (void)state;
    fail_often(&b, BACKOFF_ACCOUNT, ALICE, 5000);
    assert_int_equal(backoff_wait(&b, BACKOFF_ACCOUNT, ALICE, 5000), 1000);
    backoff_cleared(&b, BACKOFF_ACCOUNT, ALICE, 5000);
    assert_int_equal(backoff_wait(&b, BACKOFF_ACCOUNT, ALICE, 5000), 0);
}

static void quiet_is_forgiven(void **state)
{
    struct backoff b = fresh();

    (void)state;
    fail_often(&b, BACKOFF_ACCOUNT, ALICE, 5000);
    backoff_failed(&b, BACKOFF_ACCOUNT, ALICE, 5000 + BACKOFF_FORGET_MS + 1);
    assert_int_equal(backoff_wait(&b, BACKOFF_ACCOUNT, ALICE, 5000 + BACKOFF_FORGET_MS + 1), 0);
}

static void zero_means_never(void **state)
{
    struct backoff b = fresh();

    (void)state;
    b.max_ms[BACKOFF_CLIENT] = 0;
    for (int i = 0; i < 100; i++)
        backoff_failed(&b, BACKOFF_CLIENT, SPAN("\x7f\0\0\1"), 5000);
    assert_int_equal(backoff_wait(&b, BACKOFF_CLIENT, SPAN("\x7f\0\0\1"), 5000), 0);
    /* nor does nobody wait */
    fail_often(&b, BACKOFF_ACCOUNT, SPAN_NONE, 5000);
    assert_int_equal(backoff_wait(&b, BACKOFF_ACCOUNT, SPAN_NONE, 5000), 0);
}

static void ipv6_clients_by_their_net(void **state)
{
    struct backoff b = fresh();
    static const char one[16] = {0x20, 1, 0xd, 0xb, 8, 0, 0, 1, 1};
    static const char same[16] = {0x20, 1, 0xd, 0xb, 8, 0, 0, 1, 2};
    static const char other[16] = {0x20, 1, 0xd, 0xb, 8, 0, 0, 2, 1};

    (void)state;
    fail_often(&b, BACKOFF_CLIENT, span_of(one, 16), 5000);
    assert_int_equal(backoff_wait(&b, BACKOFF_CLIENT, span_of(same, 16), 5000), 1000);
    assert_int_equal(backoff_wait(&b, BACKOFF_CLIENT, span_of(other, 16), 5000), 0);
}

/* Many names make each other forgotten, but whoever failed last is remembered. */
static void a_full_table_remembers_the_last(void **state)
{
    struct backoff b = fresh();

    (void)state;
    for (uint32_t i = 0; i < 4 * BACKOFF_SLOTS; i++)
        backoff_failed(&b, BACKOFF_ACCOUNT, span_of(&i, sizeof i), 1000 + i);
    fail_often(&b, BACKOFF_ACCOUNT, ALICE, 1000000);
    assert_int_equal(backoff_wait(&b, BACKOFF_ACCOUNT, ALICE, 1000000), 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_double_to_the_maximum),
        cmocka_unit_test(success_clears),
        cmocka_unit_test(quiet_is_forgiven),
        cmocka_unit_test(zero_means_never),
        cmocka_unit_test(ipv6_clients_by_their_net),
        cmocka_unit_test(a_full_table_remembers_the_last),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
