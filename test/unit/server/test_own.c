/* SPDX-License-Identifier: ISC */
/* Who this server is: what the machine, DNS and other servers say of it. */
#include "greet_rig.h"

static enum greeting_action judged(const char *client_address, const char *greeting)
{
    struct greet *g = greet_as(client_address, greeting, OUTSIDE, false);
    struct greeting_verdict v;

    await(g);
    greet_judge(g, &v);
    greet_free(g);
    return v.action;
}

static void an_address_of_the_machine(void **state)
{
    (void)state;
    assert_true(ip_addr_parse(SPAN("192.0.2.77"), &machine));
    start("");
    assert_int_equal(judged("203.0.113.66", "[192.0.2.77]"), GREETING_REFUSE);
    assert_int_equal(judged("192.0.2.77", "[192.0.2.77]"), GREETING_ACCEPT);
    stop();
    machine = (struct ip_addr){0};
    start("");
    assert_int_equal(judged("203.0.113.66", "[192.0.2.77]"), GREETING_ACCEPT);
    stop();
}

/* Until all of it was answered nothing of it is taken for all; it is asked again soon. */
static void dns_says_half(void **state)
{
    (void)state;
    start("");
    assert_int_equal(
        dns_script_add_status(&script, SPAN("mail.example.net"), DNS_AAAA, DNS_SERVFAIL), ERR_OK);
    assert_int_equal(judged("203.0.113.66", "[192.0.2.2]"), GREETING_REFUSE);
    assert_false(shared.own.server.addresses_known);
    assert_int_equal(shared.own.server.n_addresses, 1);
    fill_script();
    assert_int_equal(judged("203.0.113.66", "[192.0.2.2]"), GREETING_REFUSE);
    assert_false(shared.own.server.addresses_known);
    clock_advance(OWN_RETRY_MS + 1);
    turns();
    assert_int_equal(judged("203.0.113.67", "[192.0.2.2]"), GREETING_REFUSE);
    assert_true(shared.own.server.addresses_known);
    assert_int_equal(shared.own.server.n_addresses, 3);
    stop();
}

/* Our address behind NAT, as relay learned it: a stranger may not claim it; whoever is there may.
 */
static void an_address_that_was_learned(void **state)
{
    static const struct {
        const char *client, *greeting;
        enum greeting_action action;
    } cases[] = {
        {"203.0.113.66", "[198.51.100.90]", GREETING_REFUSE},
        {"198.51.100.90", "[198.51.100.90]", GREETING_ACCEPT},
        {"198.51.100.90", "mx1.example.net", GREETING_REFUSE},
    };
    static struct put_client queue;
    char memory[OWN_ADDRESS_BYTES];
    struct buf b = BUF_OVER(memory);
    struct ip_addr a;

    (void)state;
    start("");
    own_hear(&shared.own, &queue);
    assert_true(ip_addr_parse(SPAN("198.51.100.90"), &a));
    own_address_put(&b, a);
    queue.on_own(queue.own_arg, SPAN("not an address"));
    for (int round = 0; round < 3; round++) {
        /* Said once or twice, before and after the look-up of our own names. */
        if (round < 2)
            queue.on_own(queue.own_arg, buf_span(&b));
        for (size_t i = 0; i < COUNT(cases); i++) {
            if (judged(cases[i].client, cases[i].greeting) != cases[i].action)
                fail_msg("round %d: %s from %s", round, cases[i].greeting, cases[i].client);
        }
        assert_int_equal(shared.own.server.n_learned, 1);
        assert_int_equal(shared.own.server.n_addresses, 4);
        clock_advance(OWN_FRESH_MS + 1);
        turns();
    }
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_of_the_machine),
        cmocka_unit_test(dns_says_half),
        cmocka_unit_test(an_address_that_was_learned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
