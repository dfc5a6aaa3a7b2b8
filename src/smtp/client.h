/* SPDX-License-Identifier: ISC */
/*
 * smtp/client.h - the client's side of SMTP and LMTP sessions, as a pure engine.
 *
 * Octets in, events and octets out. It reads the banner, greets, and carries any
 * number of mails over one connection: MAIL, RCPT for each recipient and DATA in
 * one write where the server offers PIPELINING, and the next mail's commands
 * right behind the final dot of the one before.
 *
 *     smtp_client_feed(c, octets);
 *     while (smtp_client_next(c, &ev))
 *         READY: smtp_client_mail(c, &mail) or smtp_client_quit(c)
 *         WANTS_BODY: smtp_client_body(c, octets) ..., smtp_client_body_end(c)
 *         ..._RESULT: note it; CLOSED: close
 *     write c->out; wait until smtp_client_deadline(c, now)
 *
 * Every recipient gets exactly one final result, or none when the connection was
 * lost: then CLOSED says at which stage, and whether the mail may have arrived all
 * the same. Replies of hostile servers are bounded (smtp/reply.h); every octet that
 * we send as part of a command is checked in one place (smtp/emit.c).
 *
 * TLS and AUTH are events too: HANDSHAKE (the caller runs it and says smtp_client_secured; all
 * that was known is dropped, and EHLO is said again), WANTS_AUTH and CHALLENGE.
 *
 *     banner -> EHLO -> [STARTTLS -> HANDSHAKE -> EHLO] -> [AUTH ...] -> READY
 *
 * The body goes out as smtp/dot.h says, or as BDAT when it is binary. What the server has not
 * announced is not used: extensions of a mail that matter (SMTPUTF8, REQUIRETLS, BINARYMIME) must
 * be looked for in c->ext before, the mail is otherwise refused here. Content is sent as it
 * is (message/convert.h converts).  Not here: which host, retries, whether a certificate is good.
 */
#ifndef SMTP_CLIENT_H
#define SMTP_CLIENT_H

#include "base/err.h"
#include "smtp/client_types.h"
#include "smtp/dot.h"
#include "smtp/reply.h"

/* What we wait for, in order: `count` replies to one kind of command. */
struct smtp_client_expect {
    enum smtp_stage stage;
    struct smtp_client_mail *mail;
    size_t count;
    size_t seen;
};

#define SMTP_CLIENT_EXPECT_MAX 8

struct smtp_client {
    struct buf *out; /* the caller's; may be exchanged between calls */

    /* for reading */
    unsigned ext;        /* what the server offers and we may use */
    unsigned offered;    /* what the server offers */
    uint64_t size_limit; /* of SIZE; 0: none said */
    bool said_helo;      /* EHLO was not known */
    bool is_secured;     /* smtp_client_secured was said */
    size_t mails;        /* given so far */
    size_t banner_n;
    size_t hello_n;
    char banner[SMTP_HELLO_TEXT_BYTES]; /* text of the 220 */
    char hello[SMTP_HELLO_TEXT_BYTES]; /* first line of the greeting's reply: "Hello name [address]"
                                        */

    size_t mechanisms_n;
    char mechanisms[SMTP_SASL_BYTES]; /* of AUTH as announced: "PLAIN LOGIN"; cut */

    /* private */
    const struct smtp_client_conf *conf;
    span in;
    struct smtp_client_expect expect[SMTP_CLIENT_EXPECT_MAX];
    size_t expect_n;
    struct smtp_client_mail *sending; /* commands or body not yet all written */
    enum smtp_stage next_stage;       /* what is written next for it */
    size_t next_rcpt;
    bool body_open;
    bool mail_refused; /* of the mail whose replies are read */
    size_t good_rcpts; /* of the same */
    bool needs_rset;   /* the server may hold a half-begun mail */
    bool greeted;
    bool refused;
    bool quitting;
    bool closed;
    bool told_due; /* `told` waits to be given out */
    bool done_due; /* then MAIL_DONE for `done_mail` */
    struct smtp_client_event told;
    struct smtp_client_mail *done_mail;
    struct smtp_client_event end; /* CLOSED */
    bool handshake;               /* TLS is being begun: no octet may come */
    bool greeting_due;            /* EHLO anew, under TLS */
    bool login_due;               /* WANTS_AUTH */
    bool challenged;              /* a 334 waits for its answer */
    size_t challenge_n;
    char challenge[SMTP_SASL_BYTES];
    struct dot_writer dots;
    bool in_chunk;       /* the body goes out as it is, by BDAT */
    uint64_t chunk_left; /* octets of it still to come */
    int64_t since_ms;    /* when the wait began; -1: not waiting */
    struct smtp_reader reader;
};

/*
 * conf  borrowed for the life of the engine
 * out   borrowed; SMTP_CLIENT_ROOM_BYTES at least
 *
 * returns ERR_CONF when conf->name is not a valid domain or literal
 */
MUSTUSE enum err smtp_client_init(struct smtp_client *c, const struct smtp_client_conf *conf,
                                  struct buf *out);

/* Give the engine input; what it had before and did not read is forgotten (smtp_client_rest). */
void smtp_client_feed(struct smtp_client *c, span in);

/*
 * Input not yet read, borrowed from what was fed. When smtp_client_next returned false or a
 * standing event it is empty, unless c->out must be drained first.
 */
span smtp_client_rest(const struct smtp_client *c);

/*
 * The next event.
 *
 * Results are told once; READY, WANTS_BODY and CLOSED are told as long as they hold, the
 * first two only when nothing else is left. False: feed, or drain c->out.
 */
bool smtp_client_next(struct smtp_client *c, struct smtp_client_event *out_ev);

/*
 * TLS is on: after HANDSHAKE, or with implicit TLS before the first octet is fed.
 *
 * Nothing that was said before is believed any longer (RFC 3207 4.2). Octets that came
 * behind the 220 have already ended the session (SMTP_CLIENT_END_PROTOCOL).
 */
void smtp_client_secured(struct smtp_client *c);

/* `mechanism` is in c->mechanisms (ASCII case ignored). */
bool smtp_client_has_mechanism(const struct smtp_client *c, span mechanism);

/*
 * Begin AUTH (RFC 4954), upon SMTP_CLIENT_WANTS_AUTH.
 *
 * initial      the initial response, as octets; not said when the pointer is NULL
 * returns      ERR_LIMIT when it is longer than SMTP_SASL_BYTES: nothing was sent
 */
MUSTUSE enum err smtp_client_auth(struct smtp_client *c, span mechanism, span initial);
/* Answer a challenge; the same limit. */
MUSTUSE enum err smtp_client_respond(struct smtp_client *c, span octets);
/* Answer it with "*"; the server's refusal comes as AUTH_RESULT. */
void smtp_client_auth_cancel(struct smtp_client *c);

/* The next mail may be given: greeted, and everything of the one before has been written. */
bool smtp_client_is_ready(const struct smtp_client *c);

/*
 * Send a mail.
 *
 * returns ERR_SYNTAX when an address holds an octet that no command may (< 0x21, 0x7f, > 0x7e,
 *         angle brackets outside quotes), or ENVID or ORCPT is no xtext: nothing was sent, the
 *         mail is not taken. UTF-8 is possible when the mail says so and the server has it.
 *         ERR_LIMIT when an address is too long. ERR_OK: taken.
 */
MUSTUSE enum err smtp_client_mail(struct smtp_client *c, struct smtp_client_mail *mail);

/*
 * Write content of the mail for which the body is wanted.
 *
 * returns octets used: less than s.n when c->out is full
 */
size_t smtp_client_body(struct smtp_client *c, span s);

/* The content is whole. Returns false when c->out has no room for the final dot: drain, repeat. */
MUSTUSE bool smtp_client_body_end(struct smtp_client *c);

/* The content cannot be had: the connection must be closed, without a final dot. */
void smtp_client_abort(struct smtp_client *c);

/* Say QUIT when all is answered. */
void smtp_client_quit(struct smtp_client *c);

/* The connection is gone. */
void smtp_client_lost(struct smtp_client *c);

/* Octets went out that had been waiting: the wait for the server begins anew. */
void smtp_client_wrote(struct smtp_client *c);

int64_t smtp_client_deadline(struct smtp_client *c, int64_t now_ms);
void smtp_client_timeout(struct smtp_client *c, int64_t now_ms);

/* What we are waiting for. */
enum smtp_stage smtp_client_stage(const struct smtp_client *c);

static inline span smtp_client_hello(const struct smtp_client *c)
{
    return span_of(c->hello, c->hello_n);
}

static inline span smtp_client_banner(const struct smtp_client *c)
{
    return span_of(c->banner, c->banner_n);
}

const char *smtp_client_end_text(enum smtp_client_end end);

#endif
