/* SPDX-License-Identifier: ISC */
/*
 * server/proc_inner.h - what the supervisor and proc.c share: how a child is made, and the control
 * channel between the two. Nobody else includes this.
 */
#ifndef SERVER_PROC_INNER_H
#define SERVER_PROC_INNER_H

#include "os/user.h"
#include "server/proc.h"

/*
 * READY  child to supervisor: it runs
 * PEER   supervisor to child: u8 kind, u8 index, and the descriptor of a channel to that process
 * DRAIN  supervisor to child: u8 reload, i64 deadline on the monotonic clock
 */
enum control_frame { CONTROL_READY = 1, CONTROL_PEER = 2, CONTROL_DRAIN = 3, CONTROL_COUNT };

#define CONTROL_BODY_MAX 16

struct proc_link {
    unsigned kind;
    unsigned index;
    int fd;
};

struct proc_start {
    const struct proc_spec *specs;
    unsigned kind;
    unsigned index;
    unsigned generation;
    const void *config;
    const struct proc_listener *listeners; /* all kinds' */
    size_t listener_count;
    struct user user;
    pid_t supervisor;
    int control;
    const struct proc_link *links;
    size_t link_count;
};

/* Be the child: called right after fork; never returns. */
NORETURN void proc_child(const struct proc_start *start);

#endif
