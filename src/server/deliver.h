/* SPDX-License-Identifier: ISC */
/*
 * server/deliver.h - the process that writes Maildirs.
 *
 * Jobs that come in one turn of the loop are one batch (store/maildir.h): their messages are
 * written as they come; at the turn's end the files are synced, moved to new/ and
 * the directories synced, and only then the queue hears of it.
 */
#ifndef SERVER_DELIVER_H
#define SERVER_DELIVER_H

#include "server/proc.h"

/* The process (a run function of struct proc_spec). */
int deliver_run(struct proc *p);

#endif
