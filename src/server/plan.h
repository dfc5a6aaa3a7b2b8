/* SPDX-License-Identifier: ISC */
/*
 * server/plan.h - from a configuration file to what the supervisor has to start.
 *
 * Reads the configuration, makes the directories of data_dir and gives them to
 * the service user, and names the processes with their peers. Called at start
 * and on every reload, in the supervisor; everything it makes lives until
 * plan_unload.
 */
#ifndef SERVER_PLAN_H
#define SERVER_PLAN_H

#include "server/context.h"
#include "server/supervisor.h"

struct plan_source {
    const char *file; /* NULL: no configuration (loopback, two domains, nothing leaves) */
    bool guard_only;  /* herald guard: no mail is taken, nothing is kept */
    bool started;     /* set once a configuration was in force: problems then go to the log */
    const struct config *config; /* the one that was read last */
    uint64_t seen_mark;          /* of its files (config/watch.h) when they were last looked at */
    uint64_t tried_mark;         /* with which it was read anew; 0: never */
};

/* supervisor_conf.load, .unload and .forget; arg is a struct plan_source. */
bool plan_load(void *arg, struct supervisor_plan *out, struct diag *d);
void plan_unload(void *arg, const void *config);
void plan_forget(void *arg, const void *config);
/* supervisor_conf.changed: a file of a list is another one, and was not touched since last asked.
 */
bool plan_changed(void *arg, const void *config);

#endif
