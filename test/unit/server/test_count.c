/* SPDX-License-Identifier: ISC */
/* Names of messages and the count of sessions. */
#include "../guard.h"

#include "server/census.h"
#include "server/ident.h"

static void test_ident_grows(void **state)
{
    struct ident i;
    uint64_t last = 0;

    (void)state;
    ident_init(&i, 1, 2, 1);
    /* More in one millisecond than the counter holds, and a clock set back. */
    for (int n = 0; n < 40000; n++) {
        uint64_t id = ident_next(&i, 1000);

        assert_true(id > last);
        last = id;
    }
    assert_true(ident_next(&i, 5) > last);
    last = ident_next(&i, 2000);
    assert_int_equal(ident_wall_ms(last), 2000);
}

static void test_ident_workers_differ(void **state)
{
    struct ident first;
    uint64_t id;

    (void)state;
    ident_init(&first, 0, 2, 1);
    id = ident_next(&first, 7);
    /* Those beside it, and all that take its place while it still drains. */
    for (unsigned generation = 1; generation < 128; generation++) {
        for (unsigned index = 0; index < 2; index++) {
            struct ident other;

            ident_init(&other, index, 2, generation);
            assert_int_equal(ident_next(&other, 7) == id, generation == 1 && index == 0);
        }
    }
}

static struct net_addr client(uint8_t last)
{
    char octets[4] = {10, 0, 0, (char)last};

    return net_addr_ip(span_of(octets, 4), 999);
}

static void test_census_limits(void **state)
{
    struct census_table *t = census_table_new((struct hash_key){1, 2}, 4);
    struct census a, b;
    struct census_limits limits = {5, 3};
    struct net_addr one = client(1), two = client(2);
    uint32_t slots[5], slot;

    (void)state;
    assert_non_null(t);
    census_join(&a, t, 0);
    census_join(&b, t, 1);
    /* The limits hold over all workers together. */
    assert_int_equal(census_enter(&a, &one, &limits, &slots[0]), CENSUS_FINE);
    assert_int_equal(census_enter(&b, &one, &limits, &slots[1]), CENSUS_FINE);
    assert_int_equal(census_enter(&a, &one, &limits, &slots[2]), CENSUS_FINE);
    assert_int_equal(census_enter(&b, &one, &limits, &slot), CENSUS_TOO_MANY_OF_CLIENT);
    assert_int_equal(census_enter(&b, &two, &limits, &slots[3]), CENSUS_FINE);
    assert_int_equal(census_enter(&b, &two, &limits, &slots[4]), CENSUS_FINE);
    assert_int_equal(census_enter(&a, &two, &limits, &slot), CENSUS_TOO_MANY);
    census_leave(&b, slots[1]);
    assert_int_equal(census_enter(&b, &one, &limits, &slots[1]), CENSUS_FINE);
}

static void test_census_survives_a_worker(void **state)
{
    struct census_table *t = census_table_new((struct hash_key){1, 2}, 4);
    struct census a, b;
    struct census_limits limits = {3, 2};
    struct net_addr one = client(1);
    uint32_t slot;

    (void)state;
    census_join(&a, t, 0);
    census_join(&b, t, 1);
    assert_int_equal(census_enter(&a, &one, &limits, &slot), CENSUS_FINE);
    assert_int_equal(census_enter(&a, &one, &limits, &slot), CENSUS_FINE);
    assert_int_equal(census_enter(&b, &one, &limits, &slot), CENSUS_TOO_MANY_OF_CLIENT);
    /* Worker a died; the one in its place begins at nothing. */
    census_join(&a, t, 0);
    assert_int_equal(census_enter(&b, &one, &limits, &slot), CENSUS_FINE);
}

static void test_census_of_many_clients(void **state)
{
    struct census_table *t = census_table_new((struct hash_key){1, 2}, 1);
    struct census a;
    struct census_limits limits = {UINT64_MAX, 1};
    uint32_t slots[200];

    (void)state;
    census_join(&a, t, 0);
    for (uint8_t n = 0; n < 200; n++) {
        struct net_addr c = client(n);

        assert_int_equal(census_enter(&a, &c, &limits, &slots[n]), CENSUS_FINE);
    }
    for (uint8_t n = 0; n < 200; n++) {
        struct net_addr c = client(n);
        uint32_t slot;

        assert_int_equal(census_enter(&a, &c, &limits, &slot), CENSUS_TOO_MANY_OF_CLIENT);
        census_leave(&a, slots[n]);
        assert_int_equal(census_enter(&a, &c, &limits, &slot), CENSUS_FINE);
    }
}

/* One client has a whole /64. */
static void test_census_counts_networks(void **state)
{
    struct census_table *t = census_table_new((struct hash_key){1, 2}, 1);
    struct census a;
    struct census_limits limits = {UINT64_MAX, 1};
    char octets[16] = {0x20, 0x01, 0x0d, (char)0xb8, 0, 0, 0, 1};
    struct net_addr c = net_addr_ip(span_of(octets, 16), 1);
    uint32_t slot;

    (void)state;
    census_join(&a, t, 0);
    assert_int_equal(census_enter(&a, &c, &limits, &slot), CENSUS_FINE);
    octets[15] = 9;
    c = net_addr_ip(span_of(octets, 16), 1);
    assert_int_equal(census_enter(&a, &c, &limits, &slot), CENSUS_TOO_MANY_OF_CLIENT);
    octets[7] = 2;
    c = net_addr_ip(span_of(octets, 16), 1);
    assert_int_equal(census_enter(&a, &c, &limits, &slot), CENSUS_FINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ident_grows),
        cmocka_unit_test(test_ident_workers_differ),
        cmocka_unit_test(test_census_limits),
        cmocka_unit_test(test_census_survives_a_worker),
        cmocka_unit_test(test_census_of_many_clients),
        cmocka_unit_test(test_census_counts_networks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
