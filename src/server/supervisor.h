/* SPDX-License-Identifier: ISC */
/*
 * server/supervisor.h - start the processes, watch them, start them again.
 *
 * The supervisor reads the configuration through a callback, binds the
 * listeners, joins the children with socketpairs and forks them. It parses
 * nothing from outside. SIGTERM and SIGINT: drain and end. SIGHUP: load anew;
 * a bad configuration changes nothing; with a good one a new generation of
 * children starts on the same listeners and the old one drains. A child that
 * dies is replaced: at once, then after 1 s, doubling to 30 s.
 */
#ifndef SERVER_SUPERVISOR_H
#define SERVER_SUPERVISOR_H

#include "os/user.h"
#include "server/proc.h"

#define SUPERVISOR_BACKOFF_FIRST_MS 1000
#define SUPERVISOR_BACKOFF_MAX_MS   30000
#define SUPERVISOR_STABLE_MS        10000 /* a child that lived this long begins anew at 0 */
#define SUPERVISOR_DRAIN_MS         30000
#define SUPERVISOR_POLL_MS          2000
#define SUPERVISOR_GENERATIONS      4 /* no more are made by themselves while so many drain */
#define SUPERVISOR_RELOAD_MS        (60 * 60 * 1000) /* for sessions that go on after a reload */

/* What a configuration means for the supervisor. Everything lives as long as `config`. */
struct supervisor_plan {
    const void *config;
    const struct proc_spec *specs; /* kind_count rows */
    unsigned kind_count;
    struct supervisor_listen {
        const char *name;
        const char *address; /* as net/addr.h reads it, or "fd:NAME" from socket activation */
        unsigned kind;
        const void *config;
        bool open; /* a Unix socket that every account of the machine may connect to */
    } listens[PROC_LISTENERS_MAX];
    size_t listen_count;
    struct user user;
    int64_t drain_ms;
};

struct supervisor_conf {
    /*
     * Read the configuration and fill *plan (which is zeroed, with drain_ms set to the default).
     * False with *d: at start the program ends, on a reload the former stays in force.
     */
    bool (*load)(void *arg, struct supervisor_plan *plan, struct diag *d);
    /* A configuration that no process uses any longer; may be NULL. */
    void (*unload)(void *arg, const void *config);
    /* In a process just begun: wipe the secrets of a configuration that is not its own; may be
     * NULL.
     */
    void (*forget)(void *arg, const void *config);
    /*
     * Has anything changed that the configuration in force was made from, so that it is to be read
     * anew by itself? Asked every SUPERVISOR_POLL_MS; may be NULL.
     */
    bool (*changed)(void *arg, const void *config);
    /* Called once when all children of the first generation are ready; may be NULL. */
    void (*ready)(void *arg, const struct proc_listener *listeners, size_t count);
    void *arg;
};

/*
 * Run until told to stop. Call title_init (os/title.h) and notify_init (os/notify.h) before.
 *
 * returns an exit status: 0; 78 for a bad configuration, or when a process found at the first start
 *         that it can never run (PROC_EXIT_CONF); 71 when the machine lacks what is needed
 */
int supervisor_run(const struct supervisor_conf *conf);

#endif
