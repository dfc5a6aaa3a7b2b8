/* SPDX-License-Identifier: ISC */
#include "server/guard.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/hash.h"
#include "config/find.h"
#include "message/authres.h"
#include "net/conn.h"
#include "net/listen.h"
#include "os/clock.h"
#include "os/heap.h"
#include "server/context.h"
#include "server/guard_ledger.h"
#include "server/ident.h"

#define INPUT_BYTES  (64u << 10)
#define OUTPUT_BYTES (4u * GUARD_ANSWER_MAX_BYTES) /* answers to one read of many questions */
#define UNSENT_BYTES OUTPUT_BYTES /* answers that the mail server has not taken yet */
#define UNSENT_MS    60000

/* Names of guard connections are never those of sessions: their workers count from the end. */
#define IDENT_WORKERS 256u

/* How long a mail server may ask nothing: a milter's is silent while its client sends a message. */
static const int64_t idle_ms[] = {
    [GUARD_POLICY] = 1100 * 1000,
    [GUARD_MILTER] = 2 * 3600 * 1000,
    [GUARD_EXIM] = 60 * 1000,
};

struct guard_port {
    struct listener listener;
    struct guard_proc *proc;
    const struct config_guard *config;
};

struct guard_proc {
    struct proc *proc;
    struct loop *loop;
    const struct config *config;
    struct ident ident;
    struct resolve_client resolver;
    struct greet_shared greets;
    struct put_client queue; /* of `herald serve`; without a peer in herald guard alone */
    struct ledger_client ledger;
    struct past_client past;
    uint64_t next_ref;
    struct guard_link *links;
    size_t link_count;
    bool draining; /* others have taken over, or nobody will */
    bool stopping; /* nobody will */
    struct loop_timer farewell;
    struct guard_port *ports;
    size_t port_count;
    char *input;
    struct buf output;
};

/* One connection of a mail server. */
struct guard_link {
    struct guard_link *next, **at;
    struct guard_proc *d;
    const struct guard_port *port;
    struct conn conn;
    struct heap_buf in;     /* what is not used yet */
    struct heap_buf unsent; /* output that waits for the socket */
    struct guard guard;
    struct greet *greet;   /* of the question before; NULL: none yet */
    struct ip_addr client; /* it was asked for */
    bool authenticated;
    uint64_t id;                    /* of that greeting, as the log names it */
    char ref[LEDGER_REF_BYTES + 1]; /* of a refusal, as the reply names it; empty: none */
    uint64_t transaction;           /* hash of the one it was asked in */
    uint64_t with_field;            /* of the one that got its field already */
    bool told;                      /* its verdict is in the log */
    bool asking;                    /* for DNS: read nothing */
    bool ended;                     /* the mail server says no more */
};

static void on_greet(void *arg);

/* ---- the end ---- */

static void leave(struct guard_proc *d)
{
    ledger_client_flush(&d->ledger);
    put_client_flush(&d->queue);
    proc_done(d->proc, PROC_EXIT_OK);
}

static void end(struct guard_link *gl)
{
    struct guard_proc *d = gl->d;

    conn_close(&gl->conn);
    greet_free(gl->greet);
    heap_release(&gl->in);
    heap_release(&gl->unsent);
    *gl->at = gl->next;
    if (gl->next != NULL)
        gl->next->at = gl->at;
    d->link_count--;
    free(gl);
    if (d->draining && d->link_count == 0)
        leave(d);
}

static void say_broken(const struct guard_link *gl)
{
    struct log_line l = log_begin(LOG_GUARD_BROKEN, LOG_WARNING);

    log_str(&l, KEY_LISTENER, gl->port->config->name);
    log_end(&l);
}

/* ---- one question ---- */

static uint64_t hash_of(const struct guard_link *gl, span text)
{
    return hash_keyed(gl->d->greets.memo.key, text);
}

static bool is_same(const struct guard_link *gl, const struct guard_question *q)
{
    return gl->greet != NULL && greet_is_same(gl->greet, q->greeting, q->is_helo) &&
           ip_addr_eq(gl->client, q->client) && gl->authenticated == q->authenticated &&
           gl->transaction == hash_of(gl, q->transaction);
}

/* The greeting that is asked about, in gl->greet; false: no memory. */
static bool take_greeting(struct guard_link *gl, const struct guard_question *q)
{
    struct greet_start start = {
        .name = q->greeting,
        .is_helo = q->is_helo,
        .client = q->client,
        .trusted = config_is_trusted(gl->d->config, q->client),
        .authenticated = q->authenticated,
        .changed = q->changed,
        .fn = on_greet,
        .arg = gl,
    };

    if (is_same(gl, q))
        return true;
    greet_free(gl->greet);
    gl->greet = greet_new(&gl->d->greets, &start);
    gl->client = q->client;
    gl->authenticated = q->authenticated;
    gl->transaction = hash_of(gl, q->transaction);
    gl->id = ident_next(&gl->d->ident, clock_wall_ms());
    gl->ref[0] = '\0';
    gl->told = false;
    return gl->greet != NULL;
}

/* A reference leads to the ledger; where nothing is recorded none is given. */
static void new_ref(struct guard_link *gl)
{
    struct guard_proc *d = gl->d;

    if (d->ledger.on)
        ledger_ref_text(ledger_client_ref(&d->ledger, gl->id, d->next_ref++), gl->ref);
}

static void say_verdict(struct guard_link *gl, const struct greeting_verdict *v)
{
    char memory[64];
    struct buf address = BUF_OVER(memory);
    struct log_line l;

    ip_addr_put(&address, gl->client);
    l = log_begin(LOG_GREETING_JUDGED, LOG_INFO);
    log_id(&l, KEY_SESSION, gl->id);
    log_str(&l, KEY_LISTENER, gl->port->config->name);
    log_str(&l, KEY_CLIENT, buf_span(&address));
    greet_log(gl->greet, v, &l);
    if (gl->ref[0] != '\0')
        log_cstr(&l, KEY_REFERENCE, gl->ref);
    log_end(&l);
    if (!greet_has_stale(gl->greet))
        return;
    l = log_begin(LOG_TABLE_STALE, LOG_WARNING);
    log_str(&l, KEY_CLIENT, buf_span(&address));
    greet_log_stale(gl->greet, &l);
    log_end(&l);
}

/* In log and ledger, once for each greeting. */
static void tell_verdict(struct guard_link *gl, const struct guard_question *q,
                         const struct greeting_verdict *v, span reply)
{
    const struct guard_seen seen = {
        .id = gl->id,
        .listener = gl->port->config->name,
        .question = q,
        .greet = gl->greet,
        .policy = &gl->d->config->greeting.policy,
        .verdict = v,
        .reference = span_cstr(gl->ref),
        .reply = reply,
    };

    if (gl->told || (v->exempt != EXEMPT_NOT && v->action == GREETING_ACCEPT))
        return;
    gl->told = true;
    say_verdict(gl, v);
    guard_record(&gl->d->ledger, &seen);
}

/* Whether the client has come to where the policy speaks. */
static bool is_due(const struct guard_link *gl, const struct guard_question *q)
{
    static const enum guard_stage stages[] = {
        [STAGE_NONE] = GUARD_AT_RCPT,
        [STAGE_HELO] = GUARD_AT_HELO,
        [STAGE_MAIL] = GUARD_AT_MAIL,
        [STAGE_RCPT] = GUARD_AT_RCPT,
    };

    return q->stage >= stages[gl->d->config->greeting.policy.refuse_at];
}

/* The header field, once a message. False: DNS is still asked. */
static bool put_field(struct guard_link *gl, const struct guard_question *q, struct buf *field)
{
    uint64_t transaction = hash_of(gl, q->transaction);

    if (!q->takes_field || (q->transaction.n != 0 && transaction == gl->with_field))
        return true;
    greet_from(gl->greet, q->sender);
    if (!greet_is_ready(gl->greet) || !greet_from_is_ready(gl->greet))
        return false;
    greet_put_results(gl->greet, field);
    gl->with_field = transaction;
    return true;
}

static void refuse(struct guard_link *gl, const struct guard_question *q,
                   const struct greeting_verdict *v)
{
    char memory[GREET_REPLY_BYTES];
    struct buf words = BUF_OVER(memory);
    struct guard_answer a = {
        .action = v->action == GREETING_DEFER ? GUARD_DEFER : GUARD_REFUSE,
    };
    struct smtp_reply reply;

    if (!gl->told)
        new_ref(gl);
    reply = greet_reply(gl->greet, v, span_cstr(gl->ref), &words);
    tell_verdict(gl, q, v, reply.text);
    a.code = reply.code;
    a.enhanced = reply.enhanced;
    a.text = reply.text;
    guard_answer(&gl->guard, &a);
}

/* True: answered. False: DNS is still asked. */
static bool judge(struct guard_link *gl, const struct guard_question *q)
{
    char memory[AUTHRES_MAX_BYTES];
    struct buf field = BUF_OVER(memory);
    struct guard_answer yes = {.action = GUARD_ACCEPT};
    struct greeting_verdict v;

    greet_judge_name(gl->greet, &v);
    if (v.action == GREETING_ACCEPT && is_due(gl, q)) {
        if (!greet_is_ready(gl->greet))
            return false;
        greet_judge(gl->greet, &v);
        if (v.action == GREETING_ACCEPT)
            tell_verdict(gl, q, &v, SPAN_NONE);
    }
    if (v.action != GREETING_ACCEPT) {
        refuse(gl, q, &v);
        return true;
    }
    if (!put_field(gl, q, &field))
        return false;
    yes.field = buf_span(&field);
    guard_answer(&gl->guard, &yes);
    return true;
}

/* True: answered. */
static bool on_question(struct guard_link *gl, const struct guard_question *q)
{
    static const struct guard_answer accept = {.action = GUARD_ACCEPT};
    static const struct guard_answer no_memory = {
        .action = GUARD_DEFER,
        .code = 451,
        .enhanced = SPAN_INIT("4.3.0"),
        .text = SPAN_INIT("No memory; try again later"),
    };

    if (q->stage == GUARD_AT_NOTHING || (q->stage > GUARD_AT_HELO && q->greeting.n == 0))
        guard_answer(&gl->guard, &accept);
    else if (!take_greeting(gl, q))
        guard_answer(&gl->guard, &no_memory);
    else
        gl->asking = !judge(gl, q);
    return !gl->asking;
}

/* ---- octets in and out ---- */

/* Write what is there; what is not taken now is kept. False: the connection is gone. */
static bool flush(struct guard_link *gl)
{
    span out = buf_span(&gl->d->output);
    size_t n = 0;

    if (gl->unsent.n == 0 && out.n > 0 && conn_write(&gl->conn, out, &n) != ERR_OK)
        return false;
    out = span_skip(out, n);
    buf_reset(&gl->d->output);
    return out.n == 0 || heap_put(&gl->unsent, out);
}

/* What the engine waits for once it has gone as far as it can. */
static bool serve(struct guard_link *gl, enum guard_need *out_need)
{
    struct guard_question q;

    do {
        *out_need = guard_next(&gl->guard, &q);
        if (*out_need == GUARD_ASK && !on_question(gl, &q))
            return true;
        if (buf_room(&gl->d->output) < GUARD_ANSWER_MAX_BYTES && !flush(gl))
            return false;
    } while ((*out_need == GUARD_ASK || *out_need == GUARD_TOOK) && gl->unsent.n == 0);
    return flush(gl);
}

static void settle(struct guard_link *gl)
{
    if (gl->unsent.n > 0) {
        conn_timeout(&gl->conn, UNSENT_MS);
        conn_want(&gl->conn, LOOP_WRITE);
    } else {
        conn_timeout(&gl->conn, gl->asking ? 0 : idle_ms[gl->port->config->protocol]);
        conn_want(&gl->conn, gl->asking ? 0 : LOOP_READ);
    }
}

/* Whether a link that waits for nothing may end: a milter's is wanted until its client goes. */
static bool may_end(const struct guard_link *gl)
{
    return gl->ended || gl->d->stopping || (gl->d->draining && gl->guard.protocol != GUARD_MILTER);
}

/* Let the engine go on; gl may be freed. */
static void run(struct guard_link *gl)
{
    enum guard_need need = GUARD_MORE;
    bool fine;

    buf_reset(&gl->d->output);
    guard_feed(&gl->guard, heap_span(&gl->in));
    fine = serve(gl, &need) && flush(gl);
    heap_drop(&gl->in, gl->in.n - guard_rest(&gl->guard).n);
    if (gl->in.n == 0)
        heap_release(&gl->in);
    if (need == GUARD_END && gl->in.n != 0)
        say_broken(gl);
    if (!fine || need == GUARD_END || (gl->unsent.n == 0 && !gl->asking && may_end(gl)))
        end(gl);
    else
        settle(gl);
}

static void on_greet(void *arg)
{
    struct guard_link *gl = arg;

    if (!gl->asking)
        return;
    gl->asking = false;
    run(gl);
}

static void on_readable(struct guard_link *gl)
{
    size_t n = 0;
    enum err e = conn_read(&gl->conn, gl->d->input, INPUT_BYTES, &n);

    /* Exim sends its question and shuts its side down; it still wants the answer. */
    gl->ended = e == ERR_CLOSED;
    if ((e != ERR_OK && e != ERR_CLOSED) || !heap_put(&gl->in, span_of(gl->d->input, n)))
        end(gl);
    else if (n != 0 || gl->ended)
        run(gl);
}

static void on_writable(struct guard_link *gl)
{
    size_t n = 0;

    if (conn_write(&gl->conn, heap_span(&gl->unsent), &n) != ERR_OK) {
        end(gl);
        return;
    }
    heap_drop(&gl->unsent, n);
    if (gl->unsent.n > 0)
        return;
    heap_release(&gl->unsent);
    run(gl);
}

static void on_conn(void *arg, struct conn *c, enum conn_event ev, unsigned ready)
{
    struct guard_link *gl = arg;

    (void)c;
    if (ev == CONN_TIMEOUT)
        end(gl);
    else if ((ready & LOOP_WRITE) != 0 && gl->unsent.n > 0)
        on_writable(gl);
    else if ((ready & LOOP_READ) != 0)
        on_readable(gl);
}

/* ---- the process ---- */

static void on_accept(void *arg, int fd, const struct net_addr *client)
{
    struct guard_port *port = arg;
    struct guard_proc *d = port->proc;
    struct guard_link *gl =
        d->link_count < d->config->limits.sessions ? calloc(1, sizeof(*gl)) : NULL;

    (void)client;
    if (gl == NULL) {
        (void)close(fd);
        return;
    }
    gl->d = d;
    gl->port = port;
    heap_init(&gl->in, GUARD_INPUT_MAX_BYTES + INPUT_BYTES);
    heap_init(&gl->unsent, UNSENT_BYTES);
    guard_init(&gl->guard, port->config->protocol, port->config->header == CONFIG_ON, &d->output);
    if (!conn_accept(&gl->conn, d->loop, fd, on_conn, gl)) {
        free(gl);
        return;
    }
    gl->next = d->links;
    gl->at = &d->links;
    if (gl->next != NULL)
        gl->next->at = &gl->next;
    d->links = gl;
    d->link_count++;
    settle(gl);
}

static void on_peer(struct proc *p, unsigned kind, unsigned index, int fd)
{
    struct guard_proc *d = p->self;

    (void)index;
    if (kind == PROC_QUEUE)
        put_client_link(&d->queue, fd);
    else
        resolve_client_link(&d->resolver, fd);
}

static void end_links(struct guard_proc *d, bool all)
{
    struct guard_link *next;

    for (struct guard_link *gl = d->links; gl != NULL; gl = next) {
        next = gl->next;
        if (all || (may_end(gl) && !gl->asking && gl->unsent.n == 0 && gl->in.n == 0))
            end(gl);
    }
}

static void on_farewell(void *arg)
{
    end_links(arg, true);
}

static void on_drain(struct proc *p, bool reload, int64_t deadline_ms)
{
    struct guard_proc *d = p->self;

    for (size_t i = 0; i < d->port_count && !d->draining; i++)
        listener_stop(&d->ports[i].listener);
    d->draining = true;
    d->stopping = d->stopping || !reload;
    if (d->link_count == 0)
        leave(d);
    end_links(d, false);
    loop_timer_at(&d->farewell, deadline_ms - PROC_FAREWELL_MS);
}

static bool open_ports(struct guard_proc *d)
{
    struct proc *p = d->proc;

    d->port_count = p->listener_count;
    d->ports = x_alloc(d->port_count * sizeof(*d->ports));
    for (size_t i = 0; i < d->port_count; i++) {
        struct guard_port *port = &d->ports[i];

        port->proc = d;
        port->config = p->listeners[i].config;
        if (!listener_start(&port->listener, d->loop, p->listeners[i].fd, on_accept, port))
            return false;
    }
    return true;
}

/* Nobody hands over mail here, so nobody waits for room. */
static void on_room(void *arg)
{
    (void)arg;
}

/* The ledger and the past are the queue process's. */
static void join_ledger(struct guard_proc *d, const struct context *context)
{
    bool on = context->config->ledger.enabled == CONFIG_LEDGER_YES && !context->guard_only;

    put_client_init(&d->queue, d->loop, on_room, d);
    ledger_client_init(&d->ledger, d->loop, &d->queue, on);
    past_client_init(&d->past, d->loop, &d->queue);
    own_hear(&d->greets.own, &d->queue);
    if (on && greeting_policy_wants_past(&context->config->greeting.policy))
        d->greets.past = &d->past;
}

int guard_run(struct proc *p)
{
    const struct context *context = p->config;
    static struct guard_proc d;

    d = (struct guard_proc){.proc = p, .loop = p->loop, .config = context->config};
    ident_init(&d.ident, IDENT_WORKERS - 1 - p->generation % 64, IDENT_WORKERS, 0);
    resolve_client_init(&d.resolver, p->loop);
    greet_shared_init(&d.greets, p->loop, &d.resolver, context->config);
    join_ledger(&d, context);
    loop_timer_init(&d.farewell, p->loop, on_farewell, &d);
    d.input = x_alloc(INPUT_BYTES);
    d.output = buf_over(x_alloc(OUTPUT_BYTES), OUTPUT_BYTES);
    loop_spin(p->loop);
    p->self = &d;
    p->on_peer = on_peer;
    p->on_drain = on_drain;
    if (!open_ports(&d) || !proc_enter(p, NULL, 0))
        return PROC_EXIT_FAILED;
    return proc_run(p);
}
