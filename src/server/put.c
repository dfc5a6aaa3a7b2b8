/* SPDX-License-Identifier: ISC */
#include "server/put.h"

#include <stdlib.h>

struct put_link {
    struct chan chan;
    struct put_client *client;
    struct put_link *next;
};

static const struct chan_type types[] = {
    [QUEUE_PUT_RESULT] = {"put-result", PUT_RESULT_BYTES, false},
    [QUEUE_PAST_REPLY] = {"past-reply", PAST_REPLY_BYTES, false},
    [QUEUE_OWN] = {"own", OWN_ADDRESS_BYTES, false},
};

static void give_up(void *arg);

void put_client_init(struct put_client *c, struct loop *loop, put_room_fn *on_room, void *arg)
{
    *c = (struct put_client){.loop = loop, .next_tag = 1, .on_room = on_room, .arg = arg};
    loop_timer_init(&c->timer, loop, give_up, c);
}

/* ---- the table of puts; those without a link are parked in a list of their own ---- */

static struct put **slot_of(struct put_client *c, uint32_t tag)
{
    return &c->slots[tag & (PUT_SLOTS - 1)];
}

static struct put *find(struct put_client *c, uint32_t tag)
{
    struct put *p = *slot_of(c, tag);

    while (p != NULL && p->tag != tag)
        p = p->next;
    return p;
}

static void insert(struct put *p, struct put **at)
{
    p->next = *at;
    *at = p;
}

static void take_out(struct put *p)
{
    struct put **at = p->link == NULL ? &p->client->parked : slot_of(p->client, p->tag);

    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    p->client = NULL;
}

static void answer(struct put *p, const struct put_result *result)
{
    take_out(p);
    p->fn(p->arg, result);
}

static void fail(struct put *p, span why)
{
    struct put_result result = {PUT_FAILED, why};

    answer(p, &result);
}

static void give_up(void *arg)
{
    struct put_client *c = arg;

    while (c->parked != NULL)
        fail(c->parked, SPAN("there is no queue process"));
}

static void park(struct put_client *c, struct put *p)
{
    if (c->parked == NULL)
        loop_timer_set(&c->timer, PUT_WAIT_MS);
    p->client = c;
    p->link = NULL;
    insert(p, &c->parked);
}

static void bind_to(struct put_client *c, struct put *p, struct put_link *link)
{
    p->client = c;
    p->link = link;
    p->tag = c->next_tag++;
    insert(p, slot_of(c, p->tag));
}

static bool send(struct put *p, enum queue_frame type, span head, span body)
{
    return chan_send(&p->link->chan, (uint16_t)type, p->tag, head, body, -1) == ERR_OK;
}

static void send_whole(struct put_client *c, struct put *p)
{
    bind_to(c, p, c->links);
    if (!send(p, QUEUE_PUT, p->head, p->body))
        fail(p, SPAN("the queue does not keep up"));
}

/* ---- the link to one queue process ---- */

/* What answers no put; false: it does. */
static bool is_aside(struct put_client *c, const struct chan_frame *f)
{
    if (f->type == QUEUE_PAST_REPLY && c->on_other != NULL)
        c->on_other(c->other_arg, f->tag, f->body);
    if (f->type == QUEUE_OWN && c->on_own != NULL)
        c->on_own(c->own_arg, f->body);
    return f->type != QUEUE_PUT_RESULT;
}

static void link_frame(void *arg, struct chan *chan, struct chan_frame *f)
{
    struct put_link *link = arg;
    struct put *p = find(link->client, f->tag);
    struct put_result result;

    (void)chan;
    if (is_aside(link->client, f))
        return;
    /* No put of that tag: it was cancelled while its answer was on the way. */
    if (p == NULL || p->link != link)
        return;
    if (!put_result_get(f->body, &result))
        result = (struct put_result){PUT_FAILED, SPAN("malformed answer of the queue process")};
    answer(p, &result);
}

/* The first put that waits for this link; NULL: none. */
static struct put *first_of(struct put_client *c, const struct put_link *link)
{
    for (size_t i = 0; i < PUT_SLOTS; i++) {
        for (struct put *p = c->slots[i]; p != NULL; p = p->next) {
            if (p->link == link)
                return p;
        }
    }
    return NULL;
}

static void send_parked(struct put_client *c)
{
    struct put *p;

    while (c->links != NULL && (p = c->parked) != NULL) {
        take_out(p);
        send_whole(c, p);
    }
    if (c->parked == NULL)
        loop_timer_stop(&c->timer);
}

static void link_closed(void *arg, struct chan *chan, enum chan_end why)
{
    struct put_link *link = arg;
    struct put_client *c = link->client;
    struct put_link **at = &c->links;
    struct put *p;

    (void)chan;
    (void)why;
    while (*at != link)
        at = &(*at)->next;
    *at = link->next;
    while ((p = first_of(c, link)) != NULL) {
        if (!p->whole) {
            fail(p, SPAN("the queue process went away"));
            continue;
        }
        take_out(p);
        park(c, p);
    }
    free(link);
    send_parked(c);
    c->on_room(c->arg);
}

static void link_room(void *arg, struct chan *chan)
{
    struct put_link *link = arg;

    (void)chan;
    link->client->on_room(link->client->arg);
}

void put_client_link(struct put_client *c, int fd)
{
    struct put_link *link = x_alloc(sizeof(*link));
    struct chan_conf conf = {
        .name = "queue",
        .types = types,
        .type_count = COUNT(types),
        .on_frame = link_frame,
        .on_closed = link_closed,
        .on_room = link_room,
        .arg = link,
    };

    link->client = c;
    if (chan_open(&link->chan, c->loop, fd, &conf) != ERR_OK) {
        free(link);
        return;
    }
    link->next = c->links;
    c->links = link;
    send_parked(c);
}

size_t put_client_pending(const struct put_client *c)
{
    size_t n = 0;

    for (size_t i = 0; i < PUT_SLOTS; i++) {
        for (const struct put *p = c->slots[i]; p != NULL; p = p->next)
            n++;
    }
    for (const struct put *p = c->parked; p != NULL; p = p->next)
        n++;
    return n;
}

bool put_is_full(const struct put_client *c)
{
    return c->links != NULL && chan_is_full(&c->links->chan);
}

bool put_aside(struct put_client *c, enum queue_frame type, uint32_t tag, span payload)
{
    return c->links != NULL && !put_is_full(c) &&
           chan_send(&c->links->chan, (uint16_t)type, tag, payload, SPAN_NONE, -1) == ERR_OK;
}

void put_client_flush(struct put_client *c)
{
    for (struct put_link *link = c->links; link != NULL; link = link->next)
        chan_flush(&link->chan);
}

/* ---- puts ---- */

void put_whole(struct put_client *c, struct put *p, span head, span body)
{
    BUG_IF(p->client != NULL, "a put begun twice");
    p->whole = true;
    p->head = head;
    p->body = body;
    if (c->links == NULL)
        park(c, p);
    else
        send_whole(c, p);
}

bool put_open(struct put_client *c, struct put *p, span envelope)
{
    BUG_IF(p->client != NULL, "a put begun twice");
    if (c->links == NULL)
        return false;
    p->whole = false;
    p->sent = 0;
    bind_to(c, p, c->links);
    p->open = send(p, QUEUE_PUT_BEGIN, envelope, SPAN_NONE);
    if (!p->open)
        take_out(p);
    return p->open;
}

void put_chunk(struct put *p, span octets)
{
    while (p->client != NULL && octets.n > 0) {
        span piece = span_head(octets, QUEUE_INLINE_BYTES);

        if (!send(p, QUEUE_PUT_CHUNK, piece, SPAN_NONE)) {
            fail(p, SPAN("the queue does not keep up"));
            return;
        }
        p->sent += piece.n;
        octets = span_skip(octets, piece.n);
    }
}

void put_close(struct put *p)
{
    char total[8];
    struct buf b = BUF_OVER(total);

    if (p->client == NULL)
        return;
    p->open = false;
    pack_u64(&b, p->sent);
    if (!send(p, QUEUE_PUT_END, buf_span(&b), SPAN_NONE))
        fail(p, SPAN("the queue does not keep up"));
}

void put_cancel(struct put *p)
{
    if (p->client == NULL)
        return;
    /* If even that cannot be queued, the channel is about to end, and the put with it. */
    if (p->open)
        (void)!send(p, QUEUE_PUT_ABORT, SPAN_NONE, SPAN_NONE);
    take_out(p);
}
