/* SPDX-License-Identifier: ISC */
/*
 * server/proc.h - what a child process of the server is given, and what it owes.
 *
 *     int relay_run(struct proc *p)
 *     {
 *         ... open what needs to be opened (as the service user already) ...
 *         p->on_peer = relay_on_peer; p->on_drain = relay_on_drain; p->self = &relay;
 *         if (!proc_enter(p, grants, COUNT(grants)))     // sandbox, then "ready"
 *             return PROC_EXIT_FAILED;
 *         return proc_run(p);                            // until proc_done(p, status)
 *     }
 *
 * The supervisor forks without exec, so a child has all of its memory as of
 * that moment, the configuration among it. It keeps standard error, its control
 * channel, its listeners and one channel to each peer; every other descriptor is
 * closed before run is called. Peers that die are started again and come as a new
 * descriptor through on_peer (the old channel ends by itself). A child ends when
 * the supervisor does.
 */
#ifndef SERVER_PROC_H
#define SERVER_PROC_H

#include "net/addr.h"
#include "net/chan.h"
#include "net/loop.h"
#include "os/sandbox.h"

#define PROC_KINDS_MAX     8
#define PROC_COUNT_MAX     64 /* children of a kind */
#define PROC_LISTENERS_MAX 64
/* Who drains ends its last connections, with a word where there is one, so long before its end. */
#define PROC_FAREWELL_MS 2000

/* The kinds of herald's own processes; tests have their own tables. */
enum proc_kind {
    PROC_SMTPD,
    PROC_RESOLVER,
    PROC_AUTH,
    PROC_QUEUE,
    PROC_RELAY,
    PROC_DELIVER,
    PROC_GUARD,
    PROC_KIND_COUNT
};

/* Exit statuses of children. PROC_EXIT_CONF before the server is ready ends the server. */
enum { PROC_EXIT_OK = 0, PROC_EXIT_FAILED = 70, PROC_EXIT_CONF = 78 };

struct proc;

/* One row a kind; the row's index is the kind. */
struct proc_spec {
    const char *name;                  /* "smtpd"; the process is called "herald-smtpd" */
    unsigned count;                    /* 1 to PROC_COUNT_MAX; 0: none of it */
    int (*run)(struct proc *p);        /* returns the exit status */
    unsigned peers;                    /* 1u << kind for each kind that it asks (smtpd -> queue) */
    bool keep_user;                    /* true: stays what the supervisor is */
    const struct sandbox_row *sandbox; /* NULL: none (tests) */
    bool lingers; /* may go on for long after a reload: gets the new generation's peers then */
};

/* A bound socket for the children of one kind. `name` and `config` are the plan's. */
struct proc_listener {
    const char *name; /* from the configuration; lives as long as that */
    int fd;
    unsigned kind;
    struct net_addr at;
    const void *config; /* what the configuration says of it; opaque here */
};

/*
 * A channel to a process of this kind is at fd (taken); also after a restart of that one. This can
 * come before the end of the old channel was seen: close that one, what was asked there is lost.
 */
typedef void proc_peer_fn(struct proc *p, unsigned kind, unsigned index, int fd);

/*
 * Finish what is under way, begin nothing new, then call proc_done. After deadline_ms (monotonic)
 * the process is killed.
 *
 * reload: others have taken over; sessions may go on in their own time, and what this process asks
 * of others it asks of the new ones, whose channels come through on_peer. May be followed by a
 * second call with reload false and a nearer deadline.
 */
typedef void proc_drain_fn(struct proc *p, bool reload, int64_t deadline_ms);

struct proc {
    unsigned kind;
    unsigned index;      /* which of its kind, from 0 */
    unsigned count;      /* how many of its kind there are */
    unsigned generation; /* of the configuration, from 1 */
    struct loop *loop;
    const void *config;
    const struct proc_spec *specs;
    struct proc_listener *listeners; /* this kind's; descriptors are the process's own */
    size_t listener_count;

    proc_peer_fn *on_peer;   /* set by run before proc_enter */
    proc_drain_fn *on_drain; /* NULL: ends at once */
    void *self;              /* for run's use */

    struct proc_inner *inner; /* proc.c's own */
};

/*
 * Enter the sandbox, take the peers (on_peer is called for each, from the loop) and tell the
 * supervisor that this process is ready.
 */
MUSTUSE bool proc_enter(struct proc *p, const struct sandbox_grant *grants, size_t grant_count);

/* Run the loop until proc_done; returns its status. */
int proc_run(struct proc *p);

/* Let proc_run return after this turn. */
void proc_done(struct proc *p, int status);

static inline bool proc_has_peer(const struct proc_spec *s, unsigned kind)
{
    return (s->peers & 1u << kind) != 0;
}

#endif
