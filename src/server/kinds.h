/* SPDX-License-Identifier: ISC */
/* server/kinds.h - herald's own kinds of processes: who runs what, and who asks whom. */
#ifndef SERVER_KINDS_H
#define SERVER_KINDS_H

#include "config/config.h"
#include "server/proc.h"

/* The rows for one configuration, indexed by enum proc_kind. guard_only: nothing that takes mail.
 */
void kinds_fill(struct proc_spec specs[PROC_KIND_COUNT], const struct config *c, bool guard_only);

#endif
