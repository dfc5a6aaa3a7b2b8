/* SPDX-License-Identifier: ISC */
/*
 * server/greet.h - one greeting of one session: its look-ups, its judgement, its words.
 *
 * greet_new begins to ask DNS at once, while the client is served; who needs the answer asks
 * greet_is_ready and, when it says no, waits for the callback. So does SPF of the sender, begun at
 * MAIL. Each waits for at most dns.timeout; what is not known then is "not now", and whoever
 * greets or sends next in that session is not waited for again (greet_gave_up).
 *
 * While look-ups run a greet holds about 45 KiB (greeting/gather.h), 22 more for SPF of the sender;
 * afterwards the name, the facts and the client's host names. Clients whom the policy exempts
 * (trusted, submission, LMTP) are not asked about. What was found out is kept for the process
 * (server/memo.h): a client that comes again, and a sender that sends again, cost no question.
 *
 *     g = greet_new(shared, &start);              at HELO, EHLO
 *     greet_judge_name(g, &verdict)               what the name alone decides: syntax
 *     greet_is_ready(g), greet_judge(g, &verdict) at the stage of the policy
 *     greet_reply(g, &verdict, id, &b)            the words of a refusal
 *     greet_from(g, sender), greet_from_is_ready(g), greet_put_results(g, &b)
 */
#ifndef SERVER_GREET_H
#define SERVER_GREET_H

#include "greeting/judge.h"
#include "os/log.h"
#include "server/memo.h"
#include "server/own.h"
#include "server/past.h"
#include "smtp/reply.h"

/* What the greetings of a process share. */
struct greet_shared {
    struct loop *loop;
    struct resolve_client *resolver;
    const struct config *config;
    struct own own;
    struct past_client *past; /* NULL: the past is not asked about */
    struct memo memo; /* facts and SPF results, for as long as DNS says, at most GREET_MEMO_S */
};

#define GREET_MEMO_S 60u

struct greet;

/* What was awaited is there. The greet may be freed in it. */
typedef void greet_fn(void *arg);

struct greet_start {
    span name;             /* as said; copied */
    bool is_helo;          /* HELO, not EHLO */
    struct ip_addr client; /* IP_NONE: none of TCP; then nothing is asked */
    bool trusted;          /* of a trusted network */
    bool submission;
    bool lmtp;
    bool authenticated;
    bool early;   /* talked before the banner */
    bool changed; /* another name was said before in this session */
    bool gave_up; /* DNS did not answer in time before in this session: do not wait again */
    greet_fn *fn;
    void *arg;
};

void greet_shared_init(struct greet_shared *s, struct loop *loop, struct resolve_client *resolver,
                       const struct config *config);
void greet_shared_finish(struct greet_shared *s);

/* NULL when there is no memory. The callback never comes from inside. */
struct greet *greet_new(struct greet_shared *s, const struct greet_start *start);
/* NULL: nothing. */
void greet_free(struct greet *g);

/* The name as said. */
span greet_name(const struct greet *g);
bool greet_is_same(const struct greet *g, span name, bool is_helo);
bool greet_gave_up(const struct greet *g);

bool greet_is_helo(const struct greet *g);
/* When ready. */
struct greeting_facts greet_facts(const struct greet *g);

/* The facts are known; else the callback comes. */
bool greet_is_ready(const struct greet *g);

/* Spoken before anything is asked: only broken syntax is refused. */
void greet_judge_name(const struct greet *g, struct greeting_verdict *out);
/* When ready. */
void greet_judge(const struct greet *g, struct greeting_verdict *out);

/* The keys of greeting.judged: greeting, verdict, what was found. */
void greet_log(const struct greet *g, const struct greeting_verdict *v, struct log_line *l);

/* The greeting shows that an entry of our own tables is out of date; true once an hour for each,
 * in each worker. */
bool greet_has_stale(const struct greet *g);
/* The keys of table.stale. */
void greet_log_stale(const struct greet *g, struct log_line *l);

#define GREET_REPLY_BYTES SMTP_REPLY_TEXT_BYTES

/*
 * The reply to a verdict that does not accept: the words of the cause's page.
 *
 * reference  by which an operator finds it with herald trace
 * b          holds the text; borrowed by the reply
 */
struct smtp_reply greet_reply(const struct greet *g, const struct greeting_verdict *v,
                              span reference, struct buf *b);

/* The client's confirmed host name; empty when there is none. */
span greet_host(const struct greet *g);
/* Its first PTR name, confirmed or not; empty when there is none. */
span greet_ptr(const struct greet *g);

/* Begin SPF for a sender (borrowed until greet_from_drop or it is ready); the former one ends. */
void greet_from(struct greet *g, span sender);
bool greet_from_is_ready(const struct greet *g);
/* The sender's memory goes away. */
void greet_from_drop(struct greet *g);

/* Authentication-Results; nothing where nothing was asked. When both are ready. */
void greet_put_results(const struct greet *g, struct buf *b);

#endif
