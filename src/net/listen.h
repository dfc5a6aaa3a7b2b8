/* SPDX-License-Identifier: ISC */
/*
 * net/listen.h - take connections.
 *
 * listen_open binds (in the supervisor, which may use low ports); a struct
 * listener accepts on the shared descriptor in each worker. At most
 * LISTEN_BURST connections are accepted a turn, so that a flood does not starve
 * the sessions. When descriptors run out, accepting pauses for
 * LISTEN_PAUSE_MS and one log line says so.
 */
#ifndef NET_LISTEN_H
#define NET_LISTEN_H

#include "net/addr.h"
#include "net/loop.h"

#define LISTEN_BACKLOG  1024
#define LISTEN_BURST    32
#define LISTEN_PAUSE_MS 200

/*
 * Bind and listen; the descriptor does not block and closes on exec. A stale Unix socket is
 * replaced. mode is the permission of a Unix socket (0660).
 */
MUSTUSE enum err listen_open(const struct net_addr *at, mode_t mode, int *out_fd, struct diag *d);

/* The address a socket is bound to (with the port that the kernel chose). */
MUSTUSE enum err listen_where(int fd, struct net_addr *out_addr);

/* fd is the callee's: non-blocking, close-on-exec, TCP_NODELAY. */
typedef void listen_fn(void *arg, int fd, const struct net_addr *client);

struct listener {
    struct loop_io io;
    struct loop_timer pause;
    listen_fn *fn;
    void *arg;
    int fd;
    bool failing; /* the log line was written */
};

/* Begin to accept on fd (borrowed). */
MUSTUSE bool listener_start(struct listener *l, struct loop *loop, int fd, listen_fn *fn,
                            void *arg);
/* Accept no more for now (too many sessions), and again. */
void listener_hold(struct listener *l, bool hold);
/* Stop for good; the descriptor stays open. */
void listener_stop(struct listener *l);

#endif
