/* SPDX-License-Identifier: ISC */
/* clang-format off */
/*
 * replay/stage.h - the world around the relay process, under a script's control.
 *
 * relay_run runs as it is, with the real loop and real sockets. Played for it are
 * the process library (proc_enter, proc_run, proc_done are defined here), the queue
 * and the resolver at the other ends of its channels, the servers it connects to,
 * and the clock. All in one thread: whoever waits for something turns the loop.
 *
 * A file is Markdown; "### title" begins a case; its blocks are
 *
 *     ```conf     configuration, as in herald.conf (hostname mx.herald.test unless set, or the
 *                 comment "# machine: NAME" says what the machine calls itself)
 *     ```dns      NAME TYPE VALUE or STATUS, a line each: answers that need no line below
 *     ```replay   what happens, in order:
 *
 *     L: HOST            a server listens there, at the case's port ("small", "slow": with (very)
 *                        little memory for what it has not read); "L- HOST" ends that; SOCKET is
 *                        a unix socket
 *     J> N WAY HOST from=A to=A,A [port=N] [egress=NAME] [8bit] [utf8] [binary] [requiretls]
 *        [notify=BITS] [ret=full|hdrs] [envid=X] [file|short] [padding=N] [body=TEXT]
 *                        the queue gives job N; WAY: mx, smtp, lmtp, unix, maildir; notify stands
 *                        before to; file: the body comes as a descriptor, short: one with fewer
 *                        octets than it says; padding: behind about so many octets of header;
 *                        body is the rest of the line ("hi" if missing)
 *     D? NAME TYPE       relay asks; then "D! VALUE; VALUE", "D! STATUS" or "D! never"
 *     A: HOST            relay connects there: connection 1 (A2: connection 2...); "A: none":
 *                        nowhere
 *     S: text, C: text   what the server says, and what relay must say, on connection 1 (S2:, C2:);
 *                        with "-" for ":" there is no CRLF at the end
 *     B: N [OCTETS]      relay says the body of job N and the final dot (or only so many octets)
 *     X: [reset]         the server closes the connection; E: relay must have closed it
 *     R: N ADDRESS VERDICT CODE STATUS ["words"]   the outcome of a recipient; "-": none; delivered
 *                        is passed and relayed too; the words stand in "mta: reply"
 *     R: N unreachable | not-tried | nobody   the flags of the result; nobody has an outcome
 *     R: none            no answer has come
 *     T+ 30s             time goes by (ms, s, m)
 *     Q: dies, Q: new, Q: replaced (the new one comes first), Q: garbage   the queue process;
 *     Q: named EGRESS, Q: unnamed   the queue process has heard since then that mail can go from an
 *                        egress, or of none
 *     Q: own ADDRESS     it has heard since then that this is our address
 *     N: dies, N: new    the resolver
 *     I: ADDRESS, I: none   what relay takes for its own address from here on (at first: the truth)
 *     G: WORDS, G- WORDS    the log has (has not) had a line with all of these, parted by "; "
 *     P: drain, P: reload, P: done, P: failed      the supervisor; relay has ended
 *
 * Octets are written as in transcripts. In the end everything must have been
 * said: outcomes, octets, connections and questions that no line names are failures, and
 * so is a relay that does not come to its end when it is told to drain.
 */
/* clang-format on */
#ifndef REPLAY_STAGE_H
#define REPLAY_STAGE_H

#include <stdio.h>

#include "dns/script.h"
#include "net/addr.h"
#include "net/chan.h"
#include "net/resolve.h"
#include "queue/frames.h"
#include "queue/job.h"
#include "server/context.h"
#include "server/proc.h"

#define STAGE_LINES_MAX  400
#define STAGE_HOSTS_MAX  8
#define STAGE_PEERS_MAX  10
#define STAGE_JOBS_MAX   64
#define STAGE_QUEUES_MAX 4
#define STAGE_RCPTS_MAX  16
#define STAGE_ASKED_MAX  64
#define STAGE_BODY_MAX   (8u << 20)

struct stage_script {
    span title;
    span lines[STAGE_LINES_MAX];
    size_t n;
    struct buf conf;
    struct dns_script dns;
};

struct stage_host {
    span name;
    struct net_addr at;
    int fd;
};

struct stage_peer {
    int fd; /* -1: none */
    bool open;
    struct buf in; /* read and not yet expected */
    bool eof;
};

struct stage_job {
    bool given;
    bool lost; /* the queue process that gave it is dead */
    uint64_t id;
    span rcpts[STAGE_RCPTS_MAX];
    size_t rcpt_count;
    span body;
    bool answered;
    unsigned flags;
    bool flags_told;
    bool told[STAGE_RCPTS_MAX];
    size_t outcomes;
    struct job_outcome outcome[STAGE_RCPTS_MAX];
};

struct stage_question {
    uint32_t tag;
    enum dns_type type;
    span name;
};

struct stage {
    const struct stage_script *script;
    size_t at; /* the line that is played */
    struct proc *proc;
    struct loop *loop;
    struct chan queues[STAGE_QUEUES_MAX]; /* one after the other */
    size_t queue_count;
    span
        named; /* the egress that the queue was told of last; empty: of none since it was checked */
    struct ip_addr seen_as; /* our address as the queue was told last; IP_NONE: not since then */
    struct chan resolver;
    uint16_t port;
    bool pretends;      /* an I: line came */
    struct ip_addr own; /* what it said */
    span machine;       /* what the machine calls itself; empty: the truth */
    FILE *log;
    char socket[64]; /* path */
    struct stage_host hosts[STAGE_HOSTS_MAX];
    size_t host_count;
    struct stage_peer peers[STAGE_PEERS_MAX];
    struct stage_job jobs[STAGE_JOBS_MAX];
    struct stage_question asked[STAGE_ASKED_MAX]; /* held for a D? line */
    size_t asked_count;
    struct stage_question answering;
    bool done;
    int status;
};

extern struct stage stage;

/* Play one case; returns whether all went as written. Call once in a process. */
bool stage_play(const struct stage_script *script);

/* Print what is wrong with the current line; returns false. */
bool stage_fail(const char *why, span got);

/* Play the current line (lines.c). */
bool stage_line(span line);
/* Let the clock go on, stopping wherever a timer is due. */
void stage_pass(int64_t ms);
/* Turn the loop until nothing moves any longer, as far as one can tell. */
void stage_quiet(void);
/* Turn the loop until `holds` or a few seconds of the machine's time have gone. */
bool stage_until(bool (*holds)(void *arg), void *arg);

void stage_link_queue(void);
/* The queue process of now. */
struct chan *stage_queue(void);
void stage_link_resolver(void);
void stage_answer(struct stage_question q, const struct dns_script *table);
/* A copy that lives as long as the case. */
span stage_keep(span s);

#endif
