/* SPDX-License-Identifier: ISC */
/* What the queue process tells a sender of his message: failure, delay, success, expansion (RFC
 * 3461). */
#include "queue_rig.h"

static void a_refused_message_is_reported_once(void **state)
{
    (void)state;
    put(100, "eve@far.example");
    answer(&t.relay, JOB_FAILED, 0);
    /* In its place there is the report, on its way to the sender. */
    assert_int_equal(stored(), 1);
    assert_int_equal(t.relay.frames, 2);
    assert_span_equal(t.relay.job.host, SPAN("sender.example"));
    assert_span_equal(t.relay.job.sender, SPAN_NONE);
    assert_true(body_has(&t.relay, SPAN("Final-Recipient: rfc822; eve@far.example")));
    assert_true(body_has(&t.relay, SPAN("Status: 5.1.1")));
    assert_true(body_has(&t.relay, SPAN("550 the reply")));
    /* A report that is refused too is forgotten. */
    answer(&t.relay, JOB_FAILED, 0);
    assert_int_equal(stored(), 0);
    assert_int_equal(t.relay.frames, 2);
}

/* A report goes to a domain in A-labels, so that it needs no SMTPUTF8; a local part has no such. */
static void a_report_is_as_plain_as_it_can_be(void **state)
{
    (void)state;
    wish.flags = ENVELOPE_SMTPUTF8;
    put_from(100, SPAN("bob@b\303\274cher.example"), "eve@far.example");
    answer(&t.relay, JOB_FAILED, 0);
    assert_span_equal(t.relay.job.host, SPAN("xn--bcher-kva.example"));
    assert_int_equal(t.relay.job.flags & ENVELOPE_SMTPUTF8, 0);
    assert_true(body_has(&t.relay, SPAN("To: <bob@xn--bcher-kva.example>\r\n")));
    answer(&t.relay, JOB_DELIVERED, 0);
    put_from(101, SPAN("j\303\266@b\303\274cher.example"), "eve@far.example");
    answer(&t.relay, JOB_FAILED, 0);
    assert_int_equal(t.relay.job.flags & ENVELOPE_SMTPUTF8, ENVELOPE_SMTPUTF8);
    assert_true(body_has(&t.relay, SPAN("To: <j\303\266@b\303\274cher.example>\r\n")));
}

static void nothing_is_reported_to_nobody(void **state)
{
    (void)state;
    put_from(100, SPAN_NONE, "eve@far.example");
    answer(&t.relay, JOB_FAILED, 0);
    assert_int_equal(stored(), 0);
}

/* ---- what the sender asked to be told (RFC 3461) ---- */

static void success_is_told_by_who_delivers_last(void **state)
{
    static const struct {
        const char *to;
        enum job_verdict verdict;
        unsigned notify;
        const char *action; /* NULL: no report */
    } rows[] = {
        {"amy@example.test", JOB_DELIVERED, ENVELOPE_NOTIFY_SUCCESS, "Action: delivered\r\n"},
        {"amy@example.test", JOB_DELIVERED, ENVELOPE_NOTIFY_FAILURE, NULL},
        {"amy@example.test", JOB_DELIVERED, ENVELOPE_NOTIFY_NEVER, NULL},
        {"amy@example.test", JOB_DELIVERED, 0, NULL},
        {"eve@far.example", JOB_RELAYED, ENVELOPE_NOTIFY_SUCCESS, "Action: relayed\r\n"},
        {"eve@far.example", JOB_RELAYED, 0, NULL},
        {"eve@far.example", JOB_PASSED, ENVELOPE_NOTIFY_SUCCESS, NULL},
        {"eve@far.example", JOB_FAILED, ENVELOPE_NOTIFY_SUCCESS, NULL},
        {"eve@far.example", JOB_FAILED, ENVELOPE_NOTIFY_NEVER, NULL},
        {"eve@far.example", JOB_FAILED, ENVELOPE_NOTIFY_FAILURE, "Action: failed\r\n"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        bool local = rows[i].verdict == JOB_DELIVERED;

        wish.notify = rows[i].notify;
        wish.orcpt = SPAN("rfc822;a+2Bb@c.example");
        wish.envid = SPAN("x+3Dy");
        put(100, rows[i].to);
        answer(local ? &t.deliver : &t.relay, rows[i].verdict, 0);
        assert_int_equal(stored(), rows[i].action != NULL);
        if (rows[i].action == NULL)
            continue;
        assert_span_equal(t.relay.job.host, SPAN("sender.example"));
        assert_true(body_has(&t.relay, span_cstr(rows[i].action)));
        assert_true(body_has(&t.relay, SPAN("Original-Envelope-Id: x=y\r\n")));
        assert_true(body_has(&t.relay, SPAN("Original-Recipient: rfc822;a+b@c.example\r\n")));
        answer(&t.relay, JOB_RELAYED, 0); /* the report itself asks for none */
        assert_int_equal(stored(), 0);
    }
    put_from(100, SPAN_NONE, "amy@example.test");
    answer(&t.deliver, JOB_DELIVERED, 0);
    assert_int_equal(stored(), 0);
}

static void an_alias_of_several_is_told_as_expanded(void **state)
{
    struct unpack u;
    struct job_rcpt r;

    (void)state;
    wish.notify = ENVELOPE_NOTIFY_SUCCESS | ENVELOPE_NOTIFY_FAILURE;
    put(100, "team@example.test");
    /* Its addresses are no success of their own. */
    u = unpack_over(t.deliver.job.rcpts);
    while (job_next_rcpt(&u, &r))
        assert_int_equal(r.notify, ENVELOPE_NOTIFY_FAILURE);
    assert_int_equal(t.relay.frames, 2); /* carol, and the report */
    assert_span_equal(t.relay.job.host, SPAN("sender.example"));
    assert_true(body_has(&t.relay, SPAN("Final-Recipient: rfc822; team@example.test\r\n"
                                        "Action: expanded\r\nStatus: 2.0.0\r\n")));
    assert_int_equal(stored(), 2);
}

static void an_expansion_is_told_after_a_crash(void **state)
{
    (void)state;
    wish.notify = ENVELOPE_NOTIFY_SUCCESS;
    put(100, "team@example.test");
    close_queue();
    open_queue();
    advance(HOUR);
    /* The message, and one report at most, whatever was written when it ended. */
    assert_int_equal(stored(), 2);
    close_queue();
    open_queue();
    advance(HOUR);
    assert_int_equal(stored(), 2);
}

static void all_of_the_message_comes_back_when_asked_for(void **state)
{
    (void)state;
    wish.flags = ENVELOPE_RET_FULL;
    put(100, "eve@far.example");
    answer(&t.relay, JOB_FAILED, 0);
    assert_true(body_has(&t.relay, SPAN("Content-Type: message/rfc822\r\n")));
    assert_true(body_has(&t.relay, SPAN("Subject: x\r\n\r\nhello\r\n")));
    answer(&t.relay, JOB_FAILED, 0);
    wish.flags = ENVELOPE_RET_HDRS;
    put(101, "eve@far.example");
    answer(&t.relay, JOB_FAILED, 0);
    assert_true(body_has(&t.relay, SPAN("Content-Type: text/rfc822-headers\r\n")));
    assert_false(body_has(&t.relay, SPAN("hello")));
}

static void a_delay_is_told_to_those_who_asked(void **state)
{
    static const struct {
        unsigned notify;
        bool told;
    } rows[] = {{0, true},
                {ENVELOPE_NOTIFY_DELAY, true},
                {ENVELOPE_NOTIFY_FAILURE, false},
                {ENVELOPE_NOTIFY_NEVER, false},
                {ENVELOPE_NOTIFY_SUCCESS | ENVELOPE_NOTIFY_DELAY, true}};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint64_t id = 100 + i;
        bool told = false;

        wish.notify = rows[i].notify;
        put(id, "eve@far.example");
        answer(&t.relay, JOB_DEFERRED, 0);
        for (int hour = 0; hour < 12; hour++) {
            unsigned before = t.relay.frames;

            advance(HOUR);
            if (t.relay.frames == before)
                continue;
            assert_true(t.relay.job.id == id);
            answer(&t.relay, JOB_DEFERRED, 0);
            if (t.relay.job.id == id)
                continue;
            told = true;
            answer(&t.relay, JOB_RELAYED, 0);
        }
        assert_int_equal(told, rows[i].told);
        (void)order(CTL_DELETE, id);
        assert_int_equal(stored(), 0);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_refused_message_is_reported_once),
        T(nothing_is_reported_to_nobody),
        T(a_report_is_as_plain_as_it_can_be),
        T(success_is_told_by_who_delivers_last),
        T(an_alias_of_several_is_told_as_expanded),
        T(an_expansion_is_told_after_a_crash),
        T(all_of_the_message_comes_back_when_asked_for),
        cmocka_unit_test_setup_teardown(a_delay_is_told_to_those_who_asked, setup_warning,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
