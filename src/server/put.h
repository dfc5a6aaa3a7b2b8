/* SPDX-License-Identifier: ISC */
/*
 * server/put.h - smtpd's way to hand a message to the queue process.
 *
 * A put is one message on its way: either whole (put_whole), or opened, fed in
 * chunks and closed. Its answer comes through the callback exactly once, after
 * the message is on disk or lost to it; put_cancel ends it without.
 *
 * The queue process may die and be replaced, or be replaced by a reload. Whole puts
 * wait for the next one and are sent again: the queue knows a message by its id, so
 * one that was stored before is not stored twice. An open put has been passed on
 * already and is answered PUT_FAILED: the client hears 451 and comes again. So is a
 * whole one when no queue process comes for PUT_WAIT_MS. On a reload, puts begun before stay with
 * the old queue process, which answers what it has before it ends.
 */
#ifndef SERVER_PUT_H
#define SERVER_PUT_H

#include "net/chan.h"
#include "queue/frames.h"

#define PUT_SLOTS   1024  /* a power of two; more puts at once are chained */
#define PUT_WAIT_MS 10000 /* how long whole puts wait for a queue process */

struct put;
typedef void put_fn(void *arg, const struct put_result *result);
typedef void put_room_fn(void *arg);

/* A frame that is no answer to a put (QUEUE_PAST_REPLY). */
typedef void put_other_fn(void *arg, uint32_t tag, span body);
/* QUEUE_OWN came. */
typedef void put_own_fn(void *arg, span body);

struct put_link;

struct put_client {
    struct loop *loop;
    struct put_link *links; /* the newest first; it takes new puts while it is open */
    struct put *slots[PUT_SLOTS];
    struct put *parked;      /* whole puts that wait for a queue process */
    struct loop_timer timer; /* how long they do */
    uint32_t next_tag;
    put_room_fn *on_room; /* after put_is_full said yes: there is room again */
    void *arg;
    put_other_fn *on_other; /* NULL: not wanted; set by the owner */
    void *other_arg;
    put_own_fn *on_own; /* likewise */
    void *own_arg;
};

/* In the caller's memory; zeroed is "none". */
struct put {
    struct put_client *client; /* NULL: no put under way */
    struct put_link *link;     /* NULL: parked */
    struct put *next;
    put_fn *fn;
    void *arg;
    span head, body; /* of a whole put; borrowed */
    uint64_t sent;   /* octets of an open one's body so far */
    uint32_t tag;
    bool whole;
    bool open; /* between put_open and put_close */
};

void put_client_init(struct put_client *c, struct loop *loop, put_room_fn *on_room, void *arg);
/* Give new puts to the queue process at fd (taken). */
void put_client_link(struct put_client *c, int fd);
/* Puts that wait for their answer. */
size_t put_client_pending(const struct put_client *c);

/* The queue does not keep up: do not send more until on_room. */
bool put_is_full(const struct put_client *c);

/* Send a frame that nothing depends on; false when it was left out: no queue process, or no room.
 */
MUSTUSE bool put_aside(struct put_client *c, enum queue_frame type, uint32_t tag, span payload);

/* Write what was queued, now (a process about to exit). */
void put_client_flush(struct put_client *c);

/* Whom to tell; set before put_whole and put_open. */
static inline void put_init(struct put *p, put_fn *fn, void *arg)
{
    *p = (struct put){.fn = fn, .arg = arg};
}

/*
 * Hand over a message with a body of at most QUEUE_INLINE_BYTES.
 *
 * head     the envelope, packed as a string (pack_span)
 * borrows  head and body until the answer or put_cancel
 */
void put_whole(struct put_client *c, struct put *p, span head, span body);

/*
 * Begin a message whose size is not known.
 *
 * returns false when there is no queue process now; there will be no answer then
 */
MUSTUSE bool put_open(struct put_client *c, struct put *p, span envelope);
/* Octets of the body in any size. Nothing after the put was answered. */
void put_chunk(struct put *p, span octets);
/* The body is whole. */
void put_close(struct put *p);

/* Forget it: an open put leaves nothing in the queue. No put under way: nothing. */
void put_cancel(struct put *p);

#endif
