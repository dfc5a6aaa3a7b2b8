/* SPDX-License-Identifier: ISC */
/*
 * The queue process: its life and its turns.
 *
 * Frames that came in one turn of the loop make one batch; at the turn's end it is committed,
 * answered, and what follows is sent. While a commit waits for the disk more frames arrive: they
 * are the next batch. So nothing ever waits for a timer, and the busier it is the larger the
 * batches are.
 *
 * On a reload the new process starts while the old one still has the store; it tries until the
 * old one has let go, and reads nothing meanwhile.
 */
#include "server/queue.h"

#include <fcntl.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/log.h"
#include "server/context.h"
#include "server/queue_ledger.h"
#include "server/queue_link.h"

#define OPEN_AGAIN_MS  20
#define RETRY_MS       1000
#define SWEEP_MS       60000
#define DUE_PAUSE_MS   50   /* between two walks along what is due */
#define FAILURES_MAX   10   /* failed commits in a row before the process starts anew */
#define RELOAD_WAIT_MS 5000 /* for deliveries under way */
#define DRAIN_SPARE_MS 1000
#define PATH_BYTES     4096

/* ---- commits ---- */

void queue_wake(struct queue *q)
{
    if (q->loop == NULL || q->commit_listed)
        return;
    q->commit_listed = true;
    loop_defer_end(q->loop, &q->commit_task);
}

static void commit_failed(struct queue *q, enum err e)
{
    struct log_line l;

    queue_link_answer_all(q, e == ERR_NOSPACE ? PUT_FULL : PUT_FAILED, span_cstr(err_text(e)));
    q->fresh_n = 0;
    if (q->loop == NULL)
        return;
    l = log_begin(e == ERR_NOSPACE ? LOG_QUEUE_FULL : LOG_STORE_FAILED, LOG_ERROR);
    log_cstr(&l, KEY_ERROR, err_text(e));
    log_end(&l);
    /* A store that fails on is opened anew, by the process that takes this one's place. */
    if (++q->commit_failures >= FAILURES_MAX && e != ERR_NOSPACE)
        proc_done(q->proc, PROC_EXIT_FAILED);
    loop_timer_set(&q->retry_timer, RETRY_MS);
}

enum err queue_flush(struct queue *q)
{
    enum err e = queue_commit(q);

    if (e == ERR_OK) {
        q->commit_failures = 0;
        queue_link_answer_all(q, PUT_OK, SPAN_NONE);
        /* The answers first: what follows may take its time. */
        queue_links_flush(q);
        queue_settle(q);
    } else {
        commit_failed(q, e);
    }
    store_release(q->store);
    return e;
}

/* ---- what is due ---- */

static void due_arm(struct queue *q)
{
    int64_t wait;

    if (q->quiet || q->store == NULL)
        return;
    if (q->behind && q->msg_count < QUEUE_ACTIVE_MAX / 4 * 3)
        q->wake_q = 0;
    if (q->wake_q == RECORD_NEVER) {
        loop_timer_stop(&q->due_timer);
        return;
    }
    wait = q->wake_q - store_now_q(q->store);
    loop_timer_set(&q->due_timer, wait < DUE_PAUSE_MS ? DUE_PAUSE_MS : wait);
}

/* The walk came to its end: when must the next begin? */
static void due_end(struct queue *q, int64_t now_q)
{
    struct store_due at = {now_q, UINT64_MAX};
    struct store_due next;
    size_t n = 0;

    if (store_due_next(q->store, &at, INT64_MAX, 1, &next, &n) == ERR_OK && n == 1)
        q->wake_q = min_i64(q->wake_q, next.due_q);
    q->due_at = (struct store_due){INT64_MIN, 0};
}

/* Load some of what is due. Each message is looked at once in a walk. */
static void on_due(void *arg)
{
    static struct store_due due[QUEUE_DUE_STEP];
    struct queue *q = arg;
    int64_t now_q = store_now_q(q->store);
    size_t n = 0;
    bool room = true;

    if (q->quiet)
        return;
    if (q->due_at.due_q == INT64_MIN) {
        q->behind = false;
        q->wake_q = RECORD_NEVER;
    }
    if (store_due_next(q->store, &q->due_at, now_q, QUEUE_DUE_STEP, due, &n) != ERR_OK)
        n = 0;
    for (size_t i = 0; i < n && room; i++)
        room = queue_activate_id(q, due[i].id) != ERR_LIMIT;
    store_release(q->store);
    if (n < QUEUE_DUE_STEP || !room)
        due_end(q, now_q);
    else
        q->wake_q = 0;
    queue_wake(q);
}

/* Age does not wait for a try: what stands in line too long is given up too. */
static void sweep_one(struct queue *q, struct queue_msg *m, int64_t now_q)
{
    bool old = false;

    for (uint32_t i = 0; i < m->head.rcpt_count; i++)
        old |= m->rcpts[i].r.state == RECORD_WAITING &&
               schedule_expired(m->head.expires_q, m->rcpts[i].r.attempts, now_q);
    if (!old)
        return;
    queue_call_off(q, m);
    queue_activate(q, m);
}

static void on_sweep(void *arg)
{
    struct queue *q = arg;
    int64_t now_q = store_now_q(q->store);

    for (size_t i = 0; i < QUEUE_SLOTS && !q->quiet; i++)
        for (struct queue_msg *m = q->msgs[i]; m != NULL; m = m->next)
            sweep_one(q, m, now_q);
    queue_dests_tidy(q);
    loop_timer_set(&q->sweep_timer, SWEEP_MS);
    queue_wake(q);
}

/* ---- the end of a turn ---- */

static void check_drained(struct queue *q)
{
    if (q->draining && q->job_count == 0 && q->answer_n == 0 && !queue_links_busy(q) &&
        q->dirty == NULL && !q->batch) {
        queue_links_flush(q);
        queue_ledger_flush(q);
        proc_done(q->proc, PROC_EXIT_OK);
    }
}

static void on_turn_end(void *arg)
{
    struct queue *q = arg;

    q->commit_listed = false;
    if (q->store == NULL) {
        if (q->draining)
            proc_done(q->proc, PROC_EXIT_OK);
        return;
    }
    if (q->commit_failures == 0 || q->batch)
        (void)!queue_flush(q);
    queue_dispatch(q);
    store_release(q->store);
    queue_links_flush(q);
    if (q->dirty != NULL && q->commit_failures == 0)
        queue_wake(q);
    due_arm(q);
    check_drained(q);
}

static void on_retry(void *arg)
{
    struct queue *q = arg;

    (void)!queue_flush(q);
    queue_wake(q);
}

/* ---- opening ---- */

static bool begin_service(struct queue *q)
{
    struct store_report r;
    struct diag d = {0};
    struct log_line l;

    if (store_recover(q->store, &r, &d) != ERR_OK) {
        l = log_begin(LOG_STORE_FAILED, LOG_ERROR);
        log_diag(&l, &d);
        log_end(&l);
        return false;
    }
    l = log_begin(LOG_STORE_OPEN, LOG_INFO);
    log_num(&l, KEY_MESSAGES, (int64_t)r.messages);
    log_end(&l);
    if (r.corrupt + r.body_missing + r.newer != 0) {
        l = log_begin(LOG_QUEUE_CORRUPT, LOG_ERROR);
        log_num(&l, KEY_COUNT, (int64_t)(r.corrupt + r.body_missing));
        log_cstr(&l, KEY_TEXT, "messages could not be read and were moved aside");
        log_end(&l);
    }
    q->due_at = (struct store_due){INT64_MIN, 0};
    q->wake_q = 0;
    q->quiet = q->draining;
    queue_links_hold(q, false);
    listener_hold(&q->control, false);
    loop_timer_set(&q->due_timer, 0);
    loop_timer_set(&q->sweep_timer, SWEEP_MS);
    queue_wake(q);
    return true;
}

bool queue_open(struct queue *q)
{
    char path[PATH_BYTES];
    struct buf b = BUF_OVER(path);
    struct diag d = {0};
    struct log_line l;
    enum err e;

    buf_printf(&b, "%.*s/queue", SPAN_ARG(q->config->data_dir));
    if (buf_cstr(&b) == NULL)
        return false;
    e = store_open(path, STORE_CREATE, &q->store, &d);
    if (e == ERR_OK)
        return begin_service(q);
    if (e == ERR_BUSY) {
        loop_timer_set(&q->open_timer, OPEN_AGAIN_MS);
        return true;
    }
    l = log_begin(LOG_STORE_FAILED, LOG_ERROR);
    log_diag(&l, &d);
    log_end(&l);
    return false;
}

static void on_open_again(void *arg)
{
    struct queue *q = arg;

    if (!queue_open(q))
        proc_done(q->proc, PROC_EXIT_FAILED);
}

/* ---- the process ---- */

static void on_control(void *arg, int fd, const struct net_addr *client)
{
    (void)client;
    queue_link_add(arg, QUEUE_LINK_CONTROL, fd);
}

static void on_peer(struct proc *p, unsigned kind, unsigned index, int fd)
{
    static const enum queue_link_kind kinds[PROC_KIND_COUNT] = {
        [PROC_SMTPD] = QUEUE_LINK_SMTPD,
        [PROC_RELAY] = QUEUE_LINK_RELAY,
        [PROC_DELIVER] = QUEUE_LINK_DELIVER,
        [PROC_GUARD] = QUEUE_LINK_GUARD,
    };

    (void)index;
    if (kind == PROC_SMTPD || kind == PROC_RELAY || kind == PROC_DELIVER || kind == PROC_GUARD)
        queue_link_add(p->self, kinds[kind], fd);
    else
        (void)close(fd);
}

static void on_drain_end(void *arg)
{
    struct queue *q = arg;

    (void)!queue_flush(q);
    queue_ledger_flush(q);
    proc_done(q->proc, PROC_EXIT_OK);
}

static void on_drain(struct proc *p, bool reload, int64_t deadline_ms)
{
    struct queue *q = p->self;
    int64_t left = deadline_ms - clock_mono_ms() - DRAIN_SPARE_MS;

    q->draining = true;
    q->replaced = reload;
    q->quiet = true;
    listener_stop(&q->control);
    if (reload)
        left = min_i64(left, RELOAD_WAIT_MS);
    loop_timer_set(&q->drain_timer, left > 0 ? left : 0);
    queue_wake(q);
}

void queue_attach(struct queue *q, struct loop *loop)
{
    q->loop = loop;
    loop_task_init(&q->commit_task, on_turn_end, q);
    loop_timer_init(&q->open_timer, q->loop, on_open_again, q);
    loop_timer_init(&q->due_timer, q->loop, on_due, q);
    loop_timer_init(&q->sweep_timer, q->loop, on_sweep, q);
    loop_timer_init(&q->retry_timer, q->loop, on_retry, q);
    loop_timer_init(&q->drain_timer, q->loop, on_drain_end, q);
    queue_named_attach(q);
}

/* The directory of the store, which is all that the sandbox leaves. */
static int open_dir(const struct config *c)
{
    char path[PATH_BYTES];
    struct buf b = BUF_OVER(path);

    buf_printf(&b, "%.*s/queue", SPAN_ARG(c->data_dir));
    return buf_cstr(&b) != NULL ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
}

int queue_run(struct proc *p)
{
    static struct queue q;
    const struct context *context = p->config;
    struct sandbox_grant grants[] = {
        {.kind = SANDBOX_WRITE, .fd = open_dir(context->config)},
        {.kind = SANDBOX_WRITE, .fd = -1},
    };

    queue_init(&q, context->config);
    q.proc = p;
    queue_attach(&q, p->loop);
    p->self = &q;
    p->on_peer = on_peer;
    p->on_drain = on_drain;
    grants[1].fd = queue_ledger_prepare(&q);
    if (grants[0].fd < 0 || !proc_enter(p, grants, grants[1].fd < 0 ? 1 : 2))
        return PROC_EXIT_FAILED;
    (void)close(grants[0].fd);
    queue_ledger_open(&q);
    for (size_t i = 0; i < p->listener_count; i++) {
        if (p->listeners[i].kind != PROC_QUEUE)
            continue;
        if (!listener_start(&q.control, q.loop, p->listeners[i].fd, on_control, &q))
            return PROC_EXIT_FAILED;
        listener_hold(&q.control, true);
    }
    if (!queue_open(&q))
        return PROC_EXIT_FAILED;
    return proc_run(p);
}
