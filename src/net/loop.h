/* SPDX-License-Identifier: ISC */
/*
 * net/loop.h - one thread that waits for everything.
 *
 * A turn of the loop: wait, call back for what became ready or due, run what
 * was deferred, run the hooks of the turn's end (flush channels, flush the
 * log). Callbacks may add, change and remove anything, also the thing they were
 * called for. The structs live in the caller's memory and may not move while
 * in use; *_stop makes them free to go at once: after it no callback comes.
 *
 * libevent is behind this header and nowhere else (but see loop_event_base).
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include "base/base.h"

struct loop;
struct event_base;

enum loop_ready { LOOP_READ = 1u << 0, LOOP_WRITE = 1u << 1 };

#define LOOP_EVENT_BYTES 128 /* room for libevent's struct event */

union loop_event {
    void *align;
    int64_t align64;
    char room[LOOP_EVENT_BYTES];
};

/* ready: which of loop_ready happened (an error or hang-up counts as what was asked for). */
typedef void loop_io_fn(void *arg, unsigned ready);
typedef void loop_fn(void *arg);
typedef void loop_signal_fn(void *arg, int signal);

/* A descriptor to watch (borrowed: whoever opened it closes it, after loop_io_stop). */
struct loop_io {
    struct loop *loop;
    loop_io_fn *fn;
    void *arg;
    int fd;
    unsigned want;
    union loop_event read;
    union loop_event write;
};

struct loop_timer {
    struct loop *loop;
    loop_fn *fn;
    void *arg;
    bool on;
    union loop_event event;
};

/* Something to do later in this turn. */
struct loop_task {
    struct loop_task *next;
    struct loop_task **at; /* what points to it; NULL: not queued */
    loop_fn *fn;
    void *arg;
};

/* Something to do at the end of each turn, in the order they were added. */
struct loop_hook {
    struct loop_hook *next;
    loop_fn *fn;
    void *arg;
};

/* NULL when there is no memory or no descriptor. */
struct loop *loop_new(void);
/* NULL is allowed. All that was watched must have been stopped. */
void loop_free(struct loop *loop);

/* Run turns until loop_stop. */
void loop_run(struct loop *loop);
/* One turn; waits at most wait_ms (0: not at all, -1: for ever). For tests. */
void loop_turn(struct loop *loop, int64_t wait_ms);
/*
 * Before it sleeps, let the loop look around for LOOP_SPIN_NS when the sleep before was shorter
 * than that (as the kernel does before it halts a processor). Falling asleep and being woken by
 * another processor costs more than a peer in a quick dialogue needs to answer; a loop whose waits
 * are longer never spins, and one that was put off the processor meanwhile not for LOOP_CALM_NS.
 */
void loop_spin(struct loop *loop);

#define LOOP_SPIN_NS 50000     /* nanoseconds */
#define LOOP_CALM_NS 100000000 /* nanoseconds */

/* Let loop_run return after this turn. */
void loop_stop(struct loop *loop);
/*
 * For tests: from here on timers are due by os/clock, which clock_set holds and clock_advance
 * moves; those that have become due are called back in the next turn, the earliest first. Only
 * loop_turn's own wait goes by the machine's clock. Before any timer is set.
 */
void loop_use_clock(struct loop *loop);
/* When the next timer is due, under loop_use_clock; INT64_MAX: none is set. */
int64_t loop_next_due_ms(const struct loop *loop);

/* The monotonic clock as of this turn's beginning: good for deadlines, costs nothing. */
int64_t loop_now_ms(const struct loop *loop);

/*
 * Begin to watch fd. `want` is a set of loop_ready and may be 0.
 *
 * returns false when the kernel refuses (no memory, a descriptor that cannot be polled)
 */
MUSTUSE bool loop_io_start(struct loop *loop, struct loop_io *io, int fd, unsigned want);
/* Set io->fn and io->arg; do this before loop_io_start. */
static inline void loop_io_init(struct loop_io *io, loop_io_fn *fn, void *arg)
{
    *io = (struct loop_io){.fn = fn, .arg = arg, .fd = -1};
}
/* Change what to wait for; cheap when nothing changes. */
void loop_io_want(struct loop_io *io, unsigned want);
/* Stop watching; nothing when it was not started. */
void loop_io_stop(struct loop_io *io);

static inline void loop_timer_init(struct loop_timer *t, struct loop *loop, loop_fn *fn, void *arg)
{
    *t = (struct loop_timer){.loop = loop, .fn = fn, .arg = arg};
}
/* Call back once in ms (from now; 0: next turn), never before; set again it moves. */
void loop_timer_set(struct loop_timer *t, int64_t ms);
/*
 * The same for a duration that very many timers share (idle timeouts): constant cost instead of a
 * place in a heap. Up to LOOP_COMMON_MAX different durations, more are kept as ordinary ones.
 */
void loop_timer_set_common(struct loop_timer *t, int64_t ms);
/* Call back at a monotonic time; INT64_MAX stops the timer. */
void loop_timer_at(struct loop_timer *t, int64_t deadline_ms);
void loop_timer_stop(struct loop_timer *t);

#define LOOP_COMMON_MAX 32

static inline void loop_task_init(struct loop_task *t, loop_fn *fn, void *arg)
{
    *t = (struct loop_task){.fn = fn, .arg = arg};
}
/* Run the task later in this turn (from a hook: in the next, which then does not wait); once. */
void loop_defer(struct loop *loop, struct loop_task *t);
/* Run the task at the end of this turn, before the hooks; once. */
void loop_defer_end(struct loop *loop, struct loop_task *t);
/* Take it out again; nothing when it is not queued. */
void loop_task_cancel(struct loop *loop, struct loop_task *t);

/* Add a hook for ever (the life of the loop). */
void loop_add_hook(struct loop *loop, struct loop_hook *h, loop_fn *fn, void *arg);

/*
 * Receive signals as calls from the loop (signalfd: nothing runs in a handler).
 *
 * signals   list that ends with 0; they are blocked from here on, also in programs started
 * returns false when there is no descriptor left; once for a loop
 */
MUSTUSE bool loop_signals(struct loop *loop, const int *signals, loop_signal_fn *fn, void *arg);

/* For libunbound, which wants to sit on the same base. */
struct event_base *loop_event_base(struct loop *loop);

#endif
