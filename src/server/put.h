/* SPDX-License-Identifier: ISC */
/*
 * server/put.h - smtpd's way to hand a message to the queue process.
 *
 * A put is one message on its way: either whole (put_whole), or opened, fed in
 * chunks and closed. Its answer comes through the callback exactly once, after
 * the message is on disk or lost to it; put_cancel ends it without. A put that
 * loses its queue process (it died) is answered PUT_FAILED: the client then hears
 * 451 and comes again.
 *
 * A new queue process is linked with put_link; puts begun before stay with the
 * old one, which answers what it has before it ends.
 */
#ifndef SERVER_PUT_H
#define SERVER_PUT_H

#include "net/chan.h"
#include "queue/frames.h"

#define PUT_SLOTS 1024 /* a power of two; more puts at once are chained */

struct put;
typedef void put_fn(void *arg, const struct put_result *result);
typedef void put_room_fn(void *arg);

struct put_link;

struct put_client {
    struct loop *loop;
    struct put_link *links; /* the newest first; it takes new puts while it is open */
    struct put *slots[PUT_SLOTS];
    uint32_t next_tag;
    put_room_fn *on_room; /* after put_is_full said yes: there is room again */
    void *arg;
};

/* In the caller's memory; zeroed is "none". */
struct put {
    struct put_client *client; /* NULL: no put under way */
    struct put_link *link;
    struct put *next;
    put_fn *fn;
    void *arg;
    uint64_t sent; /* octets of the body so far */
    uint32_t tag;
    bool open; /* between put_open and put_close */
};

void put_client_init(struct put_client *c, struct loop *loop, put_room_fn *on_room, void *arg);
/* Give new puts to the queue process at fd (taken). */
void put_client_link(struct put_client *c, int fd);
/* Puts that wait for their answer. */
size_t put_client_pending(const struct put_client *c);

/* The queue does not keep up: do not send more until on_room. */
bool put_is_full(const struct put_client *c);

/* Whom to tell; set before put_whole and put_open. */
static inline void put_init(struct put *p, put_fn *fn, void *arg)
{
    *p = (struct put){.fn = fn, .arg = arg};
}

/*
 * Hand over a message with a body of at most QUEUE_INLINE_BYTES.
 *
 * head     the envelope, packed as a string (pack_span)
 * returns false when there is no queue process now; there will be no answer then
 */
MUSTUSE bool put_whole(struct put_client *c, struct put *p, span head, span body);

/* Begin a message whose size is not known; false as above. */
MUSTUSE bool put_open(struct put_client *c, struct put *p, span envelope);
/* Octets of the body in any size. Nothing after the put was answered. */
void put_chunk(struct put *p, span octets);
/* The body is whole. */
void put_close(struct put *p);

/* Forget it: an open put leaves nothing in the queue. No put under way: nothing. */
void put_cancel(struct put *p);

static inline bool put_is_pending(const struct put *p)
{
    return p->client != NULL;
}

#endif
