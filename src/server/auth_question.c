/* SPDX-License-Identifier: ISC */
#include <stdlib.h>

#include "config/endpoint.h"
#include "os/clock.h"
#include "server/auth_inner.h"
#include "server/introspect.h"

#define REQUEST_BYTES (3 * SASL_TOKEN_BYTES + 4096)
#define READ_BYTES    4096

struct auth_question {
    struct auth_exchange *x;
    struct conn conn;
    bool open;
    size_t sent;
    struct buf request;
    struct heap_buf reply;
    char memory[REQUEST_BYTES];
};

void auth_question_drop(struct auth_exchange *x)
{
    struct auth_question *q = x->asking;

    if (q == NULL)
        return;
    x->asking = NULL;
    if (q->open)
        conn_close(&q->conn);
    heap_release(&q->reply);
    explicit_bzero(q->memory, sizeof q->memory);
    free(q);
    auth.question_count--;
}

/* The reply is whole, or there is none. */
static void tell(struct auth_question *q, bool whole)
{
    char memory[INTROSPECT_NAME_BYTES];
    struct buf owner = BUF_OVER(memory);
    struct auth_exchange *x = q->x;
    bool read = whole && introspect_read(heap_span(&q->reply), clock_wall_ms() / 1000, &owner);

    auth_question_drop(x);
    auth_bearer_told(x, read, buf_span(&owner));
}

static void on_readable(struct auth_question *q)
{
    char *room = heap_room(&q->reply, READ_BYTES);
    size_t n = 0;
    enum err e = room != NULL ? conn_read(&q->conn, room, READ_BYTES, &n) : ERR_LIMIT;

    heap_added(&q->reply, n);
    if (e != ERR_OK)
        tell(q, e == ERR_CLOSED);
}

static void on_writable(struct auth_question *q)
{
    size_t n = 0;

    if (conn_write(&q->conn, span_skip(buf_span(&q->request), q->sent), &n) != ERR_OK) {
        tell(q, false);
        return;
    }
    q->sent += n;
    if (q->sent == q->request.n)
        conn_want(&q->conn, LOOP_READ);
}

static void on_conn(void *arg, struct conn *c, enum conn_event ev, unsigned ready)
{
    struct auth_question *q = arg;

    (void)c;
    if (ev == CONN_REFUSED || ev == CONN_TIMEOUT) {
        tell(q, false);
    } else if (ev == CONN_CONNECTED) {
        conn_want(&q->conn, LOOP_WRITE);
        conn_timeout(&q->conn, AUTH_QUESTION_MS);
    } else if ((ready & LOOP_WRITE) != 0 && q->sent < q->request.n) {
        on_writable(q);
    } else if ((ready & LOOP_READ) != 0) {
        on_readable(q);
    }
}

bool auth_question_ask(struct auth_exchange *x, span token)
{
    const struct config_endpoint *to = &auth.config->auth.introspection;
    struct auth_question *q =
        auth.question_count < AUTH_QUESTIONS_MAX ? calloc(1, sizeof *q) : NULL;
    struct conn_target target = {.timeout_ms = AUTH_QUESTION_MS};
    struct net_addr addr;
    struct diag d = {0};
    char memory[NET_ADDR_TEXT_BYTES];
    struct buf host = BUF_OVER(memory);

    if (q == NULL)
        return false;
    config_endpoint_put(&host, to);
    q->x = x;
    q->request = buf_over(q->memory, sizeof q->memory);
    introspect_put(&q->request, buf_span(&host), auth.config->auth.introspection_path, token);
    heap_init(&q->reply, AUTH_REPLY_BYTES);
    x->asking = q;
    auth.question_count++;
    target.to = &addr;
    q->open = !q->request.overflow && net_addr_parse(buf_span(&host), &addr, &d) == ERR_OK &&
              conn_connect(&q->conn, auth.proc->loop, &target, on_conn, q);
    if (q->open)
        return true;
    auth_question_drop(x);
    return false;
}
