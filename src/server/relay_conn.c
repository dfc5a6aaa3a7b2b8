/* SPDX-License-Identifier: ISC */
#include "server/relay_name.h"
#include "server/relay_secure.h"

#include <errno.h>
#include <stdlib.h>

#include "base/escape.h"

#define QUIT_MS 5000

static void open_target(struct relay_conn *c);
static void on_conn(void *arg, struct conn *conn, enum conn_event ev, unsigned ready);

/* ---- states ---- */

void relay_conn_enter(struct relay_conn *c, enum relay_conn_state state)
{
    if (c->state == RELAY_OPENING && state != RELAY_OPENING)
        c->dest->opening--;
    c->state = state;
}

static void conn_free(struct relay_conn *c)
{
    struct relay_dest *d = c->dest;
    struct relay *r = c->relay;

    BUG_IF(c->job_count > 0, "a connection ends with a job");
    if (c->state == RELAY_OPENING)
        d->opening--;
    relay_name_forget(c);
    relay_auth_free(c);
    conn_close(&c->conn);
    heap_release(&c->rest);
    heap_release(&c->unsent);
    *c->at = c->next;
    if (c->next != NULL)
        c->next->at = c->at;
    free(c);
    d->conn_count--;
    r->conns--;
    relay_dest_push(d);
    relay_check_drained(r);
}

/* ---- one address after the other ---- */

void relay_conn_note(struct relay_conn *c, const char *stage, const char *what, span reply)
{
    struct buf b = BUF_OVER(c->why);

    buf_printf(&b, "%s: %s", stage, what);
    if (reply.n > 0)
        buf_putc(&b, ' ');
    escape_text(&b, reply, JOB_REPLY_BYTES / 2);
    c->why_n = b.n;
    c->why_code = 0;
    c->why_status = SPAN("4.4.1");
}

/* No address is left, and nobody else is connected. */
static void fail_dest(struct relay_conn *c)
{
    struct relay_dest *d = c->dest;
    struct relay_verdict v = {.verdict = JOB_DEFERRED,
                              .code = c->why_code,
                              .status = c->why_status,
                              .mta = span_of(c->mta, c->mta_n),
                              .reply = span_of(c->why, c->why_n)};

    d->planned_ms = INT64_MIN;
    /* RFC 8689 4.2.1: nobody will do it another time either. */
    if (d->wish == RELAY_WISH_REQUIRETLS && c->lacking >= d->target_count) {
        v.verdict = JOB_FAILED;
        v.status = SPAN("5.7.30");
        relay_dest_fail(d, &v, 0);
        return;
    }
    relay_dest_fail(d, &v, JOB_UNREACHABLE);
}

/* What belongs to one connection is gone before the next. */
static void disconnect(struct relay_conn *c)
{
    relay_name_forget(c);
    relay_auth_free(c);
    conn_close(&c->conn);
    heap_reset(&c->rest);
    heap_reset(&c->unsent);
    c->broken = false;
    c->shaking = false;
    c->mechanism = 0;
    c->sasl_proved = false;
}

void relay_conn_again(struct relay_conn *c)
{
    disconnect(c);
    open_target(c);
}

void relay_conn_next_target(struct relay_conn *c)
{
    struct relay_dest *d = c->dest;

    disconnect(c);
    c->plain = false;
    if (++c->target < d->target_count) {
        open_target(c);
        return;
    }
    c->gone = true;
    /* Others are connected or still trying: they carry the jobs, and this one was too much. */
    if (d->conn_count > 1)
        d->ceiling = d->conn_count - 1;
    else
        fail_dest(c);
}

/* ---- beginning ---- */

static void describe(struct relay_conn *c, const struct relay_target *t)
{
    struct buf b = BUF_OVER(c->mta);

    escape_text(&b, span_cstr(t->name), JOB_HOST_BYTES / 4 * 3);
    if (net_addr_family(&t->addr) != AF_UNIX) {
        buf_put(&b, t->name[0] != '\0' ? SPAN(" [") : SPAN("["));
        net_addr_put_host(&b, &t->addr);
        buf_putc(&b, ']');
    }
    c->mta_n = b.n;
}

static bool begin_engine(struct relay_conn *c)
{
    const struct relay_dest *d = c->dest;

    c->conf = (struct smtp_client_conf){
        .name = span_of(c->name, c->name_n),
        .lmtp = relay_is_lmtp(d->transport),
        .use = ~0u,
        .tls = relay_policy_of(c),
        .login = d->route != NULL && d->route->conf->user.n > 0,
    };
    return smtp_client_init(&c->smtp, &c->conf, &c->relay->output) == ERR_OK;
}

/* Connect to the current target. */
static void open_target(struct relay_conn *c)
{
    const struct relay_target *t = &c->dest->targets[c->target];
    const struct ip_addr *egress = &c->dest->egress->address;
    struct net_addr from;
    struct conn_target to = {.to = &t->addr, .timeout_ms = RELAY_CONNECT_MS};

    describe(c, t);
    /* Targets of the other family were left out (relay_dest.c). */
    if (egress->family != IP_NONE && net_addr_family(&t->addr) != AF_UNIX) {
        from = net_addr_ip(span_of(egress->octet, ip_addr_bytes(*egress)), 0);
        to.from = &from;
    }
    if (relay_name_is_hopeless(c)) {
        relay_conn_next_target(c);
    } else if (!conn_connect(&c->conn, c->relay->loop, &to, on_conn, c)) {
        relay_conn_note(c, "connect", strerror(c->conn.error), SPAN_NONE);
        relay_conn_next_target(c);
    }
}

/* ---- octets ---- */

/* Where the engine may write: nowhere while the socket has not taken what came before. */
static void lend_output(struct relay_conn *c)
{
    static struct buf no_room;

    buf_reset(&c->relay->output);
    c->smtp.out = c->unsent.n > 0 && !c->broken ? &no_room : &c->relay->output;
}

/* Write what the engine wrote; what the socket does not take is kept. */
static void flush(struct relay_conn *c)
{
    span out = buf_span(&c->relay->output);
    size_t n = 0;

    if (out.n == 0 || c->broken || c->gone || c->conn.connecting)
        return;
    c->broken = conn_write(&c->conn, out, &n) != ERR_OK || !heap_put(&c->unsent, span_skip(out, n));
    if (c->broken)
        heap_reset(&c->unsent);
}

/* Keep what the engine has not read, which lies in scratch memory or in `rest` itself. */
static void keep_rest(struct relay_conn *c, bool in_rest)
{
    span left = smtp_client_rest(&c->smtp);

    if (in_rest)
        heap_drop(&c->rest, c->rest.n - left.n);
    else
        (void)heap_put(&c->rest, left);
    if (c->rest.n == 0)
        heap_release(&c->rest);
    smtp_client_feed(&c->smtp, SPAN_NONE);
}

static int64_t deadline_of(struct relay_conn *c, int64_t now)
{
    int64_t deadline = smtp_client_deadline(&c->smtp, now);

    if (c->state == RELAY_IDLE)
        return now + RELAY_IDLE_MS;
    return c->state == RELAY_QUITTING ? min_i64(deadline, now + QUIT_MS) : deadline;
}

/* Wait for what is next. */
static void settle(struct relay_conn *c)
{
    int64_t now = loop_now_ms(c->relay->loop);
    int64_t deadline = deadline_of(c, now);
    unsigned want = c->unsent.n > 0 ? LOOP_WRITE : 0;

    if (c->rest.n < RELAY_SCRATCH_BYTES)
        want |= LOOP_READ;
    conn_timeout(&c->conn, deadline == INT64_MAX ? 0 : deadline - now + 1);
    conn_want(&c->conn, want);
}

/* Let the engine go on with `input` behind what it had not read; afterwards c may be freed. */
static void run(struct relay_conn *c, span input)
{
    bool in_rest = c->rest.n > 0;
    size_t wrote;

    if (in_rest && !heap_put(&c->rest, input))
        smtp_client_lost(&c->smtp);
    smtp_client_feed(&c->smtp, in_rest ? heap_span(&c->rest) : input);
    do {
        lend_output(c);
        relay_serve(c);
        wrote = c->relay->output.n;
        flush(c);
    } while (wrote > 0 && c->unsent.n == 0 && !c->broken && !c->gone && !c->conn.connecting);
    if (c->gone) {
        conn_free(c);
    } else if (!c->conn.connecting) {
        keep_rest(c, in_rest);
        settle(c);
    }
}

/* Nothing more comes: what came is read to its end, for it may say why. */
static void on_lost(struct relay_conn *c)
{
    c->broken = true;
    heap_reset(&c->unsent);
    smtp_client_feed(&c->smtp, heap_span(&c->rest));
    lend_output(c);
    relay_serve(c);
    if (!c->gone && !c->conn.connecting) {
        smtp_client_lost(&c->smtp);
        relay_serve(c);
    }
    if (c->gone)
        conn_free(c);
}

static void on_readable(struct relay_conn *c)
{
    size_t n;

    if (conn_read(&c->conn, c->relay->input, RELAY_SCRATCH_BYTES, &n) != ERR_OK)
        on_lost(c);
    else if (n > 0)
        run(c, span_of(c->relay->input, n));
}

static void on_writable(struct relay_conn *c)
{
    size_t n = 0;

    if (conn_write(&c->conn, heap_span(&c->unsent), &n) != ERR_OK) {
        c->broken = true;
        heap_reset(&c->unsent);
    }
    heap_drop(&c->unsent, n);
    if (c->unsent.n == 0)
        heap_release(&c->unsent);
    if (n > 0)
        smtp_client_wrote(&c->smtp);
    run(c, SPAN_NONE);
}

static void on_timeout(struct relay_conn *c)
{
    if (c->state == RELAY_IDLE) {
        relay_conn_enter(c, RELAY_QUITTING);
        smtp_client_quit(&c->smtp);
    } else if (c->state == RELAY_QUITTING) {
        conn_free(c);
        return;
    } else {
        smtp_client_timeout(&c->smtp, loop_now_ms(c->relay->loop));
    }
    run(c, SPAN_NONE);
}

static void on_refused(struct relay_conn *c)
{
    relay_conn_note(c, "connect", strerror(c->conn.error), SPAN_NONE);
    relay_conn_next_target(c);
    if (c->gone)
        conn_free(c);
}

/* A step of the handshake was made; afterwards c may be freed. */
static void after_shaking(struct relay_conn *c, bool fine)
{
    if (fine && c->shaking)
        settle(c);
    else if (fine)
        run(c, SPAN_NONE);
    else if (c->gone)
        conn_free(c);
}

/* Connected: the name belongs to the address that we leave from, which is known only now. */
void relay_conn_named(struct relay_conn *c)
{
    enum relay_naming naming = relay_name_begin(c);

    if (naming == RELAY_NAME_WAITS)
        return;
    if (naming == RELAY_NAMED && begin_engine(c)) {
        if (relay_is_implicit(c->dest))
            after_shaking(c, relay_tls_begin(c));
        else
            run(c, SPAN_NONE);
        return;
    }
    if (naming == RELAY_NAMED)
        relay_conn_note(c, "ehlo", "the greeting name is not fit to be said", SPAN_NONE);
    relay_conn_next_target(c);
    if (c->gone)
        conn_free(c);
}

static void on_shaking(struct relay_conn *c, enum conn_event ev)
{
    bool late = ev == CONN_TIMEOUT;

    if (late)
        relay_tls_fail(c, "the handshake took too long");
    after_shaking(c, !late && relay_tls_go_on(c));
}

static void on_conn(void *arg, struct conn *conn, enum conn_event ev, unsigned ready)
{
    struct relay_conn *c = arg;

    (void)conn;
    if (c->shaking) {
        on_shaking(c, ev);
        return;
    }
    switch (ev) {
    case CONN_CONNECTED:
        relay_conn_named(c);
        break;
    case CONN_REFUSED:
        on_refused(c);
        break;
    case CONN_TIMEOUT:
        on_timeout(c);
        break;
    case CONN_READY:
        if ((ready & LOOP_WRITE) != 0 && c->unsent.n > 0)
            on_writable(c);
        else if ((ready & LOOP_READ) != 0)
            on_readable(c);
        break;
    }
}

/* ---- for the destination ---- */

void relay_conn_start(struct relay_dest *d)
{
    struct relay_conn *c = calloc(1, sizeof(*c));
    static const struct relay_verdict no_memory = {
        .verdict = JOB_DEFERRED, .status = SPAN_INIT("4.3.0"), .reply = SPAN_INIT("no memory")};

    if (c == NULL) {
        relay_dest_fail(d, &no_memory, 0);
        return;
    }
    c->relay = d->relay;
    c->dest = d;
    c->conn.fd = -1;
    heap_init(&c->rest, (size_t)2 * RELAY_SCRATCH_BYTES);
    heap_init(&c->unsent, RELAY_SCRATCH_BYTES);
    c->next = d->conns;
    c->at = &d->conns;
    if (c->next != NULL)
        c->next->at = &c->next;
    d->conns = c;
    d->conn_count++;
    d->opening++;
    d->relay->conns++;
    open_target(c);
    if (c->gone)
        conn_free(c);
}

static void each_conn(struct relay_dest *d, void (*fn)(struct relay_conn *c))
{
    struct relay_conn *next;

    for (struct relay_conn *c = d->conns; c != NULL; c = next) {
        next = c->next;
        fn(c);
    }
}

static void wake(struct relay_conn *c)
{
    if (c->state == RELAY_IDLE && c->dest->first != NULL)
        run(c, SPAN_NONE);
}

void relay_conns_wake(struct relay_dest *d)
{
    each_conn(d, wake);
}

static void close_idle(struct relay_conn *c)
{
    if (c->state == RELAY_OPENING)
        conn_free(c);
    else if (c->state == RELAY_IDLE)
        on_timeout(c);
}

void relay_conns_close_idle(struct relay_dest *d)
{
    each_conn(d, close_idle);
}

static void orphan(struct relay_conn *c)
{
    for (size_t i = 0; i < c->job_count; i++)
        c->jobs[i]->relay = NULL;
    if (c->job_count == 0)
        return;
    smtp_client_abort(&c->smtp);
    run(c, SPAN_NONE);
}

void relay_conns_orphan(struct relay_dest *d)
{
    each_conn(d, orphan);
}
