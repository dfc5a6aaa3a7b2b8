/* SPDX-License-Identifier: ISC */
/*
 * test/unit/server/queue_rig.h - a queue in a loop, with the test as its smtpd, relay and deliver.
 *
 * Each test gets a store of its own; the clock stands still until advance.
 */
#ifndef TEST_UNIT_SERVER_QUEUE_RIG_H
#define TEST_UNIT_SERVER_QUEUE_RIG_H

#include "../store/temp.h"

#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"
#include "server/queue.h"
#include "server/queue_link.h"

#define MINUTE        INT64_C(60000)
#define HOUR          (60 * MINUTE)
#define START_WALL_MS INT64_C(1795294800000)

/* The other end of a link, and what came to it last. */
struct peer {
    struct chan chan;
    unsigned frames;
    uint32_t tag;
    enum put_status status;
    struct job job; /* borrows from memory */
    bool had_fd;
    struct ip_addr own[16]; /* QUEUE_OWN */
    size_t n_own;
    char memory[1u << 20];
    uint32_t tags[64]; /* of all jobs */
};

static struct {
    struct config *config;
    struct loop *loop;
    struct queue q;
    struct peer smtpd, relay, deliver, other;
} t;

/* What the next envelopes say beside their addresses. */
static struct {
    unsigned flags;
    unsigned notify;
    span orcpt;
    span envid;
} wish;

static inline void on_frame(void *arg, struct chan *chan, struct chan_frame *f)
{
    struct peer *p = arg;
    struct put_result result;

    (void)chan;
    if (f->type == QUEUE_OWN) {
        assert_true(p->n_own < COUNT(p->own) && own_address_get(f->body, &p->own[p->n_own++]));
        return;
    }
    p->tags[p->frames++ % COUNT(p->tags)] = f->tag;
    p->tag = f->tag;
    p->had_fd = f->fd >= 0;
    if (f->type == QUEUE_PUT_RESULT) {
        assert_true(put_result_get(f->body, &result));
        p->status = result.status;
        return;
    }
    assert_true(f->body.n < sizeof(p->memory));
    memcpy(p->memory, f->body.p, f->body.n);
    assert_true(job_get(span_of(p->memory, f->body.n), &p->job));
}

static inline void on_closed(void *arg, struct chan *chan, enum chan_end why)
{
    (void)arg;
    (void)chan;
    (void)why;
}

static const struct chan_type smtpd_types[] = {
    [QUEUE_PUT_RESULT] = {"result", 4096, false}, [QUEUE_OWN] = {"own", OWN_ADDRESS_BYTES, false}};
static const struct chan_type job_types[] = {[QUEUE_JOB] = {"job", 1u << 20, true}};

static inline void link_peer(struct peer *p, enum queue_link_kind kind)
{
    struct chan_conf conf = {
        .name = "queue", .on_frame = on_frame, .on_closed = on_closed, .arg = p};
    int fds[2];
    bool is_worker = kind == QUEUE_LINK_RELAY || kind == QUEUE_LINK_DELIVER;

    conf.types = is_worker ? job_types : smtpd_types;
    conf.type_count = is_worker ? COUNT(job_types) : COUNT(smtpd_types);
    assert_int_equal(chan_pair(fds), ERR_OK);
    assert_int_equal(chan_open(&p->chan, t.loop, fds[0], &conf), ERR_OK);
    queue_link_add(&t.q, kind, fds[1]);
}

/* Let everything that is on its way arrive. */
static inline void run(void)
{
    for (int i = 0; i < 20; i++)
        loop_turn(t.loop, 0);
}

/* As run, a while later: timers fire by the real clock, the queue sees this one. */
static inline void advance(int64_t ms)
{
    clock_advance(ms);
    loop_timer_set(&t.q.due_timer, 0);
    run();
}

static inline void open_queue(void)
{
    t.loop = loop_new();
    assert_non_null(t.loop);
    queue_init(&t.q, t.config);
    queue_attach(&t.q, t.loop);
    link_peer(&t.smtpd, QUEUE_LINK_SMTPD);
    link_peer(&t.relay, QUEUE_LINK_RELAY);
    link_peer(&t.deliver, QUEUE_LINK_DELIVER);
    assert_true(queue_open(&t.q));
    run();
}

static inline void close_queue(void)
{
    chan_close(&t.smtpd.chan);
    chan_close(&t.relay.chan);
    chan_close(&t.deliver.chan);
    chan_close(&t.other.chan);
    run();
    assert_null(t.q.links);
    loop_timer_stop(&t.q.open_timer);
    loop_timer_stop(&t.q.due_timer);
    loop_timer_stop(&t.q.sweep_timer);
    loop_timer_stop(&t.q.retry_timer);
    loop_timer_stop(&t.q.drain_timer);
    loop_task_cancel(t.loop, &t.q.commit_task);
    queue_finish(&t.q);
    loop_free(t.loop);
    memset(&t.smtpd, 0, sizeof(t.smtpd));
    memset(&t.relay, 0, sizeof(t.relay));
    memset(&t.deliver, 0, sizeof(t.deliver));
    memset(&t.other, 0, sizeof(t.other));
}

static const char conf_text[] = "hostname = \"mx.example.test\"; data_dir = \"%s\";"
                                "domains = [\"example.test\"]; unknown_user = accept;"
                                "aliases = \"%s/aliases\";"
                                "route \"*\" { via = mx; } route \"held.example\" { via = hold; }"
                                "queue { lifetime = 5d; delay_warning = %s; }";

static inline int setup_with(void **state, const char *warning)
{
    struct config_problems problems = {0};
    char text[1024];
    FILE *f;

    assert_int_equal(temp_setup(state), 0);
    log_open(STDERR_FILENO, LOG_JSON, LOG_ERROR + 1);
    f = fopen(temp_path("aliases"), "w");
    assert_non_null(f);
    fputs("team: alice, bob, carol@far.example, team\n", f);
    assert_int_equal(fclose(f), 0);
    snprintf(text, sizeof(text), conf_text, temp_dir, temp_dir, warning);
    t.config = config_load_text("test", span_cstr(text), &problems);
    if (t.config == NULL)
        fail_msg("%s", problems.n != 0 ? problems.items[0].text : "no configuration");
    config_problems_finish(&problems);
    clock_set(1000, START_WALL_MS);
    open_queue();
    return 0;
}

static inline int setup(void **state)
{
    return setup_with(state, "0s");
}

static inline int setup_warning(void **state)
{
    return setup_with(state, "4h");
}

static inline int teardown(void **state)
{
    memset(&wish, 0, sizeof(wish));
    close_queue();
    config_free(t.config);
    clock_unset();
    return temp_teardown(state);
}

/* ---- what the test says to the queue ---- */

static const span body = SPAN_INIT("Subject: x\r\n\r\nhello\r\n");

static inline span envelope(uint64_t id, span sender, const char *const *to, size_t n)
{
    static char block[4096], packed[8192];
    struct buf rb = BUF_OVER(block), b = BUF_OVER(packed);

    for (size_t i = 0; i < n; i++)
        envelope_put_rcpt(&rb, &(struct envelope_rcpt){.address = span_cstr(to[i]),
                                                       .notify = wish.notify,
                                                       .orcpt = wish.orcpt});
    envelope_put(&b, &(struct envelope){.id = id,
                                        .received_ms = clock_wall_ms(),
                                        .flags = wish.flags,
                                        .sender = sender,
                                        .envid = wish.envid,
                                        .rcpt_count = (uint32_t)n,
                                        .rcpts = buf_span(&rb)});
    return buf_span(&b);
}

static inline void put_from(uint64_t id, span sender, const char *to)
{
    char memory[10000];
    struct buf b = BUF_OVER(memory);

    put_put(&b, envelope(id, sender, &to, 1), body);
    assert_int_equal(chan_send(&t.smtpd.chan, QUEUE_PUT, (uint32_t)id, buf_span(&b), SPAN_NONE, -1),
                     ERR_OK);
    run();
}

static inline void put(uint64_t id, const char *to)
{
    put_from(id, SPAN("bob@sender.example"), to);
    assert_int_equal(t.smtpd.tag, id);
    assert_int_equal(t.smtpd.status, PUT_OK);
}

/* The same verdict for every recipient of the last job. */
static inline void answer(struct peer *p, enum job_verdict verdict, unsigned flags)
{
    char block[4096], memory[8192];
    struct buf list = BUF_OVER(block), b = BUF_OVER(memory);
    struct unpack u = unpack_over(p->job.rcpts);
    struct job_rcpt r;

    while (job_next_rcpt(&u, &r))
        job_put_outcome(&list, &(struct job_outcome){
                                   .index = r.index,
                                   .verdict = verdict,
                                   .code = verdict == JOB_FAILED ? 550 : 450,
                                   .status = verdict == JOB_FAILED ? SPAN("5.1.1") : SPAN("4.2.0"),
                                   .mta = SPAN("mx.far.example"),
                                   .reply = SPAN("the reply")});
    job_result_put(&b, &(struct job_result){p->job.id, flags, p->job.rcpt_count, buf_span(&list)});
    assert_int_equal(chan_send(&p->chan, QUEUE_JOB_RESULT, p->tag, buf_span(&b), SPAN_NONE, -1),
                     ERR_OK);
    run();
}

static inline uint64_t stored(void)
{
    return temp_count(t.q.store);
}

static inline struct record_rcpt first_rcpt(uint64_t id)
{
    span packed;
    struct record r;
    struct record_rcpt rcpt;
    struct unpack u;

    assert_int_equal(store_get(t.q.store, id, &packed), ERR_OK);
    assert_int_equal(record_get(packed, &r), ERR_OK);
    u = unpack_over(r.rcpts);
    assert_true(record_next_rcpt(&u, &rcpt));
    return rcpt;
}

static inline struct ctl_reply order(enum ctl_op op, uint64_t id)
{
    static char memory[1u << 16];
    struct buf out = BUF_OVER(memory);
    struct ctl_reply reply;

    queue_ctl(&t.q, &(struct ctl_request){.op = op, .id = id}, &out);
    assert_true(ctl_reply_get(buf_span(&out), &reply));
    run();
    return reply;
}

static inline bool body_has(const struct peer *p, span text)
{
    return span_search(p->job.body, text) < p->job.body.n;
}

#endif
