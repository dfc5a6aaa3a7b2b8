/* SPDX-License-Identifier: ISC */
/*
 * server/session_inner.h - what session.c (octets, life and death) and session_event.c (what each
 * event of the engine means) share. Nobody else includes this.
 */
#ifndef SERVER_SESSION_INNER_H
#define SERVER_SESSION_INNER_H

#include "net/tls.h"
#include "os/heap.h"
#include "os/log.h"
#include "server/greet.h"
#include "server/session.h"
#include "server/session_auth.h"
#include "server/session_ledger.h"

#define SESSION_NO_SLOT     UINT32_MAX
#define SESSION_CLIENT_TEXT 64 /* octets that the client's address needs as text */

struct session {
    struct session *next, **at; /* in smtpd.sessions */
    struct session *next_stalled, **at_stalled;
    struct smtpd *d;
    const struct smtpd_port *port;
    struct conn conn;
    struct net_addr client;
    uint64_t id;
    uint32_t slot;            /* in the census; SESSION_NO_SLOT: not counted */
    struct greet *greet;      /* in force; NULL before the first */
    struct greet *greet_next; /* of a greeting that is not answered yet */
    struct transaction *transaction;
    struct heap_buf rest;      /* input that waits behind an event */
    struct heap_buf unsent;    /* output that waits for the socket */
    struct session_auth *auth; /* NULL: never tried to log in */
    char *auth_line;           /* lent to the engine for a long line of AUTH; NULL: not */
    struct smtp_reply final;   /* of the last message: LMTP says it for each recipient */
    char final_text[48];
    uint32_t messages;
    uint32_t unknown_rcpts;
    bool trusted;
    bool shaking;   /* hands, for TLS: the engine is not asked */
    bool waiting;   /* for the queue: read nothing */
    bool asking;    /* for DNS: read nothing */
    bool judged;    /* the greeting in force was judged and accepted */
    bool told;      /* its verdict is in the log */
    bool changed;   /* it is not the first name of this session */
    bool stalled;   /* the queue does not keep up: read nothing */
    bool draining;  /* end when no transaction is under way */
    bool closing;   /* close once all is written */
    bool late;      /* what is unsent is held back (tarpit): read nothing */
    bool listed;    /* it may say XCLIENT and XFORWARD */
    bool ungreeted; /* it began mail without a greeting, and that was noted */
    bool unnamed;   /* somebody in front did not say who the client is: `client` is his address */
    bool headless;  /* a PROXY header must come before anything else */
    struct session_ledger ledger;
    struct smtp_server smtp;
};

/* Act on an event; false: it is not answered yet, or the session is to be closed. */
bool session_event(struct session *ss, const struct smtp_event *ev);

/* Lend the engine the process's scratch buffer, which is empty between two turns. */
void session_lend_output(struct session *ss);
/* Let the engine go on, with `input` behind what it had not read yet; ss may be freed. */
void session_run(struct session *ss, span input);
/* Read nothing until the queue keeps up again. */
void session_stall(struct session *ss, bool stalled);
void session_drop_transaction(struct session *ss);
/* All that the client said and was found out about it: it greets again and is judged again. */
void session_forget_client(struct session *ss);
/* Wipe and free what was lent to the engine for a line that it is done with. */
void session_free_auth_line(struct session *ss);

/* End the session; ss is freed. */
void session_end(struct session *ss, const char *why);
/* The connection is the client's, and plain or under TLS as it should be: say the banner. */
void session_banner(struct session *ss, span input);
/* Count the session once, unless there are too many. */
enum census_verdict session_count(struct session *ss);
void session_uncount(struct session *ss);

/* ---- session_tls.c ---- */

/*
 * Shake hands; the session goes on after it, or ends.
 *
 * early  octets of the handshake that were read already
 */
void session_tls_begin(struct session *ss, span early);
/* While ss->shaking: the connection is ready, or the time is over. */
void session_tls_on_conn(struct session *ss, enum conn_event ev);
/* Why a session ends whose connection cannot be read any more. */
const char *session_tls_end(const struct session *ss, enum err e);
/* What Received says of TLS; nothing without it. */
void session_tls_received(const struct session *ss, struct received *r);
/* The port demands TLS for this, and there is none. */
bool session_tls_is_missing(const struct session *ss, enum smtp_event_kind kind);

/* Begin a log line that names session, message and client. */
struct log_line session_log(const struct session *ss, enum log_event ev, enum log_level level);
/* The client's address as a number; IP_NONE when it is none of TCP. */
struct ip_addr session_ip(const struct session *ss);
/* What was awaited of DNS is there: a greet_fn. */
void session_on_greet(void *arg);
/* The client's address; memory has SESSION_CLIENT_TEXT octets. */
span session_client(const struct session *ss, char *memory);

static inline bool session_is_idle(const struct session *ss)
{
    return !ss->waiting && !ss->asking && !ss->stalled && ss->unsent.n == 0;
}

/* ---- session_sequence.c ---- */

/* Mail was begun without a greeting (cause helo.sequence): an event_fn. */
bool session_on_ungreeted(struct session *ss, const struct smtp_event *ev);

/* ---- session_limits.c ---- */

/*
 * A command or a message gets this reply: if it is a refusal it is counted. Returns the one to
 * give, another when there were too many.
 */
struct smtp_reply session_count_refusal(struct session *ss, struct smtp_reply reply);
/* How many commands of this session were refused, unknown recipients among them. */
unsigned session_refusals(const struct session *ss);
/* How long the replies to the refusals since there were `former` are held back; 0: not. */
int64_t session_lateness(const struct session *ss, unsigned former);

/* ---- session.c and session_trust.c ---- */

/* Say the banner to the client that is known now, and go on with what it has sent already. */
void session_begin(struct session *ss, span input);
/* Say that, and end at once; ss is freed. */
void session_refuse(struct session *ss, struct smtp_reply reply, const char *why);

/* Who the client is, as far as its connection says; it is trusted if its address is. */
void session_trust_connection(struct session *ss);
/* A PROXY header is awaited, and more of it came; ss may be freed. */
void session_trust_header(struct session *ss, span input);
/* A greeting comes into force: who was named by XCLIENT names nobody else. */
void session_trust_greeted(struct session *ss);
bool session_on_xclient(struct session *ss, const struct smtp_event *ev);
bool session_on_xforward(struct session *ss, const struct smtp_event *ev);
/* It did not come in time; ss is freed. */
void session_trust_timeout(struct session *ss);

#define SESSION_HEADER_MS 5000 /* for a PROXY header */

static inline span session_greeting(const struct session *ss)
{
    return ss->greet != NULL ? greet_name(ss->greet) : SPAN_NONE;
}

#endif
