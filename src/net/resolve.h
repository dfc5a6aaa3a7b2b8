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

#include "net/chan.h"

struct dns_answer; /* dns/answer.h */
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
    uint32_t tag;
    uint16_t type;
    uint8_t name_n;
    char name[RESOLVE_NAME_BYTES];
};

struct resolve_client {
    struct loop *loop;
    struct chan chan;
    struct resolve_query **slots; /* by tag */
    size_t slot_count;
    size_t in_flight;
    uint32_t next_tag;
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
 * name         in text form, with or without the last dot; up to 253 octets
 * type         a DNS type number
 * timeout_ms   from now
 */
void resolve_ask(struct resolve_client *c, struct resolve_query *q, span name, uint16_t type,
                 int64_t timeout_ms);
/* Not asked or answered: nothing. */
void resolve_cancel(struct resolve_query *q);

/* Set before resolve_ask. */
static inline void resolve_query_init(struct resolve_query *q, resolve_fn *fn, void *arg)
{
    *q = (struct resolve_query){.fn = fn, .arg = arg};
}

/* The frames, for both ends. Question: u16 type, u32 timeout in ms, span name.
 * Answer: as dns_answer_encode made it; the tag is the question's. */
enum resolve_frame { RESOLVE_QUESTION = 1, RESOLVE_ANSWER = 2, RESOLVE_FRAME_COUNT };

#define RESOLVE_QUESTION_MAX 512
#define RESOLVE_ANSWER_MAX   70000

#endif
