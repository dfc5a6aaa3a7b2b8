/* SPDX-License-Identifier: ISC */
#include "../guard.h"

#include "queue/route.h"
#include "queue/schedule.h"

#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)

static void waits_follow_the_list_within_an_eighth(void **state)
{
    static const int64_t want[] = {MINUTE,   5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR,
                                   2 * HOUR, 4 * HOUR,   4 * HOUR,    4 * HOUR};
    struct schedule s = schedule_default();
    int64_t now = 1000000;

    (void)state;
    for (uint32_t n = 1; n <= COUNT(want); n++)
        for (uint64_t id = 1; id < 200; id++) {
            int64_t wait = schedule_next(&s, id, n, now) - now;

            assert_true(wait >= want[n - 1] - want[n - 1] / 8);
            assert_true(wait <= want[n - 1] + want[n - 1] / 8);
        }
}

static void messages_spread_and_replays_agree(void **state)
{
    struct schedule s = schedule_default();
    int64_t least = INT64_MAX, most = 0;

    (void)state;
    for (uint64_t id = 1; id < 200; id++) {
        int64_t at = schedule_next(&s, id, 5, 0);

        assert_true(at == schedule_next(&s, id, 5, 0));
        least = at < least ? at : least;
        most = at > most ? at : most;
    }
    assert_true(most - least > HOUR / 5);
}

static void age_ends_a_message_after_a_try(void **state)
{
    const int64_t expires = 5 * 24 * HOUR;

    (void)state;
    assert_false(schedule_expired(expires, 1, expires - 1));
    assert_true(schedule_expired(expires, 1, expires));
    assert_false(schedule_expired(expires, 0, expires));
    assert_false(schedule_expired(expires, 0, expires + SCHEDULE_UNTRIED_GRACE_MS - 1));
    assert_true(schedule_expired(expires, 0, expires + SCHEDULE_UNTRIED_GRACE_MS));
}

static void delay_is_told_once_it_is_one(void **state)
{
    struct schedule s = schedule_default();

    (void)state;
    assert_false(schedule_warns(&s, 100, 100 + 4 * HOUR - 1));
    assert_true(schedule_warns(&s, 100, 100 + 4 * HOUR));
    s.warn_ms = 0;
    assert_false(schedule_warns(&s, 100, 100 + 400 * HOUR));
}

static void targets_have_names(void **state)
{
    static const struct {
        struct route_target target;
        span want;
    } cases[] = {
        {{.kind = ROUTE_HOLD}, SPAN_INIT("hold")},
        {{.transport = JOB_MAILDIR}, SPAN_INIT("maildir")},
        {{.transport = JOB_MX, .host = SPAN_INIT("Example.NET")}, SPAN_INIT("mx:example.net")},
        {{.transport = JOB_SMARTHOST, .host = SPAN_INIT("relay.example"), .port = 587},
         SPAN_INIT("smtp:relay.example:587")},
        {{.transport = JOB_LMTP_UNIX, .host = SPAN_INIT("/run/Dovecot/lmtp")},
         SPAN_INIT("lmtp:/run/Dovecot/lmtp")},
        {{.transport = JOB_MX, .host = SPAN_INIT("example.net"), .egress = SPAN_INIT("second")},
         SPAN_INIT("mx:example.net+second")},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char memory[RECORD_DEST_BYTES];
        struct buf b = BUF_OVER(memory);

        route_put_dest(&b, &cases[i].target);
        assert_span_equal(buf_span(&b), cases[i].want);
    }
    assert_span_equal(route_domain(SPAN("\"a@b\"@example.net")), SPAN("example.net"));
    assert_span_equal(route_local(SPAN("\"a@b\"@example.net")), SPAN("\"a@b\""));
}

static void nobody_is_listed_twice(void **state)
{
    struct route_entry entries[2];
    struct route_list l = {entries, 0, COUNT(entries)};
    struct envelope_rcpt a = {SPAN("a@x.test"), SPAN("a@x.test"), SPAN_NONE, 0};
    struct envelope_rcpt b = {SPAN("b@x.test"), SPAN("b@x.test"), SPAN_NONE, 0};
    struct envelope_rcpt c = {SPAN("A@X.test"), SPAN("A@x.test"), SPAN_NONE, 0};
    struct envelope_rcpt d = {SPAN("d@x.test"), SPAN("d@x.test"), SPAN_NONE, 0};

    (void)state;
    assert_int_equal(route_list_add(&l, &a, a.address), ERR_OK);
    assert_int_equal(route_list_add(&l, &b, b.address), ERR_OK);
    assert_int_equal(route_list_add(&l, &c, c.address), ERR_OK);
    assert_int_equal(l.n, 2);
    assert_int_equal(route_list_add(&l, &d, d.address), ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_follow_the_list_within_an_eighth),
        cmocka_unit_test(messages_spread_and_replays_agree),
        cmocka_unit_test(age_ends_a_message_after_a_try),
        cmocka_unit_test(delay_is_told_once_it_is_one),
        cmocka_unit_test(targets_have_names),
        cmocka_unit_test(nobody_is_listed_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
