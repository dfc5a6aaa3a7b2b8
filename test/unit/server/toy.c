/* SPDX-License-Identifier: ISC */
#include "toy.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/num.h"
#include "net/conn.h"
#include "net/listen.h"
#include "server/sandbox_table.h"

#define BACKS 2

enum { ASK = 1, TOLD = 2, FRAMES = 3 };

static const struct chan_type types[FRAMES] = {
    [ASK] = {"ask", 0, false},
    [TOLD] = {"told", 64, false},
};

static struct {
    struct proc *proc;
    struct listener listener;
    struct chan backs[BACKS];
    struct loop_timer slow;
    struct conn conn; /* one at a time is enough for a toy */
    bool busy;
    bool asking;
    bool draining;
} front;

static struct {
    struct proc *proc;
    struct chan front;
} back;

static void send_pid(struct chan *c, uint32_t tag)
{
    char text[32];
    struct buf b = BUF_OVER(text);
    buf_put_u64(&b, (uint64_t)getpid());
    if (chan_send(c, TOLD, tag, buf_span(&b), SPAN_NONE, -1) != ERR_OK)
        abort();
}

static void back_frame(void *arg, struct chan *c, struct chan_frame *f)
{
    (void)arg;
    send_pid(c, f->tag);
}

static void back_closed(void *arg, struct chan *c, enum chan_end why)
{
    (void)arg;
    (void)c;
    (void)why;
}

static void back_peer(struct proc *p, unsigned kind, unsigned index, int fd)
{
    const struct chan_conf conf = {"front",     types, FRAMES, back_frame,
                                   back_closed, NULL,  NULL,   false};
    (void)kind;
    (void)index;
    chan_close(&back.front);
    if (chan_open(&back.front, p->loop, fd, &conf) != ERR_OK)
        abort();
}

static int back_run(struct proc *p)
{
    back.proc = p;
    p->on_peer = back_peer;
    return proc_enter(p, NULL, 0) ? proc_run(p) : PROC_EXIT_FAILED;
}

static void finish_conn(span answer)
{
    size_t n = 0;
    if (!front.busy)
        return;
    if (conn_write(&front.conn, answer, &n) != ERR_OK)
        n = 0;
    conn_close(&front.conn);
    front.busy = false;
    front.asking = false;
    listener_hold(&front.listener, front.draining);
    if (front.draining)
        proc_done(front.proc, PROC_EXIT_OK);
}

static void front_told(void *arg, struct chan *c, struct chan_frame *f)
{
    (void)arg;
    (void)c;
    finish_conn(f->body);
}

/* What was asked there is lost. */
static void front_closed(void *arg, struct chan *c, enum chan_end why)
{
    (void)arg;
    (void)c;
    (void)why;
    if (front.asking)
        finish_conn(SPAN("nobody"));
}

static void front_peer(struct proc *p, unsigned kind, unsigned index, int fd)
{
    const struct chan_conf conf = {"back",       types, FRAMES, front_told,
                                   front_closed, NULL,  NULL,   false};
    if (kind != TOY_BACK || index >= BACKS)
        abort();
    if (chan_is_open(&front.backs[index]))
        front_closed(NULL, NULL, CHAN_PEER_GONE);
    chan_close(&front.backs[index]);
    if (chan_open(&front.backs[index], p->loop, fd, &conf) != ERR_OK)
        abort();
}

static void ask(span line)
{
    uint64_t index = 0;
    bool known = num_parse_u64(span_skip(line, 4), BACKS - 1, &index);
    struct chan *c = &front.backs[index];
    front.asking = true;
    if (!known || chan_send(c, ASK, 0, SPAN_NONE, SPAN_NONE, -1) != ERR_OK)
        finish_conn(SPAN("nobody"));
}

static void on_slow(void *arg)
{
    (void)arg;
    finish_conn(SPAN("ow"));
}

static void answer(span line)
{
    char text[32];
    struct buf b = BUF_OVER(text);
    if (span_starts(line, SPAN("ask"))) {
        ask(line);
        return;
    }
    if (span_eq(line, SPAN("slow"))) {
        size_t n = 0;
        if (conn_write(&front.conn, SPAN("sl"), &n) != ERR_OK || n != 2)
            abort();
        loop_timer_set(&front.slow, TOY_SLOW_MS);
        return;
    }
    if (span_eq(line, SPAN("open")) && open("/etc/passwd", O_RDONLY) >= 0)
        buf_put(&b, SPAN("opened"));
    if (span_eq(line, SPAN("pid")))
        buf_put_u64(&b, (uint64_t)getpid());
    if (span_eq(line, SPAN("uid")))
        buf_put_u64(&b, (uint64_t)geteuid());
    if (span_eq(line, SPAN("conf")))
        buf_put(&b, span_cstr(front.proc->config));
    finish_conn(buf_span(&b));
}

static void on_conn(void *arg, struct conn *c, enum conn_event ev, unsigned ready)
{
    char text[64];
    size_t n = 0;
    (void)arg;
    (void)ready;
    if (ev != CONN_READY || conn_read(c, text, sizeof text, &n) != ERR_OK)
        finish_conn(SPAN_NONE);
    else if (n != 0)
        answer(span_of(text, n));
}

static void on_accept(void *arg, int fd, const struct net_addr *client)
{
    (void)arg;
    (void)client;
    if (!conn_accept(&front.conn, front.proc->loop, fd, on_conn, NULL))
        return;
    front.busy = true;
    listener_hold(&front.listener, true);
    conn_want(&front.conn, LOOP_READ);
}

static void front_drain(struct proc *p, bool reload, int64_t deadline_ms)
{
    (void)reload;
    (void)deadline_ms;
    front.draining = true;
    listener_stop(&front.listener);
    if (!front.busy)
        proc_done(p, PROC_EXIT_OK);
}

static int front_run(struct proc *p)
{
    front.proc = p;
    p->on_peer = front_peer;
    p->on_drain = front_drain;
    loop_timer_init(&front.slow, p->loop, on_slow, NULL);
    if (p->listener_count != 1 ||
        !listener_start(&front.listener, p->loop, p->listeners[0].fd, on_accept, NULL))
        return PROC_EXIT_FAILED;
    return proc_enter(p, NULL, 0) ? proc_run(p) : PROC_EXIT_FAILED;
}

const struct proc_spec toy_specs[TOY_KINDS] = {
    [TOY_FRONT] = {"front", 1, front_run, 1u << TOY_BACK, false, &sandbox_table[PROC_SMTPD]},
    [TOY_BACK] = {"back", BACKS, back_run, 0, false, &sandbox_table[PROC_SMTPD]},
};
