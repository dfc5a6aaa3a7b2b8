/* SPDX-License-Identifier: ISC */
/*
 * libunbound may call back from inside ub_resolve_event. So a callback never
 * starts a look-up: look-ups are started by arriving frames alone, and a
 * callback only answers. `starting` guards the question of the call under way.
 */
#include "server/resolver.h"

#include <stdlib.h>
#include <unbound.h>
/* after unbound.h, which it needs */
#include <unbound-event.h>
#include <unistd.h>

#include "base/hash.h"
#include "dns/wire.h"
#include "net/resolve.h"
#include "os/clock.h"
#include "os/log.h"
#include "os/random.h"
#include "server/forward.h"

#define BUCKETS 4096

struct client {
    struct client *next;
    struct chan chan;
    unsigned kind;
    unsigned index;
};

struct asker {
    struct asker *next;
    struct client *client;
    uint32_t tag;
};

struct question {
    struct question *next;
    enum dns_type type;
    char name[RESOLVE_NAME_BYTES + 1]; /* lower case, NUL-terminated */
    struct asker *askers;
    int64_t deadline_ms;
    struct loop_timer timer;
    int id;        /* libunbound's, for ub_cancel */
    bool starting; /* inside ub_resolve_event */
    bool done;     /* answered while starting */
};

static struct resolver {
    struct proc *proc;
    struct ub_ctx *ctx;
    struct client *clients;
    struct hash_key key;
    size_t question_count;
    size_t asker_count;
    bool draining;
    char records[DNS_ANSWER_MAX_BYTES];
    char packed[DNS_PACKED_MAX_BYTES];
    struct question *buckets[BUCKETS];
} res;

/* Answers */

static struct question **bucket_of(span name, enum dns_type type)
{
    uint64_t h = hash_keyed_icase(res.key, name) + (uint64_t)type;
    return &res.buckets[h % BUCKETS];
}

static void remove_question(struct question *q)
{
    struct question **at = bucket_of(span_cstr(q->name), q->type);

    while (*at != q)
        at = &(*at)->next;
    *at = q->next;
    res.question_count--;
    loop_timer_stop(&q->timer);
}

/* Tell one asker; who does not take answers any more asks again after its deadline. */
static void send_answer(struct client *to, uint32_t tag, const struct dns_answer *a)
{
    struct buf b = BUF_OVER(res.packed);

    dns_answer_pack(&b, a);
    BUG_IF(b.overflow, "an answer longer than an answer can be");
    (void)!chan_send(&to->chan, RESOLVE_ANSWER, tag, buf_span(&b), SPAN_NONE, -1);
}

/* Answer all who wait for q and forget it. */
static void settle(struct question *q, const struct dns_answer *a)
{
    remove_question(q);
    while (q->askers != NULL) {
        struct asker *k = q->askers;
        q->askers = k->next;
        if (k->client != NULL)
            send_answer(k->client, k->tag, a);
        free(k);
        res.asker_count--;
    }
    if (q->starting)
        q->done = true;
    else
        free(q);
}

static void settle_status(struct question *q, enum dns_status status)
{
    struct dns_answer a = dns_answer_of(q->type, status);
    settle(q, &a);
}

/* What libunbound says, as an answer. security: 1 bogus, 2 secure. */
static struct dns_answer read_answer(const struct question *q, span packet, int security)
{
    struct buf mem = BUF_OVER(res.records);
    struct dns_question asked = {span_cstr(q->name), q->type};
    struct dns_answer a = dns_answer_of(q->type, DNS_SERVFAIL);

    if (dns_wire_read(packet, asked, &mem, &a) != ERR_OK)
        return dns_answer_of(q->type, DNS_SERVFAIL);
    a.secure = security == 2;
    return a;
}

/* rcode is libunbound's own, not that of DNS: the packet is one only when it is 0. */
/* NOLINTBEGIN(readability-function-size,readability-non-const-parameter): libunbound says how. */
static void on_unbound(void *arg, int rcode, void *packet, int packet_n, int security,
                       char *why_bogus, int ratelimited)
/* NOLINTEND(readability-function-size,readability-non-const-parameter) */
{
    struct question *q = arg;
    struct dns_answer a = dns_answer_of(q->type, DNS_SERVFAIL);

    (void)why_bogus;
    (void)ratelimited;
    if (security == 1)
        a = dns_answer_of(q->type, DNS_BOGUS);
    else if (rcode == 0 && packet != NULL && packet_n > 0)
        a = read_answer(q, span_of(packet, (size_t)packet_n), security);
    settle(q, &a);
}

static void on_deadline(void *arg)
{
    struct question *q = arg;

    (void)ub_cancel(res.ctx, q->id);
    settle_status(q, DNS_TIMEOUT);
}

/* Questions */

static struct question *find_question(span name, enum dns_type type)
{
    struct question *q = *bucket_of(name, type);

    while (q != NULL && !(q->type == type && span_eq(span_cstr(q->name), name)))
        q = q->next;
    return q;
}

static bool add_asker(struct question *q, struct client *c, uint32_t tag)
{
    struct asker *k = res.asker_count < RESOLVER_ASKERS_MAX ? calloc(1, sizeof *k) : NULL;

    if (k == NULL)
        return false;
    *k = (struct asker){q->askers, c, tag};
    q->askers = k;
    res.asker_count++;
    return true;
}

/* The question lives as long as its most patient asker. */
static void extend(struct question *q, int64_t timeout_ms)
{
    int64_t deadline_ms = clock_mono_ms() + min_i64(timeout_ms, RESOLVER_TIMEOUT_MS);

    if (deadline_ms <= q->deadline_ms)
        return;
    q->deadline_ms = deadline_ms;
    loop_timer_at(&q->timer, deadline_ms);
}

static struct question *new_question(span name, enum dns_type type)
{
    struct question *q = res.question_count < RESOLVER_QUESTIONS_MAX ? calloc(1, sizeof *q) : NULL;
    struct question **at = bucket_of(name, type);

    if (q == NULL)
        return NULL;
    q->type = type;
    memcpy(q->name, name.n != 0 ? name.p : "", name.n);
    loop_timer_init(&q->timer, res.proc->loop, on_deadline, q);
    q->next = *at;
    *at = q;
    res.question_count++;
    return q;
}

static void start_question(struct question *q)
{
    int id = 0;

    q->starting = true;
    int e = ub_resolve_event(res.ctx, q->name[0] != '\0' ? q->name : ".", (int)q->type, 1, q,
                             on_unbound, &id);
    q->starting = false;
    q->id = id;
    if (q->done)
        free(q);
    else if (e != 0)
        settle_status(q, DNS_SERVFAIL);
}

static void refuse(struct client *c, uint32_t tag, enum dns_type type)
{
    struct dns_answer a = dns_answer_of(type, DNS_SERVFAIL);
    send_answer(c, tag, &a);
}

static void ask(struct client *c, uint32_t tag, span name, enum dns_type type, int64_t timeout_ms)
{
    struct question *q = find_question(name, type);
    bool fresh = q == NULL;

    if (fresh)
        q = new_question(name, type);
    if (q == NULL) {
        refuse(c, tag, type);
        return;
    }
    extend(q, timeout_ms);
    if (!add_asker(q, c, tag))
        refuse(c, tag, type);
    if (fresh)
        start_question(q);
}

/* One spelling for one name, so that equal questions join. */
static void on_question(void *arg, struct chan *chan, struct chan_frame *f)
{
    struct client *c = arg;
    struct unpack u = unpack_over(f->body);
    uint32_t timeout_ms = unpack_u32(&u);
    enum dns_type type = (enum dns_type)unpack_u16(&u);
    span name = unpack_span(&u, RESOLVE_NAME_BYTES);
    char text[RESOLVE_NAME_BYTES + 1];
    struct buf b = BUF_OVER(text);

    (void)chan;
    dns_name_normal(&b, name);
    if (unpack_done(&u) && buf_cstr(&b) != NULL)
        ask(c, f->tag, buf_span(&b), type, timeout_ms);
    else
        refuse(c, f->tag, type);
}

/* Clients */

static void end_when_drained(void)
{
    if (res.draining && res.clients == NULL)
        proc_done(res.proc, PROC_EXIT_OK);
}

/* The look-ups of a client that is gone go on: their answers are worth having in the cache. */
static void forget_client(struct client *c)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct question *q = res.buckets[i]; q != NULL; q = q->next) {
            for (struct asker *k = q->askers; k != NULL; k = k->next)
                k->client = k->client == c ? NULL : k->client;
        }
    }
}

static void on_client_closed(void *arg, struct chan *chan, enum chan_end why)
{
    struct client *c = arg;
    struct client **at = &res.clients;

    (void)chan;
    (void)why;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    forget_client(c);
    free(c);
    end_when_drained();
}

static void on_peer(struct proc *p, unsigned kind, unsigned index, int fd)
{
    static const struct chan_type types[RESOLVE_FRAME_COUNT] = {
        [RESOLVE_QUESTION] = {"question", RESOLVE_QUESTION_MAX, false},
    };
    struct client *c = calloc(1, sizeof *c);
    struct chan_conf conf = {
        .name = p->specs[kind].name,
        .types = types,
        .type_count = COUNT(types),
        .on_frame = on_question,
        .on_closed = on_client_closed,
        .arg = c,
    };

    if (c == NULL) {
        close(fd);
        return;
    }
    c->kind = kind;
    c->index = index;
    if (chan_open(&c->chan, p->loop, fd, &conf) != ERR_OK) {
        free(c);
        return;
    }
    c->next = res.clients;
    res.clients = c;
}

/* Sessions that are being finished still ask: the last client decides. */
static void on_drain(struct proc *p, bool reload, int64_t deadline_ms)
{
    (void)p;
    (void)reload;
    (void)deadline_ms;
    res.draining = true;
    end_when_drained();
}

int resolver_run(struct proc *p, const struct resolver_conf *conf)
{
    struct sandbox_grant grants[RESOLVER_SERVERS_MAX];
    size_t grant_count = 0;
    struct diag d = {0};

    res.proc = p;
    os_random(&res.key, sizeof res.key);
    res.ctx = forward_open(loop_event_base(p->loop), conf, grants, &grant_count, &d);
    if (res.ctx == NULL) {
        struct log_line l = log_begin(LOG_RESOLVER_TROUBLE, LOG_ERROR);
        log_diag(&l, &d);
        log_end(&l);
        return PROC_EXIT_FAILED;
    }
    p->on_peer = on_peer;
    p->on_drain = on_drain;
    if (!proc_enter(p, grants, grant_count))
        return PROC_EXIT_FAILED;
    return proc_run(p);
}
