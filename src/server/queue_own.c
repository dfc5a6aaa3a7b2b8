/* SPDX-License-Identifier: ISC */
#include "server/queue_own.h"

#include "greeting/choose.h"
#include "queue/frames.h"
#include "server/queue_link.h"

static bool judges(const struct queue_link *link)
{
    return link->kind == QUEUE_LINK_SMTPD || link->kind == QUEUE_LINK_GUARD;
}

/* Where there is no room for it they go on without: it is no more than another name for us. */
static void tell(struct queue_link *link, struct ip_addr a)
{
    char memory[OWN_ADDRESS_BYTES];
    struct buf b = BUF_OVER(memory);

    own_address_put(&b, a);
    (void)!chan_send(&link->chan, QUEUE_OWN, 0, buf_span(&b), SPAN_NONE, -1);
}

static bool is_known(const struct queue_own *own, struct ip_addr a)
{
    for (size_t i = 0; i < own->n; i++)
        if (ip_addr_eq(own->address[i], a))
            return true;
    return false;
}

void queue_own_take(struct queue *q, span payload)
{
    struct queue_own *own = &q->own;
    struct ip_addr a;

    if (!own_address_get(payload, &a) || !greeting_is_public(a) || is_known(own, a) ||
        own->n == QUEUE_OWN_MAX)
        return;
    own->address[own->n++] = a;
    for (struct queue_link *link = q->links; link != NULL; link = link->next)
        if (judges(link))
            tell(link, a);
}

void queue_own_tell(struct queue_link *link)
{
    for (size_t i = 0; judges(link) && i < link->queue->own.n; i++)
        tell(link, link->queue->own.address[i]);
}
