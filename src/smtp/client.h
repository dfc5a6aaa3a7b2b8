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
 * The body goes out as smtp/dot.h says. 8-bit content is sent as it is to a server
 * without 8BITMIME (converting it is not here yet).  Not here: which host, retries.
 */
#ifndef SMTP_CLIENT_H
#define SMTP_CLIENT_H

#include "base/err.h"
#include "smtp/dot.h"
#include "smtp/ext.h"
#include "smtp/param.h"
#include "smtp/reply.h"

/* Room in c->out that commands and the final dot wait for. */
#define SMTP_CLIENT_ROOM_BYTES 1024
#define SMTP_HELLO_TEXT_BYTES  256 /* kept of the banner and of the EHLO reply's first line */

/* clang-format off */
/* id, name, how long we wait for the reply (RFC 5321 4.5.3.2), seconds */
#define SMTP_STAGE_LIST(X)                        \
    X(SMTP_STAGE_BANNER,   "banner",       300)   \
    X(SMTP_STAGE_EHLO,     "ehlo",         300)   \
    X(SMTP_STAGE_HELO,     "helo",         300)   \
    X(SMTP_STAGE_MAIL,     "mail",         300)   \
    X(SMTP_STAGE_RCPT,     "rcpt",         300)   \
    X(SMTP_STAGE_DATA,     "data",         120)   \
    X(SMTP_STAGE_BODY,     "body",         180)   \
    X(SMTP_STAGE_DATA_END, "end-of-data",  600)   \
    X(SMTP_STAGE_RSET,     "rset",          60)   \
    X(SMTP_STAGE_QUIT,     "quit",          20)   \
    X(SMTP_STAGE_IDLE,     "idle",           0)
/* clang-format on */

enum smtp_stage {
#define SMTP_STAGE_ENUM(id, name, seconds) id,
    SMTP_STAGE_LIST(SMTP_STAGE_ENUM)
#undef SMTP_STAGE_ENUM
};

/* "banner", "ehlo", …; static. */
const char *smtp_stage_text(enum smtp_stage stage);

struct smtp_client_conf {
    span name;          /* what we greet with: a domain, or an address literal (EHLO only) */
    bool lmtp;          /* LHLO; one reply for each recipient behind the dot */
    unsigned use;       /* set of enum smtp_ext that may be used when offered */
    int64_t timeout_ms; /* upper bound of every stage's wait; 0: none */
};

struct smtp_client_rcpt {
    span address;  /* without angle brackets; borrowed as long as the mail */
    bool accepted; /* set by the engine: RCPT was answered 2yz */
};

/* One mail to be sent; the caller's, borrowed until SMTP_CLIENT_MAIL_DONE or CLOSED. */
struct smtp_client_mail {
    span sender;         /* without angle brackets; empty: <> */
    uint64_t size_bytes; /* for SIZE=; 0: not said */
    bool eight_bit;      /* for BODY=8BITMIME */
    struct smtp_client_rcpt *rcpts;
    size_t rcpt_count;
    void *owner; /* the caller's; not looked at */
};

enum smtp_client_kind {
    SMTP_CLIENT_READY,       /* greeted and free: the next mail may be given; stays */
    SMTP_CLIENT_REFUSED,     /* at `stage` (banner, ehlo, helo) by `reply`; CLOSED follows */
    SMTP_CLIENT_MAIL_RESULT, /* the answer to MAIL; a refusal is final for all recipients */
    SMTP_CLIENT_RCPT_RESULT, /* the answer to one RCPT; a refusal is final for it */
    SMTP_CLIENT_WANTS_BODY,  /* DATA was answered 354; stays until smtp_client_body_end */
    SMTP_CLIENT_DATA_RESULT, /* at `stage` DATA or DATA_END, for `rcpt` or SMTP_ALL_RCPTS */
    SMTP_CLIENT_MAIL_DONE,   /* the engine has let go of `mail` */
    SMTP_CLIENT_CLOSED,      /* the connection is of no more use; stays */
};

#define SMTP_ALL_RCPTS SIZE_MAX /* all that were accepted */

enum smtp_client_end {
    SMTP_CLIENT_END_QUIT,     /* we said QUIT */
    SMTP_CLIENT_END_REFUSED,  /* the server did not want us: REFUSED came before */
    SMTP_CLIENT_END_421,      /* the server closes; `reply` is its own */
    SMTP_CLIENT_END_LOST,     /* the connection broke */
    SMTP_CLIENT_END_TIMEOUT,  /* no reply in time */
    SMTP_CLIENT_END_PROTOCOL, /* the server does not speak SMTP; `reply.text` says how */
    SMTP_CLIENT_END_ABORTED,  /* smtp_client_abort */
};

/* A reply as the server gave it. Borrowed until the next call of the engine. */
struct smtp_client_reply {
    unsigned code;  /* 0: no reply of the server (see text) */
    span enhanced;  /* empty: none */
    span text;      /* lines parted by \n, codes taken off, control octets as they came: escape */
    bool local;     /* the engine's own verdict, the server was not asked */
    bool disagrees; /* code and enhanced code, or the codes of the lines, say different things */
};

struct smtp_client_event {
    enum smtp_client_kind kind;
    enum smtp_stage stage;
    struct smtp_client_reply reply;
    struct smtp_client_mail *mail; /* the mail that it is about; CLOSED: the oldest open one */
    size_t rcpt;                   /* RCPT_RESULT, DATA_RESULT */
    enum smtp_client_end end;      /* CLOSED */
    bool maybe_delivered;          /* CLOSED: the dot was sent and not answered */
};

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
    size_t mails;        /* given so far */
    size_t banner_n;
    size_t hello_n;
    char banner[SMTP_HELLO_TEXT_BYTES]; /* text of the 220 */
    char hello[SMTP_HELLO_TEXT_BYTES]; /* first line of the greeting's reply: "Hello name [address]"
                                        */

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
    struct dot_writer dots;
    int64_t since_ms; /* when the wait began; -1: not waiting */
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

/* The next mail may be given: greeted, and everything of the one before has been written. */
bool smtp_client_is_ready(const struct smtp_client *c);

/*
 * Send a mail.
 *
 * returns ERR_SYNTAX when an address holds an octet that no command may (< 0x21, 0x7f, > 0x7e,
 *         angle brackets outside quotes): nothing was sent, the mail is not taken.
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
