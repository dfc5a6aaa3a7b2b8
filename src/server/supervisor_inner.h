/* SPDX-License-Identifier: ISC */
/*
 * server/supervisor_inner.h - what the two files of the supervisor share.
 *
 *     supervisor.c        generations: configurations that come, are in force, drain and go
 *     supervisor_child.c  one process: its channels, its fork, how it ended, when it comes again
 *
 * Nobody else includes this; server/supervisor.h is what others see.
 */
#ifndef SERVER_SUPERVISOR_INNER_H
#define SERVER_SUPERVISOR_INNER_H

#include "net/loop.h"
#include "os/log.h"
#include "server/bind.h"
#include "server/proc_inner.h"
#include "server/supervisor.h"

struct child {
    struct generation *generation;
    unsigned kind;
    unsigned index;
    pid_t pid; /* 0: not running */
    bool ready;
    struct chan control;
    int64_t started_ms;
    int64_t backoff_ms; /* how long to wait when it dies next */
    struct loop_timer restart;
};

struct generation {
    struct generation *next;
    struct supervisor *supervisor;
    unsigned number;
    bool draining;
    bool announced; /* all of its children were ready once */
    struct supervisor_plan plan;
    struct bound bound;
    struct loop_timer kill;
    size_t child_count;
    struct child *children;
};

struct supervisor {
    const struct supervisor_conf *conf;
    struct loop *loop;
    struct generation *current;
    struct generation *all;
    unsigned last_number;
    bool stopping;
    bool announced;
    int status;
    int64_t started_ms;
    struct loop_hook flush;
    struct loop_timer poll;
};

static inline const struct proc_spec *supervisor_spec_of(const struct child *c)
{
    return &c->generation->plan.specs[c->kind];
}

/* A log line about a child. */
struct log_line supervisor_child_line(const struct child *c, enum log_event event,
                                      enum log_level level);

/* The children that the plan of a generation asks for; none of them runs yet. */
void supervisor_children_make(struct generation *g);
void supervisor_children_start(struct generation *g);

/* It ended with this wait status; its control channel is closed already. */
void supervisor_child_log_exit(struct child *c, int status);
/* The same, and it starts again: at once, then later and later while it keeps dying. */
void supervisor_child_replace(struct child *c, int status);

/* Called when a child says for the first time since its start that it serves (supervisor.c). */
void supervisor_child_ready(struct child *c);

#endif
