/* SPDX-License-Identifier: ISC */
/*
 * A question to the introspection server, and the way there:
 *
 *     look its name up -> connect (one address after the other) -> TLS -> write -> read
 *
 * One connection for each question. Whatever goes wrong ends it in give_up, which says what.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/tls.h"
#include "os/clock.h"
#include "server/auth_inner.h"
#include "server/http_reply.h"

#define REQUEST_BYTES (3 * SASL_TOKEN_BYTES + AUTH_AUTHORIZATION_BYTES + 4096)
#define READ_BYTES    4096
#define FAMILIES      2

struct auth_question {
    struct auth_exchange *x;
    struct loop_timer timer; /* its end */
    struct resolve_query lookups[FAMILIES];
    size_t waiting; /* look-ups under way */
    bool unsure;    /* one of them could not be asked */
    size_t address_count, next_address;
    struct net_addr addresses[AUTH_ADDRESSES_MAX];
    struct conn conn;
    bool open;
    bool connected;
    bool shaking; /* the handshake of TLS is under way */
    size_t sent;
    struct buf request;
    struct heap_buf reply;
    char memory[REQUEST_BYTES];
};

static const struct config_introspection *want(void)
{
    return &auth.config->auth.introspection;
}

static void disconnect(struct auth_question *q)
{
    if (q->open)
        conn_close(&q->conn);
    q->open = false;
}

void auth_question_drop(struct auth_exchange *x)
{
    struct auth_question *q = x->asking;

    if (q == NULL)
        return;
    x->asking = NULL;
    for (size_t i = 0; i < FAMILIES; i++)
        resolve_cancel(&q->lookups[i]);
    loop_timer_stop(&q->timer);
    disconnect(q);
    heap_release(&q->reply);
    explicit_bzero(q->memory, sizeof q->memory);
    free(q);
    auth.question_count--;
}

static void say_no_answer(struct auth_exchange *x, const char *what, const char *detail)
{
    char memory[AUTH_WHY_BYTES];
    struct buf why = BUF_OVER(memory);

    buf_printf(&why, "introspection: %s%s", what, detail);
    auth_bearer_told(x, INTROSPECT_NO_ANSWER, SPAN_NONE,
                     why.overflow ? "introspection: no answer" : buf_cstr(&why));
}

/* what, detail: static, or the connection's */
static void give_up(struct auth_question *q, const char *what, const char *detail)
{
    struct auth_exchange *x = q->x;

    auth_question_drop(x);
    say_no_answer(x, what, detail);
}

/* ---- the reply ---- */

static void tell(struct auth_question *q, const struct http_reply *reply)
{
    char memory[INTROSPECT_NAME_BYTES];
    struct buf owner = BUF_OVER(memory);
    struct auth_exchange *x = q->x;
    enum introspect_verdict verdict;
    const char *why = "";

    if (reply->status != 200) {
        give_up(q, introspect_status_text(reply->status), "");
        return;
    }
    verdict = introspect_read(reply->body, want(), clock_wall_ms() / 1000, &owner, &why);
    if (verdict == INTROSPECT_NO_ANSWER) {
        give_up(q, why, "");
        return;
    }
    auth_question_drop(x);
    auth_bearer_told(x, verdict, buf_span(&owner), why);
}

/*
 * The end of the connection may be one without notice of TLS: JSON that was cut off is none, and
 * many servers close so.
 */
static void on_readable(struct auth_question *q)
{
    static char memory[AUTH_REPLY_BYTES];
    struct buf body = BUF_OVER(memory);
    char *room = heap_room(&q->reply, READ_BYTES);
    struct http_reply reply;
    size_t n = 0;
    enum err e;

    if (room == NULL) {
        give_up(q, "the reply is too long", "");
        return;
    }
    e = conn_read(&q->conn, room, READ_BYTES, &n);
    heap_added(&q->reply, n);
    if (e == ERR_OK && n == 0)
        return;
    switch (http_reply_read(heap_span(&q->reply), e != ERR_OK, &body, &reply)) {
    case HTTP_MORE:
        break;
    case HTTP_WHOLE:
        tell(q, &reply);
        break;
    case HTTP_BROKEN:
        give_up(q, "the reply is no HTTP, or not whole", "");
        break;
    }
}

/* ---- the connection ---- */

static void on_writable(struct auth_question *q)
{
    size_t n = 0;

    if (conn_write(&q->conn, span_skip(buf_span(&q->request), q->sent), &n) != ERR_OK) {
        give_up(q, "the connection was lost", "");
        return;
    }
    q->sent += n;
    if (q->sent == q->request.n)
        conn_want(&q->conn, LOOP_READ);
}

static void shake(struct auth_question *q)
{
    switch (tls_handshake(&q->conn)) {
    case TLS_UNDER_WAY:
        conn_want(&q->conn, LOOP_READ);
        break;
    case TLS_DONE:
        q->shaking = false;
        conn_want(&q->conn, LOOP_WRITE);
        break;
    case TLS_FAILED:
        give_up(q, "TLS (see auth.introspection_ca): ", tls_fault(&q->conn));
        break;
    }
}

static void on_connected(struct auth_question *q)
{
    struct tls_target to = {.name = want()->url.server.host, .required = true};

    q->connected = true;
    conn_timeout(&q->conn, 0);
    if (!want()->url.tls) {
        conn_want(&q->conn, LOOP_WRITE);
    } else if (tls_start_client(&q->conn, auth.keys->side, &to)) {
        q->shaking = true;
        shake(q);
    } else {
        give_up(q, "TLS could not be begun", "");
    }
}

static void connect_next(struct auth_question *q);

static void on_conn(void *arg, struct conn *c, enum conn_event ev, unsigned ready)
{
    struct auth_question *q = arg;

    (void)c;
    if (ev == CONN_CONNECTED) {
        on_connected(q);
    } else if (!q->connected) { /* CONN_REFUSED, CONN_TIMEOUT */
        errno = ev == CONN_TIMEOUT ? ETIMEDOUT : q->conn.error;
        disconnect(q);
        connect_next(q);
    } else if (q->shaking) {
        shake(q);
    } else if ((ready & LOOP_WRITE) != 0 && q->sent < q->request.n) {
        on_writable(q);
    } else if ((ready & LOOP_READ) != 0) {
        on_readable(q);
    }
}

/* errno says why the last one failed. */
static void connect_next(struct auth_question *q)
{
    while (q->next_address < q->address_count) {
        struct conn_target target = {.to = &q->addresses[q->next_address++],
                                     .timeout_ms = AUTH_CONNECT_MS};

        q->open = conn_connect(&q->conn, auth.proc->loop, &target, on_conn, q);
        if (q->open)
            return;
        errno = q->conn.error;
    }
    give_up(q, "cannot connect: ", strerror(errno));
}

/* ---- its name ---- */

static void add_addresses(struct auth_question *q, const struct dns_answer *a)
{
    struct dns_cursor at = dns_records(a);
    struct dns_record r;

    for (size_t n = 0; n < AUTH_ADDRESSES_MAX / FAMILIES && dns_record_next(&at, &r); n++)
        q->addresses[q->address_count++] = net_addr_ip(r.octets, want()->url.server.port);
}

static void on_address(void *arg, const struct dns_answer *a)
{
    struct auth_question *q = arg;

    q->unsure = q->unsure || dns_answer_state(a) == DNS_UNKNOWN;
    if (a->status == DNS_FOUND)
        add_addresses(q, a);
    if (--q->waiting > 0)
        return;
    if (q->address_count > 0)
        connect_next(q);
    else
        give_up(q,
                q->unsure ? "DNS does not answer about its name"
                          : "DNS has no address of its name (auth.introspection)",
                "");
}

static void look_up(struct auth_question *q)
{
    static const enum dns_type types[FAMILIES] = {DNS_AAAA, DNS_A};

    q->waiting = FAMILIES;
    for (size_t i = 0; i < FAMILIES; i++) {
        resolve_query_init(&q->lookups[i], on_address, q);
        resolve_ask(&auth.resolver, &q->lookups[i], want()->url.server.host, types[i],
                    RESOLVE_TIMEOUT_MS);
    }
}

static void on_timeout(void *arg)
{
    struct auth_question *q = arg;

    give_up(q, q->connected ? "no reply in time" : "no connection in time", "");
}

void auth_question_ask(struct auth_exchange *x, span token)
{
    const struct config_url *url = &want()->url;
    struct auth_question *q =
        auth.question_count < AUTH_QUESTIONS_MAX ? calloc(1, sizeof *q) : NULL;

    if (q == NULL) {
        say_no_answer(x, "too many questions are under way", "");
        return;
    }
    q->x = x;
    x->asking = q;
    auth.question_count++;
    heap_init(&q->reply, AUTH_REPLY_BYTES);
    loop_timer_init(&q->timer, auth.proc->loop, on_timeout, q);
    loop_timer_set_common(&q->timer, AUTH_QUESTION_MS);
    q->request = buf_over(q->memory, sizeof q->memory);
    introspect_put(&q->request, url, span_cstr(auth.keys->authorization), token);
    if (q->request.overflow) {
        give_up(q, "the question is too long", "");
    } else if (url->server.ip.family == IP_NONE) {
        look_up(q);
    } else {
        q->addresses[q->address_count++] = net_addr_ip(
            span_of(url->server.ip.octet, ip_addr_bytes(url->server.ip)), url->server.port);
        connect_next(q);
    }
}
