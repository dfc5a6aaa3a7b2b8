/* SPDX-License-Identifier: ISC */
/* What relay learned of our address reaches those who judge greetings. */
#include "queue_rig.h"

static void say_own(char first, char last)
{
    char a[OWN_ADDRESS_BYTES] = {IP_V4, first, 51, 100, last};
    (void)!chan_send(&t.relay.chan, QUEUE_OWN, 0, span_of(a, sizeof(a)), SPAN_NONE, -1);
    run();
}

static void an_address_that_relay_learned_is_passed_on(void **state)
{
    (void)state;
    for (char i = 0; i < 4; i++)
        say_own(i < 2 ? 8 : 10, 9); /* 10.51.100.9 is nobody's */
    assert_true(t.smtpd.n_own == 1 && t.smtpd.own[0].octet[3] == 9);
    link_peer(&t.other, QUEUE_LINK_GUARD);
    for (char i = 1; i < 20; i++)
        say_own(9, i);
    assert_int_equal(t.other.n_own, QUEUE_OWN_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_address_that_relay_learned_is_passed_on, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
