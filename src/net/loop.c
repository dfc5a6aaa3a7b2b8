/* SPDX-License-Identifier: ISC */
#include "net/loop.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "os/clock.h"

_Static_assert(sizeof(struct event) <= LOOP_EVENT_BYTES, "union loop_event is too small");

/* Deferred tasks that defer again are run again, but other work must come, too. */
#define DEFER_ROUNDS 8

struct task_list {
    struct loop_task *first;
    struct loop_task **last;
};

struct common {
    int64_t ms;
    const struct timeval *tv;
};

/* What a timer's room holds under loop_use_clock: its place in a list sorted by time. */
struct clock_timer {
    struct loop_timer *next;
    int64_t due_ms;
};
_Static_assert(sizeof(struct clock_timer) <= LOOP_EVENT_BYTES, "union loop_event is too small");

struct loop {
    struct event_base *base;
    bool use_clock;
    bool spins;                /* loop_spin was called */
    bool eager;                /* the last wait was short: the next one probably is */
    int64_t calm_ns;           /* no spin before this: others want the processor */
    bool called;               /* a descriptor was ready */
    struct loop_timer *timers; /* under use_clock */
    struct task_list soon;
    struct task_list end;
    struct loop_task mark; /* ends what one round of tasks runs */
    struct loop_hook *hooks;
    bool stop;
    int64_t now_ms; /* 0: not read in this turn */
    size_t common_count;
    struct common common[LOOP_COMMON_MAX];
    struct loop_timer wait; /* bounds loop_turn */
    struct loop_io signals;
    loop_signal_fn *signal_fn;
    void *signal_arg;
};

static struct event *event_of(union loop_event *e)
{
    return (struct event *)(void *)e;
}

static void list_init(struct task_list *l)
{
    l->first = NULL;
    l->last = &l->first;
}

static void nothing(void *arg)
{
    (void)arg;
}

struct loop *loop_new(void)
{
    struct loop *loop = calloc(1, sizeof *loop);
    struct event_config *config = event_config_new();

    if (loop != NULL && config != NULL) {
        event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV);
        loop->base = event_base_new_with_config(config);
        list_init(&loop->soon);
        list_init(&loop->end);
        loop_timer_init(&loop->wait, loop, nothing, NULL);
        loop->signals.fd = -1;
    }
    if (config != NULL)
        event_config_free(config);
    if (loop != NULL && loop->base != NULL)
        return loop;
    free(loop);
    return NULL;
}

void loop_free(struct loop *loop)
{
    if (loop == NULL)
        return;
    if (loop->signals.fd >= 0) {
        int fd = loop->signals.fd;
        loop_io_stop(&loop->signals);
        close(fd);
    }
    event_base_free(loop->base);
    free(loop);
}

struct event_base *loop_event_base(struct loop *loop)
{
    return loop->base;
}

void loop_stop(struct loop *loop)
{
    loop->stop = true;
}

int64_t loop_now_ms(const struct loop *loop)
{
    return loop->now_ms != 0 ? loop->now_ms : clock_mono_ms();
}

/* Descriptors */

static void on_io(evutil_socket_t fd, short what, void *arg)
{
    struct loop_io *io = arg;

    (void)fd;
    if (io->loop->now_ms == 0)
        io->loop->now_ms = clock_mono_ms();
    io->loop->called = true;
    io->fn(io->arg, (what & EV_WRITE) != 0 ? LOOP_WRITE : LOOP_READ);
}

static bool io_change(union loop_event *e, bool was, bool is)
{
    if (was == is)
        return true;
    return (is ? event_add(event_of(e), NULL) : event_del(event_of(e))) == 0;
}

bool loop_io_start(struct loop *loop, struct loop_io *io, int fd, unsigned want)
{
    io->loop = loop;
    io->fd = fd;
    io->want = 0;
    event_assign(event_of(&io->read), loop->base, fd, EV_READ | EV_PERSIST, on_io, io);
    event_assign(event_of(&io->write), loop->base, fd, EV_WRITE | EV_PERSIST, on_io, io);
    if (!io_change(&io->read, false, (want & LOOP_READ) != 0) ||
        !io_change(&io->write, false, (want & LOOP_WRITE) != 0)) {
        event_del(event_of(&io->read));
        event_del(event_of(&io->write));
        io->loop = NULL;
        io->fd = -1;
        return false;
    }
    io->want = want;
    return true;
}

void loop_io_want(struct loop_io *io, unsigned want)
{
    if (io->loop == NULL || io->want == want)
        return;
    /* What the kernel accepted once it accepts again; a failure here is memory, and that a bug. */
    bool ok = io_change(&io->read, (io->want & LOOP_READ) != 0, (want & LOOP_READ) != 0) &&
              io_change(&io->write, (io->want & LOOP_WRITE) != 0, (want & LOOP_WRITE) != 0);
    BUG_IF(!ok, "a watched descriptor was closed");
    io->want = want;
}

void loop_io_stop(struct loop_io *io)
{
    if (io->loop == NULL)
        return;
    event_del(event_of(&io->read));
    event_del(event_of(&io->write));
    io->loop = NULL;
    io->fd = -1;
    io->want = 0;
}

/* Timers */

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct loop_timer *t = arg;

    (void)fd;
    (void)what;
    if (t->loop->now_ms == 0)
        t->loop->now_ms = clock_mono_ms();
    t->on = false;
    t->fn(t->arg);
}

/* Under loop_use_clock */

static struct clock_timer *clock_of(struct loop_timer *t)
{
    return (struct clock_timer *)(void *)&t->event;
}

static void clock_timer_add(struct loop_timer *t, int64_t due_ms)
{
    struct loop_timer **at = &t->loop->timers;

    while (*at != NULL && clock_of(*at)->due_ms <= due_ms)
        at = &clock_of(*at)->next;
    *clock_of(t) = (struct clock_timer){*at, due_ms};
    *at = t;
}

static void clock_timer_del(struct loop_timer *t)
{
    struct loop_timer **at = &t->loop->timers;

    while (*at != t)
        at = &clock_of(*at)->next;
    *at = clock_of(t)->next;
}

static void run_clock_timers(struct loop *loop)
{
    int64_t now_ms = clock_mono_ms();

    while (loop->timers != NULL && clock_of(loop->timers)->due_ms <= now_ms) {
        struct loop_timer *t = loop->timers;

        clock_timer_del(t);
        on_timer(-1, 0, t);
    }
}

void loop_use_clock(struct loop *loop)
{
    loop->use_clock = true;
}

int64_t loop_next_due_ms(const struct loop *loop)
{
    return loop->timers != NULL ? clock_of(loop->timers)->due_ms : INT64_MAX;
}

static bool by_clock(const struct loop_timer *t)
{
    return t->loop->use_clock && t != &t->loop->wait;
}

static void timer_add(struct loop_timer *t, const struct timeval *tv)
{
    loop_timer_stop(t);
    event_assign(event_of(&t->event), t->loop->base, -1, 0, on_timer, t);
    BUG_IF(event_add(event_of(&t->event), tv) != 0, "no memory for a timer");
    t->on = true;
}

/*
 * libevent reads the coarse clock, which lags behind by up to its resolution: without this much
 * more a timer could come before its time.
 */
static int64_t coarse_ms(void)
{
    static int64_t ms;
    struct timespec t = {0};

    if (ms == 0 && clock_getres(CLOCK_MONOTONIC_COARSE, &t) == 0)
        ms = 1 + t.tv_nsec / 1000000;
    return ms;
}

static struct timeval timeval_of(int64_t ms)
{
    ms = ms <= 0 ? 0 : ms + coarse_ms();
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
}

void loop_timer_set(struct loop_timer *t, int64_t ms)
{
    struct timeval tv = timeval_of(ms);

    if (!by_clock(t)) {
        timer_add(t, &tv);
        return;
    }
    loop_timer_stop(t);
    clock_timer_add(t, clock_mono_ms() + (ms < 0 ? 0 : ms));
    t->on = true;
}

/* The queue of all timers of this duration; NULL when there are too many durations. */
static const struct timeval *common_of(struct loop *loop, int64_t ms)
{
    for (size_t i = 0; i < loop->common_count; i++) {
        if (loop->common[i].ms == ms)
            return loop->common[i].tv;
    }
    if (loop->common_count == LOOP_COMMON_MAX)
        return NULL;
    struct timeval tv = timeval_of(ms);
    struct common c = {ms, event_base_init_common_timeout(loop->base, &tv)};
    if (c.tv != NULL)
        loop->common[loop->common_count++] = c;
    return c.tv;
}

void loop_timer_set_common(struct loop_timer *t, int64_t ms)
{
    const struct timeval *tv = by_clock(t) ? NULL : common_of(t->loop, ms);

    if (tv != NULL)
        timer_add(t, tv);
    else
        loop_timer_set(t, ms);
}

void loop_timer_at(struct loop_timer *t, int64_t deadline_ms)
{
    if (deadline_ms == INT64_MAX)
        loop_timer_stop(t);
    else
        loop_timer_set(t, deadline_ms - clock_mono_ms());
}

void loop_timer_stop(struct loop_timer *t)
{
    if (!t->on)
        return;
    if (by_clock(t))
        clock_timer_del(t);
    else
        event_del(event_of(&t->event));
    t->on = false;
}

/* Tasks */

static void task_add(struct task_list *l, struct loop_task *t)
{
    if (t->at != NULL)
        return;
    t->next = NULL;
    t->at = l->last;
    *l->last = t;
    l->last = &t->next;
}

void loop_defer(struct loop *loop, struct loop_task *t)
{
    task_add(&loop->soon, t);
}

void loop_defer_end(struct loop *loop, struct loop_task *t)
{
    task_add(&loop->end, t);
}

void loop_task_cancel(struct loop *loop, struct loop_task *t)
{
    if (t->at == NULL)
        return;
    *t->at = t->next;
    if (t->next != NULL)
        t->next->at = t->at;
    else if (loop->soon.last == &t->next)
        loop->soon.last = t->at;
    else if (loop->end.last == &t->next)
        loop->end.last = t->at;
    t->next = NULL;
    t->at = NULL;
}

/* Run what is in the list now; what is added meanwhile stays for the next call. */
static void run_tasks(struct loop *loop, struct task_list *l)
{
    struct loop_task *mark = &loop->mark;

    if (l->first == NULL)
        return;
    task_add(l, mark);
    while (l->first != mark) {
        struct loop_task *t = l->first;
        loop_task_cancel(loop, t);
        t->fn(t->arg);
    }
    loop_task_cancel(loop, mark);
}

void loop_add_hook(struct loop *loop, struct loop_hook *h, loop_fn *fn, void *arg)
{
    struct loop_hook **at = &loop->hooks;

    while (*at != NULL)
        at = &(*at)->next;
    *h = (struct loop_hook){NULL, fn, arg};
    *at = h;
}

static void run_deferred(struct loop *loop)
{
    for (unsigned i = 0; i < DEFER_ROUNDS && loop->soon.first != NULL; i++)
        run_tasks(loop, &loop->soon);
}

/* Turns */

void loop_spin(struct loop *loop)
{
    loop->spins = true;
}

static void poll_base(struct loop *loop, bool wait)
{
    event_base_loop(loop->base,
                    EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY | (wait ? 0 : EVLOOP_NONBLOCK));
}

/*
 * Look again and again for a moment; true when something came. A single look that takes as long as
 * a whole spin means that the processor was taken away: on a busy machine who spins loses his turn
 * to others, who sleeps gets it when he wakes.
 */
static bool spin(struct loop *loop)
{
    int64_t began_ns = clock_mono_ns(), now_ns = began_ns, looked_ns;

    loop->called = false;
    do {
        looked_ns = now_ns;
        poll_base(loop, false);
        now_ns = clock_mono_ns();
    } while (!loop->called && now_ns - began_ns < LOOP_SPIN_NS);
    if (!loop->called && now_ns - looked_ns >= LOOP_SPIN_NS)
        loop->calm_ns = now_ns + LOOP_CALM_NS;
    loop->eager = loop->called;
    return loop->called;
}

/* Wait for something to do. A wait shorter than a spin makes the next one begin with a spin. */
static void wait_base(struct loop *loop)
{
    int64_t began_ns;

    if (!loop->spins) {
        poll_base(loop, true);
        return;
    }
    began_ns = clock_mono_ns();
    if (loop->eager && began_ns >= loop->calm_ns && spin(loop))
        return;
    began_ns = clock_mono_ns();
    poll_base(loop, true);
    loop->eager = clock_mono_ns() - began_ns < LOOP_SPIN_NS;
}

void loop_turn(struct loop *loop, int64_t wait_ms)
{
    bool busy = loop->soon.first != NULL || loop->end.first != NULL || wait_ms == 0;

    loop->now_ms = 0;
    if (wait_ms > 0 && !busy)
        loop_timer_set(&loop->wait, wait_ms);
    if (busy)
        poll_base(loop, false);
    else
        wait_base(loop);
    loop_timer_stop(&loop->wait);
    loop->now_ms = clock_mono_ms();
    run_clock_timers(loop);
    run_deferred(loop);
    run_tasks(loop, &loop->end);
    for (struct loop_hook *h = loop->hooks; h != NULL; h = h->next)
        h->fn(h->arg);
}

void loop_run(struct loop *loop)
{
    loop->stop = false;
    while (!loop->stop)
        loop_turn(loop, -1);
}

/* Signals */

static void on_signals(void *arg, unsigned ready)
{
    struct loop *loop = arg;
    struct signalfd_siginfo info;

    (void)ready;
    while (loop->signals.fd >= 0 && read(loop->signals.fd, &info, sizeof info) == sizeof info)
        loop->signal_fn(loop->signal_arg, (int)info.ssi_signo);
}

bool loop_signals(struct loop *loop, const int *signals, loop_signal_fn *fn, void *arg)
{
    sigset_t set;

    BUG_IF(loop->signals.fd >= 0, "a loop takes signals once");
    sigemptyset(&set);
    for (; *signals != 0; signals++)
        sigaddset(&set, *signals);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return false;
    loop->signal_fn = fn;
    loop->signal_arg = arg;
    loop_io_init(&loop->signals, on_signals, loop);
    if (loop_io_start(loop, &loop->signals, fd, LOOP_READ))
        return true;
    close(fd);
    return false;
}
