/* SPDX-License-Identifier: ISC */
/* A message on its way from a session to the queue process, over a real channel. */
#include "../guard.h"

#include "message/header.h"
#include "server/put.h"
#include "server/transaction.h"

/* The queue's end: notes what came, answers what the test says. */
struct queue_end {
    struct chan chan;
    unsigned frames[QUEUE_FRAME_END];
    uint32_t tag;
    struct heap_buf body;
    char envelope[4096];
    size_t envelope_n;
    bool closed;
};

static struct loop *loop;
static struct put_client client;
static struct queue_end queue;
static unsigned rooms;

static void on_frame(void *arg, struct chan *c, struct chan_frame *f)
{
    struct queue_end *q = arg;
    span envelope = f->body;
    span body = SPAN_NONE;

    (void)c;
    q->frames[f->type]++;
    q->tag = f->tag;
    if (f->type == QUEUE_PUT)
        assert_true(put_get(f->body, &envelope, &body));
    if (f->type == QUEUE_PUT_CHUNK) {
        body = f->body;
        envelope = SPAN_NONE;
    }
    if (f->type == QUEUE_PUT_END)
        envelope = SPAN_NONE;
    assert_true(heap_put(&q->body, body));
    if (envelope.n > 0) {
        assert_true(envelope.n <= sizeof(q->envelope));
        memcpy(q->envelope, envelope.p, envelope.n);
        q->envelope_n = envelope.n;
    }
}

static void on_closed(void *arg, struct chan *c, enum chan_end why)
{
    struct queue_end *q = arg;

    (void)c;
    (void)why;
    q->closed = true;
}

static void on_room(void *arg)
{
    (void)arg;
    rooms++;
}

static void turns(void)
{
    for (int i = 0; i < 50; i++)
        loop_turn(loop, 0);
}

/* A queue process begins. */
static void queue_start(void)
{
    static struct chan_type types[QUEUE_FRAME_END];
    struct chan_conf conf = {
        .name = "smtpd",
        .types = types,
        .type_count = COUNT(types),
        .on_frame = on_frame,
        .on_closed = on_closed,
        .arg = &queue,
    };
    int fds[2];

    for (unsigned t = QUEUE_PUT; t <= QUEUE_PUT_ABORT; t++)
        types[t] = (struct chan_type){"put", queue_frame_max(t), false};
    assert_int_equal(chan_pair(fds), ERR_OK);
    put_client_link(&client, fds[0]);
    assert_int_equal(chan_open(&queue.chan, loop, fds[1], &conf), ERR_OK);
}

static int setup(void **state)
{
    (void)state;
    loop = loop_new();
    memset(&queue, 0, sizeof(queue));
    rooms = 0;
    heap_init(&queue.body, 1u << 26);
    put_client_init(&client, loop, on_room, NULL);
    queue_start();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    chan_close(&queue.chan);
    turns();
    heap_release(&queue.body);
    loop_free(loop);
    return 0;
}

static void answer(uint32_t tag, enum put_status status)
{
    char memory[256];
    struct buf b = BUF_OVER(memory);
    struct put_result r = {status, SPAN("because")};

    put_result_put(&b, &r);
    assert_int_equal(chan_send(&queue.chan, QUEUE_PUT_RESULT, tag, buf_span(&b), SPAN_NONE, -1),
                     ERR_OK);
    turns();
}

static enum put_status told;
static unsigned told_times;

static void on_result(void *arg, const struct put_result *r)
{
    (void)arg;
    told = r->status;
    told_times++;
}

static struct transaction *begin(const struct config *config)
{
    struct transaction_start start = {
        .id = 77,
        .session = 78,
        .received_ms = 1000,
        .sender = SPAN("a@send.test"),
        .client = SPAN("192.0.2.1"),
        .greeting = SPAN("client.test"),
        .envid = SPAN("QQ+2B1"),
        .flags = (unsigned)ENVELOPE_SMTPUTF8 | (unsigned)ENVELOPE_RET_HDRS,
    };
    const struct smtp_rcpt_params params = {
        .notify = (unsigned)SMTP_NOTIFY_SUCCESS | (unsigned)SMTP_NOTIFY_DELAY,
        .orcpt = SPAN("rfc822;Bob+2Bx@Rcpt.Test"),
    };
    struct transaction *t = transaction_new(&client, config, &start);
    span text = SPAN("Bob@Rcpt.Test");
    struct path path;
    struct received received = {.host = SPAN("mx.test"), .with = SPAN("ESMTP")};

    assert_non_null(t);
    assert_int_equal(path_parse_address(text, 0, &path), PATH_FINE);
    assert_true(transaction_rcpt(t, &path, &params));
    assert_true(transaction_data(t, &received, SPAN_NONE));
    told_times = 0;
    return t;
}

static struct config *config_for_test(void)
{
    struct config_problems problems = {0};
    struct config *c = config_load_text("test", SPAN("hostname = \"mx.test\""), &problems);

    config_problems_finish(&problems);
    assert_non_null(c);
    return c;
}

static void test_small(void **state)
{
    struct config *config = config_for_test();
    struct transaction *t = begin(config);
    struct smtp_reply reply;
    struct envelope e;
    struct unpack u;
    struct envelope_rcpt rcpt;

    (void)state;
    transaction_chunk(t, SPAN("Subject: x\r\n\r\nhello\r\n"));
    assert_int_equal(transaction_end(t, on_result, NULL, &reply), TRANSACTION_WAITS);
    turns();
    assert_int_equal(queue.frames[QUEUE_PUT], 1);
    assert_true(span_starts(heap_span(&queue.body), SPAN("Received: from client.test")));
    assert_true(span_ends(heap_span(&queue.body), SPAN("\r\nSubject: x\r\n\r\nhello\r\n")));
    assert_int_equal(transaction_size(t), queue.body.n);
    assert_int_equal(envelope_get(span_of(queue.envelope, queue.envelope_n), &e), ERR_OK);
    assert_int_equal(e.id, 77);
    assert_span_equal(e.sender, SPAN("a@send.test"));
    assert_span_equal(e.envid, SPAN("QQ+2B1"));
    assert_int_equal(e.flags, (unsigned)ENVELOPE_SMTPUTF8 | (unsigned)ENVELOPE_RET_HDRS);
    u = unpack_over(e.rcpts);
    assert_true(envelope_next_rcpt(&u, &rcpt));
    assert_span_equal(rcpt.address, SPAN("Bob@Rcpt.Test"));
    assert_span_equal(rcpt.canonical, SPAN("Bob@rcpt.test"));
    assert_span_equal(rcpt.orcpt, SPAN("rfc822;Bob+2Bx@Rcpt.Test"));
    assert_int_equal(rcpt.notify,
                     (unsigned)ENVELOPE_NOTIFY_SUCCESS | (unsigned)ENVELOPE_NOTIFY_DELAY);
    assert_int_equal(told_times, 0);
    answer(queue.tag, PUT_OK);
    assert_int_equal(told_times, 1);
    assert_int_equal(told, PUT_OK);
    transaction_free(t);
    config_free(config);
}

/* What the client says in our name goes, what others said stays. */
static void test_forged_results_go(void **state)
{
    struct config *config = config_for_test();
    struct transaction_start start = {.id = 77, .client = SPAN("192.0.2.1")};
    struct received received = {.host = SPAN("mx.test"), .with = SPAN("ESMTP")};
    struct transaction *t = transaction_new(&client, config, &start);
    struct smtp_reply reply;
    struct path path;

    (void)state;
    assert_int_equal(path_parse_address(SPAN("bob@rcpt.test"), 0, &path), PATH_FINE);
    assert_true(transaction_rcpt(t, &path, &(struct smtp_rcpt_params){0}));
    assert_true(
        transaction_data(t, &received, SPAN("Authentication-Results: mx.test; iprev=fail\r\n")));
    transaction_chunk(t, SPAN("A: 1\r\nauthentication-results:\r\n MX.test; iprev=pass\r\n"
                              "Authentication-Results: far.test; none\r\n"
                              "Authentication-Results: mx.test; none\r\n\r\n"
                              "Authentication-Results: mx.test; body\r\n"));
    assert_int_equal(transaction_end(t, on_result, NULL, &reply), TRANSACTION_WAITS);
    turns();
    assert_true(span_starts(heap_span(&queue.body),
                            SPAN("Authentication-Results: mx.test; iprev=fail\r\nReceived: ")));
    assert_true(span_ends(heap_span(&queue.body),
                          SPAN("\r\nA: 1\r\nAuthentication-Results: far.test; none\r\n\r\n"
                               "Authentication-Results: mx.test; body\r\n")));
    assert_int_equal(transaction_size(t), queue.body.n);
    answer(queue.tag, PUT_OK);
    transaction_free(t);
    config_free(config);
}

static void feed_large(struct transaction *t, size_t bytes)
{
    static char line[1000];

    memset(line, 'x', sizeof(line));
    memcpy(line, "Subject: x\r\n\r\n", 14);
    memcpy(line + sizeof(line) - 2, "\r\n", 2);
    for (size_t n = 0; n < bytes; n += sizeof(line)) {
        transaction_chunk(t, span_of(line, sizeof(line)));
        turns();
    }
}

static void test_large(void **state)
{
    struct config *config = config_for_test();
    struct transaction *t = begin(config);
    struct smtp_reply reply;

    (void)state;
    feed_large(t, 300000);
    assert_int_equal(queue.frames[QUEUE_PUT_BEGIN], 1);
    assert_int_equal(queue.frames[QUEUE_PUT], 0);
    assert_int_equal(transaction_end(t, on_result, NULL, &reply), TRANSACTION_WAITS);
    turns();
    assert_int_equal(queue.frames[QUEUE_PUT_END], 1);
    assert_int_equal(queue.body.n, transaction_size(t));
    assert_true(span_ends(heap_span(&queue.body), SPAN("xx\r\n")));
    answer(queue.tag, PUT_FULL);
    assert_int_equal(told, PUT_FULL);
    transaction_free(t);
    config_free(config);
}

static void test_refused_on_the_way(void **state)
{
    struct config *config = config_for_test();
    struct transaction *t = begin(config);
    struct smtp_reply reply = {0};

    (void)state;
    feed_large(t, 200000);
    answer(queue.tag, PUT_FULL);
    feed_large(t, 100000);
    assert_int_equal(transaction_end(t, on_result, NULL, &reply), TRANSACTION_REFUSED);
    assert_int_equal(reply.code, 452);
    assert_int_equal(told_times, 0);
    transaction_free(t);
    config_free(config);
}

/* A piece that there is no memory for: what was handed over is taken back, never stored as whole.
 */
static void test_memory_runs_out(void **state)
{
    static char much[1u << 20];
    struct config *config = config_for_test();
    struct transaction *t = begin(config);
    struct smtp_reply reply = {0};

    (void)state;
    memset(much, 'x', sizeof(much));
    feed_large(t, 200000);
    assert_int_equal(queue.frames[QUEUE_PUT_BEGIN], 1);
    transaction_chunk(t, span_of(much, sizeof(much)));
    feed_large(t, 100000);
    assert_int_equal(transaction_end(t, on_result, NULL, &reply), TRANSACTION_REFUSED);
    assert_int_equal(reply.code, 451);
    transaction_free(t);
    turns();
    assert_int_equal(queue.frames[QUEUE_PUT_END], 0);
    assert_int_equal(queue.frames[QUEUE_PUT_ABORT], 1);
    assert_int_equal(put_client_pending(&client), 0);
    config_free(config);
}

/* A long message whose header is refused never begins to go to the queue. */
static void test_refused_by_its_header(void **state)
{
    struct config *config = config_for_test();
    struct transaction *t = begin(config);
    struct smtp_reply reply = {0};

    (void)state;
    for (int i = 0; i < 100; i++)
        transaction_chunk(t, SPAN("Received: from a by b; Sat, 21 Nov 2026 20:58:00 +0000\r\n"));
    feed_large(t, 200000);
    assert_int_equal(transaction_end(t, on_result, NULL, &reply), TRANSACTION_REFUSED);
    assert_int_equal(reply.code, 554);
    transaction_free(t);
    turns();
    for (unsigned type = 0; type < QUEUE_FRAME_END; type++)
        assert_int_equal(queue.frames[type], 0);
    config_free(config);
}

static void test_given_up(void **state)
{
    struct config *config = config_for_test();
    struct transaction *t = begin(config);

    (void)state;
    feed_large(t, 200000);
    transaction_free(t);
    turns();
    assert_int_equal(queue.frames[QUEUE_PUT_ABORT], 1);
    assert_int_equal(put_client_pending(&client), 0);
    config_free(config);
}

static void test_queue_dies(void **state)
{
    struct config *config = config_for_test();
    struct transaction *t = begin(config);
    struct smtp_reply reply;

    (void)state;
    transaction_chunk(t, SPAN("Subject: x\r\n\r\nhello\r\n"));
    assert_int_equal(transaction_end(t, on_result, NULL, &reply), TRANSACTION_WAITS);
    turns();
    chan_close(&queue.chan);
    turns();
    /* It waits for the next queue process, which gets the same once more. */
    assert_int_equal(told_times, 0);
    assert_int_equal(put_client_pending(&client), 1);
    queue_start();
    turns();
    assert_int_equal(queue.frames[QUEUE_PUT], 2);
    answer(queue.tag, PUT_OK);
    assert_int_equal(told_times, 1);
    assert_int_equal(told, PUT_OK);
    transaction_free(t);
    config_free(config);
}

static void test_open_put_dies_with_the_queue(void **state)
{
    struct config *config = config_for_test();
    struct transaction *t = begin(config);
    struct smtp_reply reply = {0};

    (void)state;
    feed_large(t, 200000);
    chan_close(&queue.chan);
    turns();
    assert_int_equal(transaction_end(t, on_result, NULL, &reply), TRANSACTION_REFUSED);
    assert_int_equal(reply.code, 451);
    transaction_free(t);
    /* With no queue process at all a long message is refused, a short one waits and can be given
     * up. */
    t = begin(config);
    feed_large(t, 200000);
    assert_int_equal(transaction_end(t, on_result, NULL, &reply), TRANSACTION_REFUSED);
    assert_int_equal(reply.code, 451);
    transaction_free(t);
    t = begin(config);
    transaction_chunk(t, SPAN("Subject: x\r\n\r\nhello\r\n"));
    assert_int_equal(transaction_end(t, on_result, NULL, &reply), TRANSACTION_WAITS);
    assert_int_equal(put_client_pending(&client), 1);
    transaction_free(t);
    assert_int_equal(put_client_pending(&client), 0);
    config_free(config);
}

static void test_loop_is_found(void **state)
{
    struct config *config = config_for_test();
    struct transaction *t = begin(config);
    struct smtp_reply reply;

    (void)state;
    for (int i = 0; i < 101; i++)
        transaction_chunk(t, SPAN("Received: from a by b; Sat, 21 Nov 2026 20:58:00 +0000\r\n"));
    transaction_chunk(t, SPAN("\r\nhello\r\n"));
    assert_int_equal(transaction_end(t, on_result, NULL, &reply), TRANSACTION_REFUSED);
    assert_int_equal(reply.code, 554);
    assert_span_equal(reply.enhanced, SPAN("5.4.6"));
    turns();
    assert_int_equal(queue.frames[QUEUE_PUT], 0);
    transaction_free(t);
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_small, setup, teardown),
        cmocka_unit_test_setup_teardown(test_forged_results_go, setup, teardown),
        cmocka_unit_test_setup_teardown(test_large, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_on_the_way, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory_runs_out, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_by_its_header, setup, teardown),
        cmocka_unit_test_setup_teardown(test_given_up, setup, teardown),
        cmocka_unit_test_setup_teardown(test_queue_dies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_open_put_dies_with_the_queue, setup, teardown),
        cmocka_unit_test_setup_teardown(test_loop_is_found, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
