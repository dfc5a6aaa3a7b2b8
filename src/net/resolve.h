/* SPDX-License-Identifier: ISC */
/*
 * net/resolve.h - ask the resolver process.
 *
 * A query lives in the caller's memory from resolve_ask to its callback or
 * resolve_cancel. The callback always comes, from the loop and never from
 * inside resolve_ask, at the latest at the deadline, and brings one
 * three-valued answer: present, absent, or could not ask (also when the
 * resolver process is down for longer than the deadline).
 *
 * Questions asked while the resolver restarts are asked again of the new one.
 * Not here: reading DNS packets (dns/), the process itself (server/resolver.c),
 * where to send mail (net/mxplan.h).
 */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

#include "dns/answer.h"
#include "net/chan.h"

struct resolve_client;

#define RESOLVE_NAME_BYTES   255
#define RESOLVE_INFLIGHT_MAX 65536
#define RESOLVE_TIMEOUT_MS   5000 /* what most callers want */

/* The answer is borrowed until the callback returns. The query may be asked again or freed in it.
 */
typedef void resolve_fn(void *arg, const struct dns_answer *answer);

struct resolve_query {
    struct resolve_client *client; /* NULL: not asked */
    struct resolve_query *next;
    struct resolve_query **at;
    resolve_fn *fn;
    void *arg;
    struct loop_timer timer;
    struct loop_task fail;
    int64_t deadline_ms; /* monotonic */
    uint32_t tag;
    enum dns_type type;
    enum dns_status outcome; /* of a question that is not sent at all */
    uint8_t name_n;
    char name[RESOLVE_NAME_BYTES];
};

#define RESOLVE_SLOTS 1024 /* chains by tag */

struct resolve_client {
    struct loop *loop;
    struct chan chan;
    size_t in_flight;
    uint32_t next_tag;
    struct resolve_query *slots[RESOLVE_SLOTS];
};

/* A client without a resolver yet: questions wait for resolve_client_link. */
void resolve_client_init(struct resolve_client *c, struct loop *loop);
/* Fails all queries ("could not ask", without callback) and frees. */
void resolve_client_finish(struct resolve_client *c);
/* Speak with the resolver at fd (taken) from now on; open questions are asked again. */
void resolve_client_link(struct resolve_client *c, int fd);

/*
 * Ask for name and type.
 *
 * name         text as in dns/answer.h, with or without the last dot. What is no name is absent
 *              without being asked; one beyond RESOLVE_NAME_BYTES cannot be asked.
 * timeout_ms   from now
 */
void resolve_ask(struct resolve_client *c, struct resolve_query *q, span name, enum dns_type type,
                 int64_t timeout_ms);
/* Not asked or answered: nothing. */
void resolve_cancel(struct resolve_query *q);

/* Set before resolve_ask. */
static inline void resolve_query_init(struct resolve_query *q, resolve_fn *fn, void *arg)
{
    *q = (struct resolve_query){.fn = fn, .arg = arg};
}

/*
 * The frames, for both ends; the tag of an answer is that of its question.
 *
 * QUESTION  u32 ms to the deadline, u16 type, span name
 * ANSWER    dns_answer_pack
 */
enum resolve_frame { RESOLVE_QUESTION = 1, RESOLVE_ANSWER = 2, RESOLVE_FRAME_COUNT };

#define RESOLVE_QUESTION_MAX 300
#define RESOLVE_ANSWER_MAX   DNS_PACKED_MAX_BYTES

#endif
