/* SPDX-License-Identifier: ISC */
#include "server/past.h"

static struct past_query **slot_of(struct past_client *c, uint32_t tag)
{
    return &c->slots[tag & (PAST_SLOTS - 1)];
}

void past_cancel(struct past_query *q)
{
    struct past_query **at;

    if (q->client == NULL)
        return;
    at = slot_of(q->client, q->tag);
    while (*at != q)
        at = &(*at)->next;
    *at = q->next;
    loop_timer_stop(&q->timer);
    q->client = NULL;
}

static void answer(struct past_query *q, const struct greeting_history *history)
{
    past_cancel(q);
    q->fn(q->arg, history);
}

static void on_time(void *arg)
{
    static const struct greeting_history nothing;

    answer(arg, &nothing);
}

static void on_reply(void *arg, uint32_t tag, span body)
{
    struct past_client *c = arg;
    struct past_query *q = *slot_of(c, tag);
    struct greeting_history history = {0};
    struct unpack u = unpack_over(body);

    while (q != NULL && q->tag != tag)
        q = q->next;
    if (q == NULL)
        return; /* it came too late */
    greeting_history_unpack(&u, &history);
    if (!unpack_done(&u))
        history = (struct greeting_history){0};
    answer(q, &history);
}

void past_client_init(struct past_client *c, struct loop *loop, struct put_client *queue)
{
    *c = (struct past_client){.loop = loop, .queue = queue};
    queue->on_other = on_reply;
    queue->other_arg = c;
}

bool past_ask(struct past_client *c, struct past_query *q, struct ip_addr client, span name,
              past_fn *fn, void *arg)
{
    struct past_question question = {client, name};
    char memory[PAST_QUESTION_BYTES];
    struct buf b = BUF_OVER(memory);
    uint32_t tag = c->next_tag++;

    past_question_put(&b, &question);
    if (!put_aside(c->queue, QUEUE_PAST, tag, buf_span(&b)))
        return false;
    *q = (struct past_query){.client = c, .tag = tag, .fn = fn, .arg = arg};
    q->next = *slot_of(c, tag);
    *slot_of(c, tag) = q;
    loop_timer_init(&q->timer, c->loop, on_time, q);
    loop_timer_set_common(&q->timer, PAST_WAIT_MS);
    return true;
}
