/* SPDX-License-Identifier: ISC */
#include "../guard.h"

#include "queue/ctl.h"
#include "queue/frames.h"
#include "queue/job.h"

static span packed_job(char *memory, size_t cap, bool in_file)
{
    static char block[512];
    struct buf list = buf_over(block, sizeof(block)), b = buf_over(memory, cap);

    job_put_rcpt(&list, &(struct job_rcpt){.index = 7,
                                           .address = SPAN("Bob@Example.ORG"),
                                           .canonical = SPAN("Bob@example.org")});
    job_put_rcpt(&list, &(struct job_rcpt){.index = 9,
                                           .address = SPAN("eve@example.org"),
                                           .canonical = SPAN("eve@example.org")});
    job_put(&b, &(struct job){.id = 5,
                              .transport = JOB_MX,
                              .host = SPAN("example.org"),
                              .egress = SPAN("default"),
                              .flags = ENVELOPE_8BIT,
                              .attempt = 2,
                              .received_ms = 1234,
                              .sender = SPAN("a@b"),
                              .size = 6,
                              .rcpt_count = 2,
                              .rcpts = buf_span(&list),
                              .in_file = in_file,
                              .body = SPAN("body\r\n")});
    assert_false(b.overflow);
    return buf_span(&b);
}

static void a_job_comes_back(void **state)
{
    char memory[1024];
    struct job j;
    struct job_rcpt r;
    struct unpack u;

    (void)state;
    assert_true(job_get(guard_copy(packed_job(memory, sizeof(memory), false)), &j));
    assert_int_equal(j.transport, JOB_MX);
    assert_int_equal(j.attempt, 2);
    assert_span_equal(j.host, SPAN("example.org"));
    assert_span_equal(j.egress, SPAN("default"));
    assert_span_equal(j.sender, SPAN("a@b"));
    assert_span_equal(j.body, SPAN("body\r\n"));
    u = unpack_over(j.rcpts);
    assert_true(job_next_rcpt(&u, &r));
    assert_int_equal(r.index, 7);
    assert_span_equal(r.address, SPAN("Bob@Example.ORG"));
    assert_span_equal(r.canonical, SPAN("Bob@example.org"));
    assert_true(job_next_rcpt(&u, &r));
    assert_span_equal(r.canonical, SPAN("eve@example.org"));
    assert_false(job_next_rcpt(&u, &r));
    assert_true(job_get(packed_job(memory, sizeof(memory), true), &j));
    assert_true(j.in_file && j.size == 6 && j.body.n == 0);
}

static void no_beginning_of_a_job_is_one(void **state)
{
    char memory[1024];
    span whole = packed_job(memory, sizeof(memory), false);
    struct job j;

    (void)state;
    for (size_t n = 0; n < whole.n; n++)
        assert_false(job_get(guard_copy(span_head(whole, n)), &j));
}

static void a_result_comes_back_cut(void **state)
{
    static char block[4096], memory[4096], words[2 * JOB_REPLY_BYTES];
    struct buf list = BUF_OVER(block), b = BUF_OVER(memory);
    struct job_result r;
    struct job_outcome o;
    struct unpack u;

    (void)state;
    memset(words, 'w', sizeof(words));
    job_put_outcome(&list, &(struct job_outcome){.index = 3,
                                                 .verdict = JOB_FAILED,
                                                 .code = 550,
                                                 .status = SPAN("5.1.1"),
                                                 .mta = SPAN("mx.example.org"),
                                                 .reply = span_of(words, sizeof(words))});
    job_result_put(&b, &(struct job_result){5, JOB_UNREACHABLE, 1, buf_span(&list)});
    assert_true(job_result_get(guard_copy(buf_span(&b)), &r));
    assert_int_equal(r.flags, JOB_UNREACHABLE);
    u = unpack_over(r.outcomes);
    assert_true(job_next_outcome(&u, &o));
    assert_int_equal(o.verdict, JOB_FAILED);
    assert_int_equal(o.code, 550);
    assert_int_equal(o.reply.n, JOB_REPLY_BYTES);
    assert_false(job_next_outcome(&u, &o));
    for (size_t n = 0; n < b.n; n++)
        assert_false(job_result_get(guard_copy(span_head(buf_span(&b), n)), &r));
}

static void put_frames_come_back(void **state)
{
    char memory[256];
    struct buf b = BUF_OVER(memory);
    struct put_result r;
    span envelope, body;

    (void)state;
    put_put(&b, SPAN("envelope"), SPAN("the body"));
    assert_true(put_get(guard_copy(buf_span(&b)), &envelope, &body));
    assert_span_equal(envelope, SPAN("envelope"));
    assert_span_equal(body, SPAN("the body"));
    assert_false(put_get(guard_copy(span_head(buf_span(&b), 7)), &envelope, &body));
    buf_reset(&b);
    put_result_put(&b, &(struct put_result){PUT_FULL, SPAN("disk full")});
    assert_true(put_result_get(guard_copy(buf_span(&b)), &r));
    assert_int_equal(r.status, PUT_FULL);
    assert_span_equal(r.why, SPAN("disk full"));
    memory[0] = PUT_STATUS_COUNT;
    assert_false(put_result_get(buf_span(&b), &r));
}

static void control_frames_come_back(void **state)
{
    char memory[256];
    struct buf b = BUF_OVER(memory);
    struct ctl_request q;
    struct ctl_reply r;

    (void)state;
    ctl_request_put(&b, &(struct ctl_request){CTL_RETRY, 12, 34, SPAN("mx:example.org")});
    assert_true(ctl_request_get(guard_copy(buf_span(&b)), &q));
    assert_true(q.op == CTL_RETRY && q.id == 12 && q.offset == 34);
    assert_span_equal(q.dest, SPAN("mx:example.org"));
    assert_false(ctl_request_get(guard_copy(span_head(buf_span(&b), b.n - 1)), &q));
    buf_reset(&b);
    ctl_reply_put(&b, &(struct ctl_reply){.err = ERR_ABSENT,
                                          .words = SPAN("no such message"),
                                          .count = 3,
                                          .more = true,
                                          .rest = SPAN("rows")});
    assert_true(ctl_reply_get(guard_copy(buf_span(&b)), &r));
    assert_true(r.err == ERR_ABSENT && r.count == 3 && r.more);
    assert_span_equal(r.rest, SPAN("rows"));
}

static void every_frame_has_a_limit(void **state)
{
    (void)state;
    for (unsigned type = QUEUE_PUT; type < QUEUE_FRAME_END; type++)
        assert_true((type == QUEUE_PUT_ABORT) == (queue_frame_max(type) == 0));
    assert_int_equal(queue_frame_max(QUEUE_FRAME_END), 0);
    assert_int_equal(queue_frame_max(0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_comes_back),         cmocka_unit_test(no_beginning_of_a_job_is_one),
        cmocka_unit_test(a_result_comes_back_cut),  cmocka_unit_test(put_frames_come_back),
        cmocka_unit_test(control_frames_come_back), cmocka_unit_test(every_frame_has_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
