/* SPDX-License-Identifier: ISC */
/*
 * server/bind.h - the listening sockets of one configuration.
 *
 * A socket whose address was bound before is taken over, so that a reload
 * refuses no connection; one that systemd handed over is known by its name.
 */
#ifndef SERVER_BIND_H
#define SERVER_BIND_H

#include "server/supervisor.h"

struct bound {
    struct proc_listener listeners[PROC_LISTENERS_MAX];
    struct net_addr wanted[PROC_LISTENERS_MAX]; /* as configured; .len 0: came by activation */
    size_t count;
};

/* Take what was handed over at the start; once. */
void bind_init(void);

/*
 * Bind all that the plan wants; former may be NULL.
 *
 * On failure some may be bound: bind_close is the caller's duty in any case.
 */
MUSTUSE enum err bind_all(struct bound *b, const struct supervisor_plan *plan,
                          const struct bound *former, struct diag *d);

void bind_close(struct bound *b);

#endif
