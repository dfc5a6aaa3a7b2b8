/* SPDX-License-Identifier: ISC */
/*
 * The queue process without a process: the test is its smtpd, its relay and its deliver, over
 * real channels in the same loop, and the clock stands where the test puts it.
 */
#include <errno.h>

#include "os/fault.h"
#include "queue_rig.h"

/* ---- the way of a message ---- */

static void a_local_message_goes_to_deliver_and_is_forgotten(void **state)
{
    (void)state;
    put(100, "alice@example.test");
    assert_int_equal(stored(), 1);
    assert_int_equal(t.deliver.frames, 1);
    assert_int_equal(t.deliver.job.transport, JOB_MAILDIR);
    assert_span_equal(t.deliver.job.body, body);
    assert_span_equal(t.deliver.job.sender, SPAN("bob@sender.example"));
    answer(&t.deliver, JOB_DELIVERED, 0);
    assert_int_equal(stored(), 0);
    assert_int_equal(t.q.msg_count, 0);
    assert_int_equal(t.q.job_count, 0);
}

static void a_remote_message_goes_to_relay_by_its_domain(void **state)
{
    (void)state;
    put(100, "eve@far.example");
    assert_int_equal(t.deliver.frames, 0);
    assert_int_equal(t.relay.frames, 1);
    assert_int_equal(t.relay.job.transport, JOB_MX);
    assert_span_equal(t.relay.job.host, SPAN("far.example"));
}

static void what_is_answered_is_in_the_store_after_a_crash(void **state)
{
    (void)state;
    put(100, "eve@far.example");
    /* The process ends with the job under way; the next one asks again. */
    close_queue();
    open_queue();
    run();
    assert_int_equal(stored(), 1);
    advance(100);
    assert_int_equal(t.relay.frames, 1);
    assert_int_equal(t.relay.job.id, 100);
}

/* A message in pieces, as id 100 and tag 7: its beginning, and its end, where so much was said. */
static void upload(const char *to, span chunk, size_t chunks)
{
    struct chan *c = &t.smtpd.chan;

    assert_int_equal(
        chan_send(c, QUEUE_PUT_BEGIN, 7, envelope(100, SPAN_NONE, &to, 1), SPAN_NONE, -1), ERR_OK);
    for (size_t i = 0; i < chunks; i++)
        assert_int_equal(chan_send(c, QUEUE_PUT_CHUNK, 7, chunk, SPAN_NONE, -1), ERR_OK);
    run();
    assert_int_equal(stored(), 0);
}

static void upload_end(uint64_t total)
{
    char memory[8];
    struct buf b = BUF_OVER(memory);

    pack_u64(&b, total);
    assert_int_equal(chan_send(&t.smtpd.chan, QUEUE_PUT_END, 7, buf_span(&b), SPAN_NONE, -1),
                     ERR_OK);
    run();
}

static void a_large_body_comes_in_pieces_and_goes_as_a_file(void **state)
{
    static char chunk[QUEUE_INLINE_BYTES];

    (void)state;
    memset(chunk, 'x', sizeof(chunk));
    upload("alice@example.test", span_of(chunk, sizeof(chunk)), 3);
    upload_end(3 * sizeof(chunk));
    assert_int_equal(t.smtpd.status, PUT_OK);
    assert_int_equal(t.smtpd.tag, 7);
    assert_true(t.deliver.had_fd && t.deliver.job.in_file);
    assert_int_equal(t.deliver.job.size, 3 * sizeof(chunk));
    answer(&t.deliver, JOB_DELIVERED, 0);
    assert_int_equal(stored(), 0);
}

static void octets_lost_on_the_way_are_noticed(void **state)
{
    (void)state;
    upload("alice@example.test", body, 1);
    upload_end(body.n + 1);
    assert_int_equal(t.smtpd.status, PUT_FAILED);
    assert_int_equal(stored(), 0);
}

static void what_smtpd_says_is_judged(void **state)
{
    static const char *const bad[] = {"a@b@c", "al ice@example.test", "alice@exa mple.test",
                                      "<alice@example.test>", "a@-b.example"};

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        t.smtpd.status = PUT_OK;
        put_from(100 + i, SPAN("bob@sender.example"), bad[i]);
        if (t.smtpd.status != PUT_REFUSED)
            fail_msg("%s", bad[i]);
    }
    assert_int_equal(stored(), 0);
}

static void an_id_is_taken_once(void **state)
{
    (void)state;
    put(100, "eve@far.example");
    /* Sent again by a worker that did not hear the answer: it is the same message. */
    put_from(100, SPAN("bob@sender.example"), "eve@far.example");
    assert_int_equal(t.smtpd.status, PUT_OK);
    /* Another message of that id is our own mistake: its client is asked to come again. */
    put_from(100, SPAN_NONE, "eve@far.example");
    assert_int_equal(t.smtpd.status, PUT_FAILED);
    assert_int_equal(stored(), 1);
}

static void an_alias_stands_for_its_targets(void **state)
{
    struct unpack u;
    struct job_rcpt r;

    (void)state;
    put(100, "team@example.test");
    assert_int_equal(t.deliver.job.rcpt_count, 3); /* alice, bob, and team itself */
    u = unpack_over(t.deliver.job.rcpts);
    while (job_next_rcpt(&u, &r))
        assert_true(span_iends(r.canonical, SPAN("@example.test")));
    assert_int_equal(t.relay.job.rcpt_count, 1);
    answer(&t.deliver, JOB_DELIVERED, 0);
    assert_int_equal(stored(), 1);
    answer(&t.relay, JOB_DELIVERED, 0);
    assert_int_equal(stored(), 0);
}

/* ---- failures ---- */

static void a_deferred_message_comes_back_in_time(void **state)
{
    struct record_rcpt r;

    (void)state;
    put(100, "eve@far.example");
    answer(&t.relay, JOB_DEFERRED, 0);
    assert_int_equal(t.q.msg_count, 0);
    r = first_rcpt(100);
    assert_int_equal(r.attempts, 1);
    assert_int_equal(r.code, 450);
    assert_span_equal(r.reply, SPAN("the reply"));
    assert_span_equal(r.dest, SPAN("mx:far.example"));
    store_release(t.q.store);
    advance(10000);
    assert_int_equal(t.relay.frames, 1);
    advance(HOUR);
    assert_int_equal(t.relay.frames, 2);
    assert_int_equal(t.relay.job.attempt, 1);
}

static void age_ends_a_message_with_a_report(void **state)
{
    (void)state;
    int hours = 0;

    put(100, "eve@far.example");
    answer(&t.relay, JOB_DEFERRED, 0);
    while (t.relay.job.id == 100 && hours++ < 200) {
        unsigned before = t.relay.frames;

        advance(HOUR);
        if (t.relay.frames > before && t.relay.job.id == 100)
            answer(&t.relay, JOB_DEFERRED, 0);
    }
    assert_in_range(hours, 5 * 24, 5 * 24 + 1);
    assert_int_equal(store_get(t.q.store, 100, &(span){0}), ERR_ABSENT);
    assert_int_equal(stored(), 1);
    assert_span_equal(t.relay.job.host, SPAN("sender.example"));
    assert_true(body_has(&t.relay, SPAN("Status: 5.4.7")));
}

static void age_ends_also_what_was_never_tried(void **state)
{
    (void)state;
    chan_close(&t.relay.chan);
    run();
    put(100, "eve@far.example");
    advance(5 * 24 * HOUR + HOUR);
    /* Nobody could be asked: it gets its chance until the grace is over. */
    assert_int_equal(first_rcpt(100).state, RECORD_WAITING);
    store_release(t.q.store);
    advance(24 * HOUR);
    loop_timer_set(&t.q.sweep_timer, 0);
    run();
    assert_int_equal(store_get(t.q.store, 100, &(span){0}), ERR_ABSENT);
    assert_int_equal(stored(), 1);
}

static void a_delay_is_told_once(void **state)
{
    unsigned reports = 0;

    (void)state;
    put(100, "eve@far.example");
    answer(&t.relay, JOB_DEFERRED, 0);
    for (int hour = 0; hour < 48; hour++) {
        unsigned before = t.relay.frames;

        advance(HOUR);
        if (t.relay.frames == before)
            continue;
        answer(&t.relay, t.relay.job.id == 100 ? JOB_DEFERRED : JOB_DELIVERED, 0);
        if (t.relay.job.id == 100)
            continue;
        reports++;
        assert_true(body_has(&t.relay, SPAN("Action: delayed")));
        answer(&t.relay, JOB_DELIVERED, 0);
    }
    assert_int_equal(reports, 1);
    assert_int_equal(stored(), 1);
}

static void a_wall_clock_gone_wild_bounces_nothing(void **state)
{
    (void)state;
    put(100, "eve@far.example");
    answer(&t.relay, JOB_DEFERRED, 0);
    clock_set(clock_mono_ms() + 1000, START_WALL_MS + 10 * 365 * 24 * HOUR);
    advance(1000);
    assert_int_equal(first_rcpt(100).state, RECORD_WAITING);
    clock_set(clock_mono_ms() + 1000, 0);
    advance(HOUR);
    assert_int_equal(t.relay.frames, 2);
    assert_int_equal(first_rcpt(100).state, RECORD_WAITING);
}

static void an_unreachable_place_rests_with_all_that_waits_for_it(void **state)
{
    (void)state;
    put(100, "eve@far.example");
    answer(&t.relay, JOB_DEFERRED, JOB_UNREACHABLE);
    assert_int_equal(t.relay.frames, 1);
    put(101, "mallory@far.example");
    put(102, "peggy@near.example");
    /* Only the other place is tried; the message waits without having been tried. */
    assert_int_equal(t.relay.frames, 2);
    assert_int_equal(t.relay.job.id, 102);
    assert_int_equal(first_rcpt(101).attempts, 0);
    assert_int_equal(t.q.msg_count, 1);
    store_release(t.q.store);
    advance(2 * MINUTE);
    assert_int_equal(t.relay.frames, 3);
    assert_int_equal(t.relay.job.id, 101);
}

static void a_process_that_dies_gives_its_jobs_back(void **state)
{
    (void)state;
    put(100, "eve@far.example");
    for (unsigned i = 1; i < QUEUE_CRASHES_MAX; i++) {
        chan_close(&t.relay.chan);
        run();
        assert_int_equal(t.q.job_count, 0);
        link_peer(&t.relay, QUEUE_LINK_RELAY);
        run();
        assert_int_equal(t.relay.frames, i + 1);
    }
    /* A message that kills whoever touches it has to wait. */
    chan_close(&t.relay.chan);
    run();
    assert_int_equal(first_rcpt(100).attempts, 1);
    assert_int_equal(t.q.msg_count, 0);
}

static void a_draining_process_gets_no_more(void **state)
{
    (void)state;
    put(100, "eve@far.example");
    answer(&t.relay, JOB_DEFERRED, JOB_NOT_TRIED);
    assert_int_equal(t.relay.frames, 1);
    assert_int_equal(first_rcpt(100).attempts, 0);
    link_peer(&t.other, QUEUE_LINK_RELAY);
    run();
    assert_int_equal(t.other.frames, 1);
}

static void one_destination_has_its_limit(void **state)
{
    unsigned limit;

    (void)state;
    limit = 2 * (unsigned)t.config->queue.destination_concurrency;
    for (uint64_t i = 0; i < limit + 5; i++)
        put(100 + i, "eve@far.example");
    assert_int_equal(t.relay.frames, limit);
    put(900, "peggy@near.example");
    assert_int_equal(t.relay.frames, limit + 1);
    answer(&t.relay, JOB_DELIVERED, 0);
    assert_int_equal(t.relay.frames, limit + 1);
}

/* ---- orders ---- */

static void held_mail_waits_for_its_release(void **state)
{
    (void)state;
    put(100, "eve@held.example");
    assert_int_equal(t.relay.frames, 0);
    assert_int_equal(first_rcpt(100).state, RECORD_HELD);
    put(101, "eve@far.example");
    answer(&t.relay, JOB_DEFERRED, 0);
    assert_int_equal(order(CTL_HOLD, 101).err, ERR_OK);
    advance(24 * HOUR);
    assert_int_equal(t.relay.frames, 1);
    assert_int_equal(order(CTL_RELEASE, 101).err, ERR_OK);
    advance(100);
    assert_int_equal(t.relay.frames, 2);
}

static void orders_change_what_waits(void **state)
{
    (void)state;
    put(100, "eve@far.example");
    answer(&t.relay, JOB_DEFERRED, 0);
    assert_int_equal(order(CTL_RETRY, 100).count, 1);
    advance(100);
    assert_int_equal(t.relay.frames, 2);
    answer(&t.relay, JOB_DEFERRED, 0);
    assert_int_equal(order(CTL_DELETE, 100).err, ERR_OK);
    assert_int_equal(stored(), 0);
    assert_int_equal(order(CTL_DELETE, 100).err, ERR_ABSENT);
    put(101, "eve@held.example");
    assert_int_equal(order(CTL_BOUNCE, 101).err, ERR_OK);
    /* Its report took its place. */
    assert_int_equal(store_get(t.q.store, 101, &(span){0}), ERR_ABSENT);
    assert_int_equal(stored(), 1);
    assert_int_equal(order(CTL_STATS, 0).err, ERR_OK);
    assert_int_equal(order(CTL_LIST, 0).count, 1);
}

static void a_deletion_while_a_job_is_out_ends_with_its_result(void **state)
{
    (void)state;
    put(100, "eve@far.example");
    assert_int_equal(order(CTL_DELETE, 100).err, ERR_OK);
    assert_int_equal(stored(), 0);
    answer(&t.relay, JOB_FAILED, 0);
    assert_int_equal(stored(), 0);
    assert_int_equal(t.q.msg_count, 0);
}

static void a_body_that_is_gone_is_put_aside(void **state)
{
    char path[64];

    (void)state;
    upload("eve@far.example", body, 1);
    upload_end(body.n);
    answer(&t.relay, JOB_DEFERRED, 0);
    snprintf(path, sizeof(path), "queue/spool/%02x/%s", 100, num_id_text(100).text);
    assert_int_equal(unlink(temp_path(path)), 0);
    put(101, "peggy@near.example");
    advance(HOUR);
    assert_int_equal(store_get(t.q.store, 100, &(span){0}), ERR_ABSENT);
    assert_int_equal(stored(), 1);
}

static void a_body_that_cannot_be_opened_now_is_not_damaged(void **state)
{
    unsigned before;

    (void)state;
    upload("eve@far.example", body, 1);
    upload_end(body.n);
    answer(&t.relay, JOB_DEFERRED, 0);
    before = t.relay.frames;
    fault_begin(FAULT_FAIL, 1, EMFILE);
    fault_only("openat");
    advance(HOUR);
    assert_true(fault_happened());
    fault_end();
    assert_int_equal(t.relay.frames, before);
    assert_int_equal(stored(), 1);
    advance(2 * MINUTE);
    assert_int_equal(t.relay.frames, before + 1);
    assert_true(t.relay.had_fd && t.relay.job.id == 100);
}

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

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_local_message_goes_to_deliver_and_is_forgotten),
        T(a_remote_message_goes_to_relay_by_its_domain),
        T(what_is_answered_is_in_the_store_after_a_crash),
        T(a_large_body_comes_in_pieces_and_goes_as_a_file),
        T(octets_lost_on_the_way_are_noticed),
        T(what_smtpd_says_is_judged),
        T(an_address_that_relay_learned_is_passed_on),
        T(an_id_is_taken_once),
        T(an_alias_stands_for_its_targets),
        T(a_deferred_message_comes_back_in_time),
        T(age_ends_a_message_with_a_report),
        T(age_ends_also_what_was_never_tried),
        cmocka_unit_test_setup_teardown(a_delay_is_told_once, setup_warning, teardown),
        T(a_wall_clock_gone_wild_bounces_nothing),
        T(an_unreachable_place_rests_with_all_that_waits_for_it),
        T(a_process_that_dies_gives_its_jobs_back),
        T(a_draining_process_gets_no_more),
        T(one_destination_has_its_limit),
        T(held_mail_waits_for_its_release),
        T(orders_change_what_waits),
        T(a_deletion_while_a_job_is_out_ends_with_its_result),
        T(a_body_that_is_gone_is_put_aside),
        T(a_body_that_cannot_be_opened_now_is_not_damaged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
