/* SPDX-License-Identifier: ISC */
#include "net/resolve.h"

#include "dns/wire.h"
#include "os/clock.h"

static const struct chan_type types[RESOLVE_FRAME_COUNT] = {
    [RESOLVE_ANSWER] = {"answer", RESOLVE_ANSWER_MAX, false},
};

static struct resolve_query **slot_of(struct resolve_client *c, uint32_t tag)
{
    return &c->slots[tag % RESOLVE_SLOTS];
}

static void link_query(struct resolve_client *c, struct resolve_query *q)
{
    struct resolve_query **slot = slot_of(c, q->tag);

    q->client = c;
    q->next = *slot;
    q->at = slot;
    if (q->next != NULL)
        q->next->at = &q->next;
    *slot = q;
    c->in_flight++;
}

void resolve_cancel(struct resolve_query *q)
{
    struct resolve_client *c = q->client;

    if (c == NULL)
        return;
    *q->at = q->next;
    if (q->next != NULL)
        q->next->at = q->at;
    q->next = NULL;
    q->at = NULL;
    q->client = NULL;
    c->in_flight--;
    loop_timer_stop(&q->timer);
    loop_task_cancel(c->loop, &q->fail);
}

static void answer(struct resolve_query *q, const struct dns_answer *a)
{
    resolve_cancel(q);
    q->fn(q->arg, a);
}

static void answer_status(struct resolve_query *q, enum dns_status status)
{
    struct dns_answer a = dns_answer_of(q->type, status);
    answer(q, &a);
}

static void on_deadline(void *arg)
{
    answer_status(arg, DNS_TIMEOUT);
}

static void on_fail(void *arg)
{
    struct resolve_query *q = arg;
    answer_status(q, q->outcome);
}

/* Have the question answered from the loop without asking anybody. */
static void fail_later(struct resolve_query *q, enum dns_status outcome)
{
    q->outcome = outcome;
    loop_defer(q->client->loop, &q->fail);
}

/* A question that cannot be sent now waits for the next resolver, or its deadline. */
static void send_question(struct resolve_query *q)
{
    char mem[RESOLVE_QUESTION_MAX];
    struct buf b = BUF_OVER(mem);
    int64_t left = q->deadline_ms - clock_mono_ms();

    if (!chan_is_open(&q->client->chan) || left <= 0)
        return;
    pack_u32(&b, (uint32_t)min_i64(left, UINT32_MAX));
    pack_u16(&b, (uint16_t)q->type);
    pack_span(&b, span_of(q->name, q->name_n));
    if (chan_send(&q->client->chan, RESOLVE_QUESTION, q->tag, buf_span(&b), SPAN_NONE, -1) !=
        ERR_OK)
        fail_later(q, DNS_SERVFAIL);
}

void resolve_ask(struct resolve_client *c, struct resolve_query *q, span name, enum dns_type type,
                 int64_t timeout_ms)
{
    char mem[DNS_QUERY_MAX_BYTES];
    struct buf wire = BUF_OVER(mem);

    BUG_IF(q->client != NULL, "a query was asked while it was under way");
    q->type = type;
    q->deadline_ms = clock_mono_ms() + timeout_ms;
    q->tag = c->next_tag++;
    q->name_n = 0;
    loop_timer_init(&q->timer, c->loop, on_deadline, q);
    loop_task_init(&q->fail, on_fail, q);
    link_query(c, q);
    loop_timer_set_common(&q->timer, timeout_ms);
    if (name.n > sizeof q->name || c->in_flight > RESOLVE_INFLIGHT_MAX) {
        fail_later(q, DNS_SERVFAIL);
        return;
    }
    memcpy(q->name, name.n != 0 ? name.p : "", name.n);
    q->name_n = (uint8_t)name.n;
    if (dns_name_put(&wire, name))
        send_question(q);
    else
        fail_later(q, DNS_NXDOMAIN);
}

/* The tag comes from another process: only a query that is under way is looked at. */
static struct resolve_query *find(struct resolve_client *c, uint32_t tag)
{
    struct resolve_query *q = *slot_of(c, tag);

    while (q != NULL && q->tag != tag)
        q = q->next;
    return q;
}

static void on_frame(void *arg, struct chan *chan, struct chan_frame *f)
{
    struct resolve_client *c = arg;
    struct unpack u = unpack_over(f->body);
    struct dns_answer a;
    struct resolve_query *q = find(c, f->tag);

    (void)chan;
    if (q == NULL)
        return; /* answered by its deadline, or cancelled */
    bool good = dns_answer_unpack(&u, &a) && unpack_done(&u) && a.type == q->type;
    if (good)
        answer(q, &a);
    else
        answer_status(q, DNS_SERVFAIL);
}

/* The questions stay: the supervisor sends a new resolver, or the deadline comes. */
static void on_closed(void *arg, struct chan *chan, enum chan_end why)
{
    (void)arg;
    (void)chan;
    (void)why;
}

void resolve_client_init(struct resolve_client *c, struct loop *loop)
{
    *c = (struct resolve_client){.loop = loop, .next_tag = 1};
}

void resolve_client_link(struct resolve_client *c, int fd)
{
    const struct chan_conf conf = {
        .name = "resolver",
        .types = types,
        .type_count = COUNT(types),
        .on_frame = on_frame,
        .on_closed = on_closed,
        .arg = c,
    };

    chan_close(&c->chan);
    if (chan_open(&c->chan, c->loop, fd, &conf) != ERR_OK)
        return;
    for (size_t i = 0; i < RESOLVE_SLOTS; i++) {
        for (struct resolve_query *q = c->slots[i]; q != NULL; q = q->next) {
            if (q->fail.at == NULL)
                send_question(q);
        }
    }
}

void resolve_client_finish(struct resolve_client *c)
{
    for (size_t i = 0; i < RESOLVE_SLOTS; i++) {
        while (c->slots[i] != NULL)
            resolve_cancel(c->slots[i]);
    }
    chan_close(&c->chan);
}
