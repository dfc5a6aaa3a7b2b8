/* SPDX-License-Identifier: ISC */
#include "server/proc_inner.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/pack.h"
#include "os/heap.h"
#include "os/log.h"
#include "os/title.h"

#define KEEP_MAX (4 + PROC_LISTENERS_MAX + PROC_KINDS_MAX * PROC_COUNT_MAX)

struct proc_inner {
    struct proc *proc;
    const struct proc_start *start;
    struct chan control;
    struct loop_task hand_over;
    struct loop_hook flush;
    int status;
};

static void on_log_flush(void *arg)
{
    (void)arg;
    log_flush();
}

/* Descriptors */

static int compare_ints(const void *a, const void *b)
{
    int x = *(const int *)a;
    int y = *(const int *)b;
    return (x > y) - (x < y);
}

/* Close everything that is not this child's: the others' channels, the supervisor's loop. */
static void close_others(const struct proc_start *s)
{
    static int keep[KEEP_MAX];
    size_t n = 0;
    unsigned next = STDERR_FILENO + 1;

    keep[n++] = log_fd();
    keep[n++] = s->control;
    for (size_t i = 0; i < s->listener_count; i++) {
        if (s->listeners[i].kind == s->kind)
            keep[n++] = s->listeners[i].fd;
    }
    for (size_t i = 0; i < s->link_count; i++)
        keep[n++] = s->links[i].fd;
    qsort(keep, n, sizeof keep[0], compare_ints);
    for (size_t i = 0; i < n; i++) {
        if (keep[i] < (int)next)
            continue;
        if (keep[i] > (int)next)
            (void)close_range(next, (unsigned)keep[i] - 1, 0);
        next = (unsigned)keep[i] + 1;
    }
    (void)close_range(next, ~0u, 0);
}

/* Signals are for the supervisor: a terminal or systemd sends them to the children as well. */
static void set_signals(void)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGUSR1, SIGUSR2};
    sigset_t none;

    for (size_t i = 0; i < COUNT(ignored); i++)
        signal(ignored[i], SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Die with the supervisor; becoming another user clears this, so it is set twice. */
static void die_with(pid_t supervisor)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != supervisor)
        _exit(PROC_EXIT_FAILED);
}

static void set_title(const struct proc_start *s)
{
    char line[64];
    char name[16];
    struct buf b = BUF_OVER(line);

    buf_printf(&b, "herald: %s %u", s->specs[s->kind].name, s->index);
    const char *whole = buf_cstr(&b);
    b = BUF_OVER(name);
    buf_put(&b, span_head(SPAN("herald-"), sizeof name - 1));
    buf_put(&b, span_head(span_cstr(s->specs[s->kind].name), sizeof name - 1 - b.n));
    title_set(whole != NULL ? whole : "herald", buf_cstr(&b));
}

NORETURN static void fail(const struct diag *d)
{
    struct log_line l = log_begin(LOG_PROCESS_EXIT, LOG_ERROR);
    log_diag(&l, d);
    log_end(&l);
    _exit(PROC_EXIT_FAILED);
}

/* The control channel */

static void start_drain(struct proc_inner *in, bool reload, int64_t deadline_ms)
{
    struct proc *p = in->proc;

    if (p->on_drain != NULL)
        p->on_drain(p, reload, deadline_ms);
    else
        proc_done(p, PROC_EXIT_OK);
    for (size_t i = 0; i < p->listener_count; i++) {
        close(p->listeners[i].fd);
        p->listeners[i].fd = -1;
    }
    p->listener_count = 0;
}

static void on_peer_frame(struct proc_inner *in, struct chan_frame *f)
{
    struct unpack u = unpack_over(f->body);
    unsigned kind = unpack_u8(&u);
    unsigned index = unpack_u8(&u);

    if (!unpack_done(&u) || f->fd < 0 || in->proc->on_peer == NULL)
        return;
    int fd = f->fd;
    f->fd = -1;
    in->proc->on_peer(in->proc, kind, index, fd);
}

static void on_control(void *arg, struct chan *c, struct chan_frame *f)
{
    struct proc_inner *in = arg;
    struct unpack u = unpack_over(f->body);

    (void)c;
    if (f->type == CONTROL_PEER) {
        on_peer_frame(in, f);
        return;
    }
    bool reload = unpack_u8(&u) != 0;
    int64_t deadline_ms = unpack_i64(&u);
    start_drain(in, reload, deadline_ms);
}

/* The supervisor is gone, and without it nothing is restarted, drained or reloaded. */
static void on_control_closed(void *arg, struct chan *c, enum chan_end why)
{
    (void)arg;
    (void)c;
    (void)why;
    log_flush();
    _exit(PROC_EXIT_FAILED);
}

static enum err open_control(struct proc_inner *in)
{
    static const struct chan_type types[CONTROL_COUNT] = {
        [CONTROL_PEER] = {"peer", CONTROL_BODY_MAX, true},
        [CONTROL_DRAIN] = {"drain", CONTROL_BODY_MAX, false},
    };
    const struct chan_conf conf = {
        .name = "supervisor",
        .types = types,
        .type_count = COUNT(types),
        .on_frame = on_control,
        .on_closed = on_control_closed,
        .arg = in,
    };

    return chan_open(&in->control, in->proc->loop, in->start->control, &conf);
}

/* Peers that were there before this process come through on_peer like all later ones. */
static void hand_over(void *arg)
{
    struct proc_inner *in = arg;
    const struct proc_start *s = in->start;

    for (size_t i = 0; i < s->link_count; i++) {
        if (in->proc->on_peer != NULL)
            in->proc->on_peer(in->proc, s->links[i].kind, s->links[i].index, s->links[i].fd);
        else
            close(s->links[i].fd);
    }
}

bool proc_enter(struct proc *p, const struct sandbox_grant *grants, size_t grant_count)
{
    const struct sandbox_row *row = p->specs[p->kind].sandbox;
    struct diag d = {0};

    if (row != NULL && sandbox_enter(row, grants, grant_count, &d) != ERR_OK) {
        struct log_line l = log_begin(LOG_PROCESS_EXIT, LOG_ERROR);
        log_cstr(&l, KEY_PROCESS, p->specs[p->kind].name);
        log_diag(&l, &d);
        log_end(&l);
        return false;
    }
    loop_defer(p->loop, &p->inner->hand_over);
    return chan_send(&p->inner->control, CONTROL_READY, 0, SPAN_NONE, SPAN_NONE, -1) == ERR_OK;
}

int proc_run(struct proc *p)
{
    loop_run(p->loop);
    return p->inner->status;
}

void proc_done(struct proc *p, int status)
{
    p->inner->status = status;
    loop_stop(p->loop);
}

/* The listeners of this kind, moved to the front of a list of its own. */
static void take_listeners(struct proc *p, const struct proc_start *s)
{
    p->listeners = x_alloc(s->listener_count * sizeof *p->listeners);
    for (size_t i = 0; i < s->listener_count; i++) {
        if (s->listeners[i].kind == s->kind)
            p->listeners[p->listener_count++] = s->listeners[i];
    }
}

void proc_child(const struct proc_start *s)
{
    static struct proc p;
    static struct proc_inner in;
    struct diag d = {0};

    die_with(s->supervisor);
    set_signals();
    close_others(s);
    set_title(s);
    if (!s->specs[s->kind].keep_user && user_drop(&s->user, &d) != ERR_OK)
        fail(&d);
    die_with(s->supervisor);
    p = (struct proc){.kind = s->kind,
                      .index = s->index,
                      .count = s->specs[s->kind].count,
                      .generation = s->generation,
                      .loop = loop_new(),
                      .config = s->config,
                      .specs = s->specs,
                      .inner = &in};
    in = (struct proc_inner){.proc = &p, .start = s};
    take_listeners(&p, s);
    loop_task_init(&in.hand_over, hand_over, &in);
    if (p.loop == NULL || open_control(&in) != ERR_OK) {
        diag_set(&d, ERR_NOMEM, errno, "no event loop for a new process");
        fail(&d);
    }
    loop_add_hook(p.loop, &in.flush, on_log_flush, NULL);
    int status = s->specs[s->kind].run(&p);
    chan_flush(&in.control);
    log_flush();
    _exit(status);
}
