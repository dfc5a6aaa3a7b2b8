/* SPDX-License-Identifier: ISC */
/*
 * net/conn.h - one stream connection, made or accepted.
 *
 * The user says what to wait for (conn_want), is called back when it is ready,
 * and reads and writes as much as there is. All octets pass conn_read and
 * conn_write, so that a TLS layer can be put between (struct conn_layer)
 * without the user noticing: that is why readiness is a hint and "nothing now"
 * a normal answer of both.
 */
#ifndef NET_CONN_H
#define NET_CONN_H

#include "net/addr.h"
#include "net/loop.h"

struct conn;

enum conn_event {
    CONN_CONNECTED, /* conn_connect succeeded */
    CONN_REFUSED,   /* conn_connect failed: conn_error says how; conn_close is up to the user */
    CONN_READY,     /* something that was wanted is ready */
    CONN_TIMEOUT    /* the deadline passed; the connection is as it was */
};

typedef void conn_fn(void *arg, struct conn *c, enum conn_event ev, unsigned ready);

/* What stands between the socket and the user; NULL in struct conn: nothing. */
struct conn_layer {
    enum err (*read)(struct conn *c, char *p, size_t cap, size_t *out_n);
    enum err (*write)(struct conn *c, span s, size_t *out_n);
    /* Maps what the user wants to what the socket must wait for. */
    unsigned (*want)(struct conn *c, unsigned want);
    /* Maps what the socket is ready for to what the user is told; 0: nothing. */
    unsigned (*ready)(struct conn *c, unsigned ready);
    void (*close)(struct conn *c);
};

struct conn {
    struct loop_io io;
    struct loop_timer timer;
    const struct conn_layer *layer;
    void *layer_state;
    conn_fn *fn;
    void *arg;
    int fd;    /* -1: closed */
    int error; /* errno of the failure, 0: none */
    bool connecting;
};

/* Take over an accepted descriptor; false when it cannot be watched (it is closed then). */
MUSTUSE bool conn_accept(struct conn *c, struct loop *loop, int fd, conn_fn *fn, void *arg);

struct conn_target {
    const struct net_addr *to;
    const struct net_addr *from; /* NULL, or the address to send from (port 0: any) */
    int64_t timeout_ms;
};

/*
 * Begin to connect; CONN_CONNECTED or CONN_REFUSED comes later, always from the loop.
 *
 * returns false when it failed at once (c->error says why; nothing to close)
 */
MUSTUSE bool conn_connect(struct conn *c, struct loop *loop, const struct conn_target *t,
                          conn_fn *fn, void *arg);

/*
 * Read what is there, at most cap octets.
 *
 * returns ERR_OK with *out_n 0 when there is nothing now; ERR_CLOSED at the end; ERR_IO
 */
MUSTUSE enum err conn_read(struct conn *c, char *p, size_t cap, size_t *out_n);

/* Write what can be written; *out_n may be less than s.n, also 0. ERR_CLOSED when the peer is gone.
 */
MUSTUSE enum err conn_write(struct conn *c, span s, size_t *out_n);

/* The peer has sent something that was not read yet; asks the kernel. */
bool conn_has_input(const struct conn *c);

void conn_want(struct conn *c, unsigned want);
/* CONN_TIMEOUT in ms unless set again; 0 or less stops it. Same durations are cheap. */
void conn_timeout(struct conn *c, int64_t ms);
/* Close at once, no callback after it; closed or zeroed (fd 0 counts as open): nothing. */
void conn_close(struct conn *c);

#endif
