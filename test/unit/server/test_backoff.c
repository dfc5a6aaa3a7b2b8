/* SPDX-License-Identifier: ISC */
#include "server/backoff.h"

#include "../guard.h"

#define ALICE SPAN("alice@example.net")
#define BOB   SPAN("bob@example.net")
#define HOME  SPAN("\x7f\0\0\1")
#define AWAY  SPAN("\x7f\0\0\2")
#define MAX   8000
#define DAY   (INT64_C(86400) * 1000)

static struct backoff fresh(void)
{
    struct backoff b = {backoff_table_new((struct hash_key){1, 2}), MAX, MAX};

    assert_non_null(b.table);
    return b;
}

static struct backoff_who of(span account, span client)
{
    return (struct backoff_who){account, client, false};
}

static int64_t wait(const struct backoff *b, span account, span client, int64_t now)
{
    struct backoff_who who = of(account, client);
    enum backoff_kind kind;

    return backoff_wait(b, &who, now, &kind);
}

static void fails(const struct backoff *b, span account, span client, int64_t now, int times)
{
    struct backoff_who who = of(account, client);

    while (times-- > 0)
        backoff_failed(b, &who, now);
}

static void pass(const struct backoff *b, span account, span client, int64_t now)
{
    struct backoff_who who = of(account, client);

    backoff_passed(b, &who, now);
}

static void waits_double_to_the_maximum(void **state)
{
    static const int64_t waits[] = {0, 0, 0, 1000, 2000, 4000, 8000, 8000};
    struct backoff b = fresh();
    int64_t now = 1000000;

    (void)state;
    assert_int_equal(wait(&b, ALICE, SPAN_NONE, now), 0);
    for (size_t i = 0; i < COUNT(waits); i++) {
        fails(&b, ALICE, SPAN_NONE, now, 1);
        assert_int_equal(wait(&b, ALICE, SPAN_NONE, now), waits[i]);
        assert_int_equal(wait(&b, ALICE, HOME, now), waits[i]);
        assert_int_equal(wait(&b, BOB, SPAN_NONE, now), 0);
        assert_int_equal(wait(&b, SPAN_NONE, HOME, now), 0);
        now += waits[i];
        assert_int_equal(wait(&b, ALICE, SPAN_NONE, now), 0);
        assert_int_equal(wait(&b, ALICE, SPAN_NONE, now - 1), waits[i] != 0);
    }
}

static void a_client_waits_whatever_the_account(void **state)
{
    struct backoff b = fresh();
    struct backoff_who trusted = {BOB, HOME, true};
    struct backoff_who who = of(BOB, HOME);
    enum backoff_kind kind = BACKOFF_ACCOUNT;

    (void)state;
    for (char i = 0; i < BACKOFF_FREE + 1; i++)
        fails(&b, span_of(&i, 1), HOME, 5000, 1);
    assert_int_equal(backoff_wait(&b, &who, 5000, &kind), 1000);
    assert_int_equal(kind, BACKOFF_CLIENT);
    assert_int_equal(backoff_wait(&b, &trusted, 5000, &kind), 0);
    assert_int_equal(wait(&b, BOB, AWAY, 5000), 0);
    /* who logs in does not wash his address clean */
    pass(&b, BOB, HOME, 5000);
    assert_int_equal(wait(&b, BOB, HOME, 5000), 1000);
}

static void success_clears(void **state)
{
    struct backoff b = fresh();

    (void)state;
    fails(&b, ALICE, AWAY, 5000, 4);
    assert_int_equal(wait(&b, ALICE, HOME, 5000), 1000);
    pass(&b, ALICE, HOME, 6000);
    fails(&b, ALICE, SPAN_NONE, 6000, 3);
    assert_int_equal(wait(&b, ALICE, SPAN_NONE, 6000), 0);
}

/* Strangers close the account, and its owner comes in all the same. */
static void the_owner_is_not_locked_out(void **state)
{
    struct backoff b = fresh();

    (void)state;
    pass(&b, ALICE, HOME, 1000);
    fails(&b, ALICE, AWAY, 5000, 20);
    assert_int_equal(wait(&b, ALICE, SPAN_NONE, 5000), MAX);
    assert_int_equal(wait(&b, ALICE, HOME, 5000), 0);
    assert_int_equal(wait(&b, BOB, HOME, 5000), 0);
    /* and is known for so long */
    fails(&b, ALICE, AWAY, 1000 + BACKOFF_KNOWN_MS, 20);
    assert_int_equal(wait(&b, ALICE, HOME, 1000 + BACKOFF_KNOWN_MS), 0);
    assert_int_equal(wait(&b, ALICE, HOME, 1001 + BACKOFF_KNOWN_MS), MAX - 1);
}

/* The owner's coming and going does not open the account to strangers. */
static void guessing_is_no_cheaper(void **state)
{
    struct backoff b = fresh();

    (void)state;
    pass(&b, ALICE, HOME, 1000);
    fails(&b, ALICE, AWAY, 5000, 5);
    pass(&b, ALICE, HOME, 5000);
    assert_int_equal(wait(&b, ALICE, SPAN_NONE, 5000), 2000);
    /* what goes wrong at home counts for all */
    fails(&b, ALICE, HOME, 7000, 1);
    assert_int_equal(wait(&b, ALICE, SPAN_NONE, 7000), 4000);
    /* a failure makes nobody known */
    fails(&b, BOB, AWAY, 7000, 4);
    assert_int_equal(wait(&b, BOB, HOME, 7000), 1000);
}

/* Who is known waits for what was done from there. */
static void the_owner_waits_for_his_own(void **state)
{
    struct backoff b = {backoff_table_new((struct hash_key){1, 2}), MAX, 0};
    struct backoff_who home = of(ALICE, HOME);
    enum backoff_kind kind = BACKOFF_CLIENT;

    (void)state;
    pass(&b, ALICE, HOME, 1000);
    fails(&b, ALICE, HOME, 5000, 5);
    assert_int_equal(backoff_wait(&b, &home, 5000, &kind), 2000);
    assert_int_equal(kind, BACKOFF_PAIR);
    pass(&b, ALICE, HOME, 7000);
    assert_int_equal(backoff_wait(&b, &home, 7000, &kind), 0);
    fails(&b, ALICE, HOME, 7000, BACKOFF_FREE);
    assert_int_equal(backoff_wait(&b, &home, 7000, &kind), 0);
}

static void quiet_is_forgiven(void **state)
{
    struct backoff b = fresh();

    (void)state;
    fails(&b, ALICE, SPAN_NONE, 5000, 4);
    fails(&b, ALICE, SPAN_NONE, 5000 + BACKOFF_FORGET_MS + 1, 1);
    assert_int_equal(wait(&b, ALICE, SPAN_NONE, 5000 + BACKOFF_FORGET_MS + 1), 0);
}

static void zero_means_never(void **state)
{
    struct backoff b = fresh();

    (void)state;
    b.client_max_ms = 0;
    fails(&b, SPAN_NONE, HOME, 5000, 100);
    assert_int_equal(wait(&b, SPAN_NONE, HOME, 5000), 0);
    b.account_max_ms = 0;
    pass(&b, ALICE, HOME, 5000);
    fails(&b, ALICE, HOME, 5000, 100);
    assert_int_equal(wait(&b, ALICE, HOME, 5000), 0);
    /* nor does nobody wait */
    fails(&b, SPAN_NONE, SPAN_NONE, 5000, 4);
    assert_int_equal(wait(&b, SPAN_NONE, SPAN_NONE, 5000), 0);
}

static void ipv6_clients_by_their_net(void **state)
{
    struct backoff b = fresh();
    static const char one[16] = {0x20, 1, 0xd, 0xb, 8, 0, 0, 1, 1};
    static const char same[16] = {0x20, 1, 0xd, 0xb, 8, 0, 0, 1, 2};
    static const char other[16] = {0x20, 1, 0xd, 0xb, 8, 0, 0, 2, 1};

    (void)state;
    fails(&b, SPAN_NONE, span_of(one, 16), 5000, 4);
    assert_int_equal(wait(&b, SPAN_NONE, span_of(same, 16), 5000), 1000);
    assert_int_equal(wait(&b, SPAN_NONE, span_of(other, 16), 5000), 0);
    pass(&b, ALICE, span_of(other, 16), 5000);
    fails(&b, ALICE, AWAY, 5000, 4);
    assert_int_equal(wait(&b, ALICE, span_of(other, 16), 5000), 0);
    assert_int_equal(wait(&b, ALICE, span_of(same, 16), 5000), 1000);
}

/* Many names make each other forgotten, but whoever failed last is remembered. */
static void a_full_table_remembers_the_last(void **state)
{
    struct backoff b = fresh();

    (void)state;
    for (uint32_t i = 0; i < 4 * BACKOFF_SLOTS; i++)
        fails(&b, span_of((const char *)&i, sizeof i), SPAN_NONE, 1000 + i, 1);
    fails(&b, ALICE, SPAN_NONE, 1000000, 4);
    assert_int_equal(wait(&b, ALICE, SPAN_NONE, 1000000), 1000);
}

/* However many fail, those who logged in stay known; however many log in, the last does. */
static void strangers_push_nobody_out(void **state)
{
    struct backoff b = fresh();

    (void)state;
    b.client_max_ms = 0;
    pass(&b, ALICE, HOME, 1000);
    for (uint32_t i = 0; i < 4 * BACKOFF_SLOTS; i++)
        fails(&b, ALICE, span_of((const char *)&i, sizeof i), 1000 + i, 1);
    assert_int_equal(wait(&b, ALICE, HOME, 1000 + 4 * BACKOFF_SLOTS), 0);
    for (uint32_t i = 0; i < 4 * BACKOFF_SLOTS; i++)
        pass(&b, BOB, span_of((const char *)&i, sizeof i), DAY + i);
    pass(&b, ALICE, HOME, 2 * DAY);
    fails(&b, ALICE, AWAY, 2 * DAY, 20);
    assert_int_equal(wait(&b, ALICE, HOME, 2 * DAY), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_double_to_the_maximum),
        cmocka_unit_test(a_client_waits_whatever_the_account),
        cmocka_unit_test(success_clears),
        cmocka_unit_test(the_owner_is_not_locked_out),
        cmocka_unit_test(guessing_is_no_cheaper),
        cmocka_unit_test(the_owner_waits_for_his_own),
        cmocka_unit_test(quiet_is_forgiven),
        cmocka_unit_test(zero_means_never),
        cmocka_unit_test(ipv6_clients_by_their_net),
        cmocka_unit_test(a_full_table_remembers_the_last),
        cmocka_unit_test(strangers_push_nobody_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
