/* SPDX-License-Identifier: ISC */
/*
 * test/unit/net/tls_rig.h - two connections that face each other over a socketpair, one loop, and
 * certificates made here and now.
 */
#ifndef TEST_UNIT_NET_TLS_RIG_H
#define TEST_UNIT_NET_TLS_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/tls.h"
#include "net/tls_make.h"
#include "net/tls_ticket.h"
#include "os/clock.h"
#include "os/heap.h"

#define RIG_TURNS   2000
#define RIG_OCTETS  (1u << 20)
#define RIG_READ_AT 4096

/* What one end does and sees. */
struct rig_end {
    struct conn c;
    bool shakes;
    enum tls_progress progress;
    struct heap_buf in;  /* what was read */
    struct heap_buf out; /* what is still to be written */
    size_t read_at_once; /* 0: RIG_READ_AT */
    size_t write_at_once;
    bool deaf; /* reads nothing */
    enum err end;
    unsigned wakes;
};

struct rig_pair {
    struct heap_buf chain, key;
};

static struct loop *rig_loop;
static struct rig_end client, server;

static void rig_end_read(struct rig_end *e)
{
    char p[RIG_READ_AT];
    size_t n = 0;

    e->end = conn_read(&e->c, p, e->read_at_once != 0 ? e->read_at_once : sizeof(p), &n);
    assert_true(heap_put(&e->in, span_of(p, n)));
}

static void rig_end_write(struct rig_end *e)
{
    span s = heap_span(&e->out);
    size_t n = 0;

    if (e->write_at_once != 0)
        s = span_head(s, e->write_at_once);
    if (conn_write(&e->c, s, &n) == ERR_OK)
        heap_drop(&e->out, n);
}

/* Go on with whatever is next, and say what to wait for. */
static void rig_go(struct rig_end *e, unsigned ready)
{
    if (e->shakes && e->progress == TLS_UNDER_WAY)
        e->progress = tls_handshake(&e->c);
    if (e->shakes && e->progress == TLS_FAILED) {
        conn_want(&e->c, 0);
        return;
    }
    if (e->shakes && e->progress == TLS_UNDER_WAY) {
        conn_want(&e->c, LOOP_READ);
        return;
    }
    if ((ready & LOOP_READ) != 0 && !e->deaf && e->end == ERR_OK)
        rig_end_read(e);
    if (e->out.n > 0)
        rig_end_write(e);
    unsigned want = e->deaf || e->end != ERR_OK ? 0 : LOOP_READ;
    conn_want(&e->c, e->out.n > 0 ? want | LOOP_WRITE : want);
}

static void rig_on(void *arg, struct conn *c, enum conn_event ev, unsigned ready)
{
    struct rig_end *e = arg;

    assert_ptr_equal(c, &e->c);
    assert_int_equal(ev, CONN_READY);
    e->wakes++;
    rig_go(e, ready);
}

static void rig_end_open(struct rig_end *e, int fd)
{
    *e = (struct rig_end){.shakes = false};
    heap_init(&e->in, RIG_OCTETS);
    heap_init(&e->out, RIG_OCTETS);
    assert_true(conn_accept(&e->c, rig_loop, fd, rig_on, e));
}

/* Both ends open, no TLS yet. */
static void rig_open(void)
{
    int fds[2];

    rig_loop = loop_new();
    assert_non_null(rig_loop);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    rig_end_open(&client, fds[0]);
    rig_end_open(&server, fds[1]);
}

static void rig_close(void)
{
    conn_close(&client.c);
    conn_close(&server.c);
    heap_release(&client.in);
    heap_release(&client.out);
    heap_release(&server.in);
    heap_release(&server.out);
    loop_free(rig_loop);
}

static struct rig_pair rig_pair(const char *name)
{
    struct rig_pair p;

    heap_init(&p.chain, 16384);
    heap_init(&p.key, 16384);
    assert_int_equal(tls_make(span_cstr(name), &p.chain, &p.key, NULL), ERR_OK);
    return p;
}

static struct tls_pair rig_pair_of(const char *name, const struct rig_pair *p)
{
    return (struct tls_pair){span_cstr(name), heap_span(&p->chain), heap_span(&p->key), NULL, NULL};
}

static void rig_pair_free(struct rig_pair *p)
{
    heap_release(&p->chain);
    heap_release(&p->key);
}

static struct tls_side *rig_server(const struct tls_server_conf *conf)
{
    struct tls_side *side = NULL;
    struct diag d = {0};

    if (tls_server_new(conf, &side, &d) != ERR_OK)
        fail_msg("%s", d.text);
    return side;
}

static struct tls_side *rig_client(const struct tls_client_conf *conf)
{
    struct tls_side *side = NULL;
    struct diag d = {0};

    if (tls_client_new(conf, &side, &d) != ERR_OK)
        fail_msg("%s", d.text);
    return side;
}

/* Let both go until nothing more comes of it. */
static void rig_run(void)
{
    unsigned quiet = 0;

    for (unsigned i = 0; i < RIG_TURNS && quiet < 3; i++) {
        unsigned before = client.wakes + server.wakes;

        loop_turn(rig_loop, 1);
        quiet = client.wakes + server.wakes == before ? quiet + 1 : 0;
    }
    assert_true(quiet >= 3);
}

/* Begin TLS on both ends and let the handshake end, however it does. */
static void rig_shake(struct tls_side *s, struct tls_side *c, const struct tls_target *to)
{
    assert_true(tls_start_server(&server.c, s));
    assert_true(tls_start_client(&client.c, c, to));
    server.shakes = client.shakes = true;
    rig_go(&server, 0);
    rig_go(&client, 0);
    rig_run();
}

static void rig_say(struct rig_end *e, span s)
{
    assert_true(heap_put(&e->out, s));
    rig_go(e, 0);
}

#endif
