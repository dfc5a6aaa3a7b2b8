/* SPDX-License-Identifier: ISC */
#include "../guard.h"

#include <stdio.h>
#include <stdlib.h>

#include "greeting/past.h"
#include "name/addr.h"

#define NOW 1700000000

static struct greeting_past *past;

static int begin(void **state)
{
    (void)state;
    past = calloc(1, sizeof(*past));
    past->key = (struct hash_key){1, 2};
    return past == NULL ? -1 : 0;
}

static int end(void **state)
{
    (void)state;
    free(past);
    return 0;
}

static struct ip_addr addr(const char *text)
{
    struct ip_addr a;

    assert_true(ip_addr_parse(span_cstr(text), &a));
    return a;
}

static void see(const char *client, const char *name, int64_t time_s, uint32_t refused)
{
    greeting_past_add(past,
                      &(struct greeting_seen){addr(client), span_cstr(name), time_s, 1, refused});
}

static struct greeting_history ask(const char *client, const char *name)
{
    struct greeting_history h;

    greeting_past_ask(past, addr(client), span_cstr(name), NOW, &h);
    return h;
}

static void nothing_is_known_at_first(void **state)
{
    static const struct greeting_history nothing;
    struct greeting_history h = ask("198.51.100.7", "mail.example");

    (void)state;
    assert_memory_equal(&h, &nothing, sizeof(h));
}

static void a_name_from_an_address_is_counted(void **state)
{
    struct greeting_history h;

    (void)state;
    see("198.51.100.7", "mail.example", NOW - 400, 0);
    see("198.51.100.7", "MAIL.example.", NOW - 40, 1);
    see("198.51.100.99", "mail.example", NOW - 30, 0); /* the same /24 */
    see("203.0.113.1", "mail.example", NOW - 20, 0);
    h = ask("198.51.100.7", "mail.Example");
    assert_true(h.first_seen_s == NOW - 400 && h.last_seen_s == NOW - 40);
    assert_int_equal(h.times, 2);
    assert_int_equal(h.refused, 1);
    assert_int_equal(h.times_network, 3);
    assert_int_equal(h.networks, 2);
    assert_int_equal(h.names_hour, 1);
}

static void names_are_counted_in_an_hour_and_in_a_day(void **state)
{
    struct greeting_history h;

    (void)state;
    see("2001:db8::1", "a.example", NOW - 2 * (int64_t)PAST_DAY_S, 0);
    see("2001:db8::1", "b.example", NOW - (int64_t)PAST_DAY_S + 1, 0);
    see("2001:db8::1", "c.example", NOW - (int64_t)PAST_HOUR_S, 0);
    see("2001:db8::1", "d.example", NOW - (int64_t)PAST_HOUR_S + 1, 0);
    h = ask("2001:db8::1", "new.example");
    assert_int_equal(h.names_hour, 1);
    assert_int_equal(h.names_day, 3);
    assert_int_equal(h.times, 0);
    assert_int_equal(ask("2001:db8::ffff", "a.example").times_network, 1);
    assert_int_equal(ask("2001:db8:0:1::1", "a.example").times_network, 0);
}

static void the_oldest_members_make_room(void **state)
{
    char name[32];

    (void)state;
    for (int i = 0; i < 3 * PAST_MEMBERS; i++) {
        snprintf(name, sizeof(name), "n%d.example", i);
        see("198.51.100.7", name, NOW - 1000 + i, 0);
    }
    assert_int_equal(ask("198.51.100.7", "n0.example").times, 0);
    assert_int_equal(ask("198.51.100.7", name).times, 1);
    assert_int_equal(ask("198.51.100.7", name).names_hour, PAST_MEMBERS);
}

static void a_flood_of_addresses_takes_no_more_room(void **state)
{
    char client[32];

    (void)state;
    for (unsigned i = 0; i < 3 * PAST_SETS * PAST_WAYS; i++) {
        snprintf(client, sizeof(client), "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
        see(client, "flood.example", NOW - 100000 + i, 0);
    }
    assert_int_equal(ask(client, "flood.example").times, 1);
    assert_int_equal(ask("10.0.0.0", "flood.example").times, 0);
    assert_int_equal(ask(client, "flood.example").networks, PAST_MEMBERS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_known_at_first, begin, end),
        cmocka_unit_test_setup_teardown(a_name_from_an_address_is_counted, begin, end),
        cmocka_unit_test_setup_teardown(names_are_counted_in_an_hour_and_in_a_day, begin, end),
        cmocka_unit_test_setup_teardown(the_oldest_members_make_room, begin, end),
        cmocka_unit_test_setup_teardown(a_flood_of_addresses_takes_no_more_room, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
