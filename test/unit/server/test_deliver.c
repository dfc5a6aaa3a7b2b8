/* SPDX-License-Identifier: ISC */
/* The batches of deliver, with the test as its queue. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

/* Its own parts are looked at: what a process of it does is seen by test/live. */
#include "server/deliver.c"

#define JOBS  40
#define RCPTS 100

static struct loop *loop;
static struct deliver d;
static struct proc proc;
static struct chan queue;
static unsigned jobs, deferred;

static void on_result(void *arg, struct chan *chan, struct chan_frame *f)
{
    struct job_result r;
    struct job_outcome o;
    struct unpack u;

    (void)arg;
    (void)chan;
    assert_true(job_result_get(f->body, &r));
    jobs++;
    u = unpack_over(r.outcomes);
    while (job_next_outcome(&u, &o))
        deferred += o.verdict == JOB_DEFERRED;
}

static void open_deliver(const struct config *config)
{
    static const struct chan_type results[] = {[QUEUE_JOB_RESULT] = {"result", 1u << 20, false}};
    const struct chan_conf conf = {
        .name = "deliver", .types = results, .type_count = COUNT(results), .on_frame = on_result};
    int fds[2];

    loop = loop_new();
    proc.loop = loop;
    proc.self = &d;
    d = (struct deliver){.proc = &proc, .config = config};
    d.outcomes = room(JOB_RCPTS_MAX * JOB_OUTCOME_BYTES);
    d.result = room(JOB_RCPTS_MAX * JOB_OUTCOME_BYTES + 64);
    loop_task_init(&d.finish, on_finish, &d);
    assert_int_equal(maildir_new("mx.herald.test", &d.maildir), ERR_OK);
    assert_int_equal(chan_pair(fds), ERR_OK);
    assert_int_equal(chan_open(&queue, loop, fds[0], &conf), ERR_OK);
    on_peer(&proc, PROC_QUEUE, 0, fds[1]);
}

static void close_deliver(void)
{
    chan_close(&queue);
    chan_close(&d.queue);
    loop_task_cancel(loop, &d.finish);
    maildir_free(d.maildir);
    free(d.outcomes.p);
    free(d.result.p);
    loop_free(loop);
}

/* A job for so many recipients; its texts lie in `memory`. */
static struct job job_of(struct buf *memory)
{
    buf_reset(memory);
    for (uint32_t i = 0; i < RCPTS; i++) {
        char address[32];
        struct buf b = BUF_OVER(address);

        buf_printf(&b, "user%u@example.test", (unsigned)i);
        job_put_rcpt(memory, &(struct job_rcpt){.index = i, .address = buf_span(&b)});
    }
    return (struct job){.transport = JOB_MAILDIR,
                        .rcpt_count = RCPTS,
                        .rcpts = buf_span(memory),
                        .body = SPAN("Subject: x\r\n\r\nx\r\n"),
                        .size = 17};
}

/* What fails at once is in no batch of the Maildir, but has its place in the list all the same. */
static void more_failures_than_a_batch_holds_are_all_told(void **state)
{
    static char memory[RCPTS * 64];
    static struct config config = {
        .mailbox = {.kind = CONFIG_MAILBOX_MAILDIR, .path = SPAN_INIT("/proc/no/{user}")}};
    struct buf b = BUF_OVER(memory);
    struct job j = job_of(&b);

    (void)state;
    jobs = deferred = 0;
    open_deliver(&config);
    for (uint32_t i = 0; i < JOBS; i++) {
        on_job(&d, i, &j, -1);
        assert_true(d.count <= DELIVERIES_MAX && d.job_count <= DELIVERIES_MAX);
    }
    for (unsigned i = 0; i < 100 && jobs < JOBS; i++)
        loop_turn(loop, 0);
    assert_int_equal(jobs, JOBS);
    assert_int_equal(deferred, JOBS * RCPTS);
    close_deliver();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_failures_than_a_batch_holds_are_all_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
