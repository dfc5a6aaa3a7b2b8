/* SPDX-License-Identifier: ISC */
/*
 * net/chan.h - framed messages between two processes over a stream socketpair.
 *
 * A frame is {u32 length, u16 type, u16 flags, u32 tag} (little-endian; length
 * is of the body) and the body; it may carry one descriptor. Each channel has a
 * table of the types it may *receive*, with the greatest body of each. The
 * first frame that breaks a rule closes the channel: the other end is broken or
 * hostile, and nothing after it can be trusted.
 *
 * Sending copies into a queue that is written once at the end of the turn (or
 * earlier, when it is long). Receiving reads much at once and hands over frames
 * from that buffer without copying.
 *
 * Backpressure: chan_is_full says the other end does not keep up (more than
 * CHAN_HIGH_BYTES queued): stop producing until on_room. chan_hold stops
 * reading, so that the other end feels the same.
 */
#ifndef NET_CHAN_H
#define NET_CHAN_H

#include "base/err.h"
#include "net/loop.h"
#include "os/heap.h"

#define CHAN_HEAD_BYTES  12
#define CHAN_HIGH_BYTES  (2u << 20)
#define CHAN_LOW_BYTES   (512u << 10)
#define CHAN_QUEUE_BYTES (64u << 20) /* chan_send refuses beyond this */
#define CHAN_FDS_MAX     64          /* descriptors that may wait in a queue */

/* What may be received. The table is indexed by type; max 0 and name NULL: no such type. */
struct chan_type {
    const char *name;
    uint32_t max;    /* octets of the body */
    bool carries_fd; /* may bring a descriptor */
};

struct chan_frame {
    uint16_t type;
    uint32_t tag;
    span body; /* borrowed until the callback returns or calls chan_close */
    int fd;    /* -1: none. Set it to -1 to take it, else it is closed after the callback */
};

enum chan_end {
    CHAN_PEER_GONE, /* closed by the other side, or its process died */
    CHAN_MALFORMED, /* a rule was broken; it was logged */
    CHAN_FAILED     /* the socket or memory failed */
};

struct chan;
typedef void chan_frame_fn(void *arg, struct chan *c, struct chan_frame *f);
/* The last callback; the channel is closed already and its memory may go. */
typedef void chan_closed_fn(void *arg, struct chan *c, enum chan_end why);
typedef void chan_room_fn(void *arg, struct chan *c);

struct chan_conf {
    const char *name; /* of the other end, for the log; static */
    const struct chan_type *types;
    size_t type_count;
    chan_frame_fn *on_frame;
    chan_closed_fn *on_closed; /* never called after chan_close */
    chan_room_fn *on_room;     /* NULL: not wanted */
    void *arg;
    bool secret; /* passwords go over it: what was sent and received is wiped at once */
};

struct chan_fd {
    uint64_t at; /* where in the stream its frame begins */
    int fd;
};

/* In the caller's memory; zeroed is closed. It may not be freed inside on_frame or on_room. */
struct chan {
    struct chan_conf conf;
    struct loop *loop;
    struct loop_io io;
    struct loop_task flush;
    struct heap_buf out;
    struct heap_buf in; /* the beginning of a frame that is not complete */
    struct chan_fd fds[CHAN_FDS_MAX];
    unsigned fd_count;
    uint64_t written;  /* octets ever written */
    int fd;            /* -1: closed */
    const char *wrong; /* which rule was broken */
    int in_fd;         /* came with the frame that is not complete; -1: none */
    bool held;
    bool full;
    bool open;
};

/*
 * Begin on one end of a socketpair.
 *
 * fd   taken: closed by chan_close, also when this fails
 */
MUSTUSE enum err chan_open(struct chan *c, struct loop *loop, int fd, const struct chan_conf *conf);

/* Close without a callback; what is still queued is lost (see chan_flush). Closed or zeroed:
 * nothing. */
void chan_close(struct chan *c);

static inline bool chan_is_open(const struct chan *c)
{
    return c->open;
}

/*
 * Queue one frame; its body is head followed by body (either may be empty).
 *
 * fd   -1, or a descriptor to send along: taken (closed here once sent, or on failure)
 * returns ERR_CLOSED, or ERR_LIMIT when CHAN_QUEUE_BYTES or CHAN_FDS_MAX are passed; the frame is
 *         then not sent, and the channel goes on
 */
MUSTUSE enum err chan_send(struct chan *c, uint16_t type, uint32_t tag, span head, span body,
                           int fd);

/* True while more than CHAN_HIGH_BYTES wait (until fewer than CHAN_LOW_BYTES do). */
bool chan_is_full(const struct chan *c);
/* Octets that wait to be written. */
size_t chan_queued(const struct chan *c);

/* Stop or go on reading. */
void chan_hold(struct chan *c, bool hold);

/* Write what can be written now, before the end of the turn (a process about to exit). */
void chan_flush(struct chan *c);

/* A connected pair, not blocking, closing on exec, with large buffers. */
MUSTUSE enum err chan_pair(int out_fds[2]);

#endif
