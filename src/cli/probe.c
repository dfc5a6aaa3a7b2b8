/* SPDX-License-Identifier: ISC */
#include "cli/probe.h"

#include <errno.h>

#include "net/conn.h"
#include "net/local.h"
#include "os/clock.h"

#define OCTETS 4096

struct talk {
    struct loop *loop;
    struct loop_timer timer;
    struct conn conn;
    struct probe *probe;
    struct smtp_client_conf conf;
    struct smtp_client smtp;
    struct buf out;
    bool begun;
    char in[OCTETS];
    char room[OCTETS];
};

static void keep(struct probe *p, span text)
{
    struct buf b = BUF_OVER(p->text);

    buf_put(&b, span_head(text, sizeof(p->text)));
    p->n = b.n;
}

static void end(struct talk *t)
{
    loop_stop(t->loop);
}

static void on_event(struct talk *t, const struct smtp_client_event *ev)
{
    struct probe *p = t->probe;

    if (ev->kind == SMTP_CLIENT_READY) {
        p->accepted = true;
        keep(p, smtp_client_hello(&t->smtp));
        smtp_client_quit(&t->smtp);
    } else if (ev->kind == SMTP_CLIENT_REFUSED) {
        p->code = ev->reply.code;
        p->stage = ev->stage;
        keep(p, ev->reply.text);
    } else if (ev->kind == SMTP_CLIENT_CLOSED) {
        if (!p->accepted && p->code == 0) {
            p->stage = ev->stage;
            keep(p, span_cstr(smtp_client_end_text(ev->end)));
        }
        end(t);
    }
}

static void flush(struct talk *t)
{
    size_t n = 0;

    /* A greeting and a QUIT always fit into a socket that nothing was written to. */
    if (t->out.n > 0 && conn_write(&t->conn, buf_span(&t->out), &n) != ERR_OK)
        smtp_client_lost(&t->smtp);
    buf_reset(&t->out);
}

static void run(struct talk *t, span input)
{
    struct smtp_client_event ev = {.kind = SMTP_CLIENT_READY};

    smtp_client_feed(&t->smtp, input);
    while (ev.kind != SMTP_CLIENT_CLOSED && smtp_client_next(&t->smtp, &ev))
        on_event(t, &ev);
    flush(t);
    conn_want(&t->conn, LOOP_READ);
}

static void on_connected(struct talk *t)
{
    t->probe->connected = true;
    t->probe->from = net_local_of(t->conn.fd);
    run(t, SPAN_NONE);
}

static void on_conn(void *arg, struct conn *conn, enum conn_event ev, unsigned ready)
{
    struct talk *t = arg;
    size_t n = 0;

    (void)ready;
    if (ev == CONN_CONNECTED) {
        on_connected(t);
    } else if (ev == CONN_READY && conn_read(conn, t->in, sizeof(t->in), &n) == ERR_OK) {
        run(t, span_of(t->in, n));
    } else if (ev == CONN_READY) {
        smtp_client_lost(&t->smtp);
        run(t, SPAN_NONE);
    } else {
        keep(t->probe, span_cstr(strerror(conn->error)));
        end(t);
    }
}

static void on_time(void *arg)
{
    struct talk *t = arg;

    if (!t->probe->accepted)
        keep(t->probe, SPAN("no answer in time"));
    end(t);
}

void probe_run(const struct net_addr *to, struct ip_addr from, span name, struct probe *out)
{
    static struct talk t;
    struct net_addr source = net_addr_ip(span_of(from.octet, ip_addr_bytes(from)), 0);
    struct conn_target target = {.to = to, .timeout_ms = PROBE_MS};

    *out = (struct probe){.stage = SMTP_STAGE_BANNER};
    t = (struct talk){.loop = loop_new(), .probe = out, .conf = {.name = name}};
    t.out = BUF_OVER(t.room);
    if (from.family != IP_NONE)
        target.from = &source;
    if (t.loop == NULL || smtp_client_init(&t.smtp, &t.conf, &t.out) != ERR_OK) {
        keep(out, SPAN("the name cannot be said"));
    } else if (!conn_connect(&t.conn, t.loop, &target, on_conn, &t)) {
        keep(out, span_cstr(strerror(t.conn.error)));
    } else {
        loop_timer_init(&t.timer, t.loop, on_time, &t);
        loop_timer_set(&t.timer, PROBE_MS);
        loop_run(t.loop);
        loop_timer_stop(&t.timer);
        conn_close(&t.conn);
    }
    loop_free(t.loop);
}
