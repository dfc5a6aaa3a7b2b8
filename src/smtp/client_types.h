/* SPDX-License-Identifier: ISC */
/*
 * smtp/client_types.h - what the client engine and its user tell each other: settings, mails,
 * events.
 *
 * Use it by smtp/client.h, which says how they go together.
 */
#ifndef SMTP_CLIENT_TYPES_H
#define SMTP_CLIENT_TYPES_H

#include "smtp/ext.h"
#include "smtp/param.h"

/* Room in c->out that commands and the final dot wait for. */
#define SMTP_CLIENT_ROOM_BYTES 1024
#define SMTP_HELLO_TEXT_BYTES  256 /* kept of the banner and of the EHLO reply's first line */
#define SMTP_SASL_BYTES        512 /* of a message of AUTH, decoded, and of the mechanisms */

/* clang-format off */
/* id, name, how long we wait for the reply (RFC 5321 4.5.3.2), seconds */
#define SMTP_STAGE_LIST(X)                        \
    X(SMTP_STAGE_BANNER,   "banner",       300)   \
    X(SMTP_STAGE_EHLO,     "ehlo",         300)   \
    X(SMTP_STAGE_STARTTLS, "starttls",     300)   \
    X(SMTP_STAGE_TLS,      "tls",           60)   \
    X(SMTP_STAGE_AUTH,     "auth",         300)   \
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

/* Whether STARTTLS is said (RFC 3207) on a connection that has no TLS yet. */
enum smtp_client_tls {
    SMTP_CLIENT_TLS_OFF,
    SMTP_CLIENT_TLS_TRY,     /* when it is offered; refused: the session goes on in plain text */
    SMTP_CLIENT_TLS_REQUIRE, /* not offered or refused: SMTP_CLIENT_REFUSED */
};

struct smtp_client_conf {
    span name;          /* what we greet with: a domain, or an address literal (EHLO only) */
    bool lmtp;          /* LHLO; one reply for each recipient behind the dot */
    unsigned use;       /* set of enum smtp_ext that may be used when offered */
    int64_t timeout_ms; /* upper bound of every stage's wait; 0: none */
    enum smtp_client_tls tls;
    bool login; /* WANTS_AUTH before the first READY; without AUTH offered: SMTP_CLIENT_REFUSED */
};

struct smtp_client_rcpt {
    span address;    /* without angle brackets; borrowed as long as the mail */
    bool accepted;   /* set by the engine: RCPT was answered 2yz */
    unsigned notify; /* set of enum smtp_notify, 0: not said; for servers with DSN */
    span orcpt;      /* type;xtext, empty: not said */
};

/* One mail to be sent; the caller's, borrowed until SMTP_CLIENT_MAIL_DONE or CLOSED. */
struct smtp_client_mail {
    span sender;         /* without angle brackets; empty: <> */
    uint64_t size_bytes; /* for SIZE=; 0: not said. Of a binary mail exact */
    bool eight_bit;      /* for BODY=8BITMIME */
    bool binary;         /* BODY=BINARYMIME and BDAT (RFC 3030) */
    bool utf8;           /* SMTPUTF8 (RFC 6531): addresses or header are not ASCII */
    bool requiretls;     /* REQUIRETLS (RFC 8689) */
    enum smtp_ret ret;   /* RET= and ENVID= for servers with DSN (RFC 3461) */
    span envid;          /* xtext; empty: not said */
    struct smtp_client_rcpt *rcpts;
    size_t rcpt_count;
    void *owner; /* the caller's; not looked at */
};

enum smtp_client_kind {
    SMTP_CLIENT_HANDSHAKE, /* STARTTLS was answered 220: run TLS, then smtp_client_secured; stays */
    SMTP_CLIENT_WANTS_AUTH,  /* smtp_client_auth, or smtp_client_quit; stays */
    SMTP_CLIENT_CHALLENGE,   /* `challenge`: smtp_client_respond or _auth_cancel; stays */
    SMTP_CLIENT_AUTH_RESULT, /* 235, or why not: then WANTS_AUTH again */
    SMTP_CLIENT_READY,       /* greeted and free: the next mail may be given; stays */
    SMTP_CLIENT_REFUSED,     /* at `stage` (banner to auth) by `reply`; CLOSED follows */
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
    span challenge;                /* CHALLENGE, decoded */
    enum smtp_client_end end;      /* CLOSED */
    bool maybe_delivered;          /* CLOSED: the dot was sent and not answered */
};

#endif
