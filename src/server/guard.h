/* SPDX-License-Identifier: ISC */
/*
 * server/guard.h - the process that answers other mail servers: the same judge as that of a
 * session.
 *
 * It accepts on the sockets of the guard blocks, reads questions (guard/guard.h), lets
 * server/greet.h find the facts and judge, and answers at the stage that greeting.refuse_at names.
 * It keeps no mail, opens no file and connects to nothing.
 */
#ifndef SERVER_GUARD_H
#define SERVER_GUARD_H

#include "server/proc.h"

/* The process (a run function of struct proc_spec). */
int guard_run(struct proc *p);

#endif
