/* SPDX-License-Identifier: ISC */
/*
 * smtp/server_event.h - what the server engine is told (limits, its configuration) and what it
 * tells: the words that it and the layer above have in common. How they are used: smtp/server.h.
 */
#ifndef SMTP_SERVER_EVENT_H
#define SMTP_SERVER_EVENT_H

#include "name/path.h"
#include "smtp/dot.h"
#include "smtp/ext.h"
#include "smtp/param.h"
#include "smtp/reply.h"

/* Limits; those of the configuration have these defaults. */
#define SMTP_LINE_MAX_BYTES      2048 /* a command line, with its CRLF; no more can be configured */
#define SMTP_RECIPIENTS_MAX      1000
#define SMTP_MESSAGE_MAX_BYTES   (UINT64_C(35) << 20)
#define SMTP_ERRORS_MAX          20  /* faulty commands in a session */
#define SMTP_JUNK_MAX            100 /* NOOP, RSET, VRFY, HELP, EHLO since the last mail */
#define SMTP_COMMAND_TIMEOUT_MS  (INT64_C(300) * 1000)
#define SMTP_DATA_TIMEOUT_MS     (INT64_C(180) * 1000)
#define SMTP_DATA_TOTAL_MS       (INT64_C(3600) * 1000)
#define SMTP_DATA_RATE_WINDOW_MS (INT64_C(60) * 1000)
#define SMTP_DATA_RATE_MIN       512   /* octets a second over that window */
#define SMTP_TEXT_LINE_MAX_BYTES 65536 /* a line of a message, with its CRLF */
#define SMTP_HEADER_MAX_BYTES    (UINT64_C(256) << 10)
#define SMTP_HEADER_FIELDS_MAX   1000
#define SMTP_CHUNK_MAX_BYTES     (UINT64_C(1) << 30) /* of a BDAT; a larger one ends the session */
#define SMTP_AUTH_LINE_BYTES     (12288 + 2) /* RFC 4954 4.a: a line of AUTH, with its CRLF */
#define SMTP_CHALLENGE_MAX_BYTES 1500        /* of a challenge of ours, before base64 */

/* What `next` wants free in s->out before it goes on. */
#define SMTP_SERVER_ROOM_BYTES SMTP_REPLY_MAX_BYTES

struct smtp_server_conf {
    span host;    /* our name, in the banner and the greeting replies */
    unsigned ext; /* set of enum smtp_ext that may be announced; see smtp_server_announced */
    bool tls;     /* the session is under TLS (from its beginning, or since smtp_server_secured) */
    span auth_mechanisms;     /* "PLAIN LOGIN", upper case; empty: no AUTH now */
    span xclient_attributes;  /* announced behind XCLIENT */
    span xforward_attributes; /* announced behind XFORWARD */
    bool lmtp; /* LHLO, and one answer for each recipient at the end of data (RFC 2033) */
    enum dot_policy line_endings; /* DOT_NORMALISE also reads commands that end in a bare LF */
    size_t recipients;            /* accepted in one transaction; then 452 */
    uint64_t message_bytes;       /* 0: no limit */
    unsigned errors;
    unsigned junk;
    int64_t command_timeout_ms;
    size_t command_line;      /* octets with CRLF, 1 to SMTP_LINE_MAX_BYTES */
    size_t text_line;         /* octets of a line of a message with CRLF; 0: no limit */
    uint64_t header_bytes;    /* octets of a message's header; 0: no limit */
    uint64_t header_fields;   /* fields in it; 0: no limit */
    int64_t data_timeout_ms;  /* between two reads of a message */
    int64_t data_deadline_ms; /* for a whole message */
    uint64_t data_rate;       /* octets a second, at least, over SMTP_DATA_RATE_WINDOW_MS; 0: any */
};

/* A configuration with all defaults; host is borrowed for the life of the engine. */
struct smtp_server_conf smtp_server_conf_default(span host);

enum smtp_event_kind {
    SMTP_EVENT_CONNECT,   /* the connection is there: 220 (go on), 554 (only QUIT is left), 421 */
    SMTP_EVENT_GREETING,  /* HELO, EHLO or LHLO with its argument: 250, or a refusal */
    SMTP_EVENT_UNGREETED, /* a command that needs a greeting (argument), and none is in force: 503;
                             counts as an error of the client */
    SMTP_EVENT_MAIL,      /* a sender */
    SMTP_EVENT_RCPT,      /* a recipient */
    SMTP_EVENT_DATA,      /* may the body come? ev.reply (354; under BDAT 250), or a refusal */
    SMTP_EVENT_CHUNK,     /* a piece of the body: smtp_server_took, no answer */
    SMTP_EVENT_DATA_END,  /* the body is whole, or must be dropped: see `fault` */
    SMTP_EVENT_RSET,      /* the client drops the transaction */
    SMTP_EVENT_VRFY,
    SMTP_EVENT_EXPN,
    SMTP_EVENT_ETRN,
    SMTP_EVENT_HELP,
    SMTP_EVENT_NOOP,
    SMTP_EVENT_STARTTLS,    /* 220: state TLS; 454 */
    SMTP_EVENT_AUTH,        /* 235: logged in; 4yz, 5yz; or smtp_server_challenge */
    SMTP_EVENT_AUTH_STEP,   /* the client's response to a challenge; answers as to AUTH */
    SMTP_EVENT_AUTH_CANCEL, /* the exchange is over without a result; ev.reply says why */
    SMTP_EVENT_XCLIENT,     /* 220: the session begins anew with CONNECT; 5yz */
    SMTP_EVENT_XFORWARD,    /* 250 or 5yz */
    SMTP_EVENT_LONG_LINE,   /* AUTH: lend SMTP_AUTH_LINE_BYTES with smtp_server_lend, no answer */
    SMTP_EVENT_CLOSE,       /* write s->out and close; stays, wants no answer */
};

/* How the client greets. */
enum smtp_greeting_verb {
    SMTP_GREETING_HELO,
    SMTP_GREETING_EHLO,
    SMTP_GREETING_LHLO,
};

/* How the body ended. */
enum smtp_data_fault {
    SMTP_DATA_WHOLE,
    SMTP_DATA_TOO_BIG,
    SMTP_DATA_BARE_LINE_END, /* a bare CR or LF, and the policy is strict */
    SMTP_DATA_NUL,
    SMTP_DATA_LONG_LINE,
    SMTP_DATA_LONG_HEADER, /* too many octets or fields */
};

/* Why the session ends. */
enum smtp_close {
    SMTP_CLOSE_QUIT,
    SMTP_CLOSE_BY_ANSWER, /* the layer above answered 421 */
    SMTP_CLOSE_TOO_MANY_ERRORS,
    SMTP_CLOSE_TOO_MUCH_JUNK,
    SMTP_CLOSE_NOT_SMTP, /* HTTP, SSH, a proxy header */
    SMTP_CLOSE_TIMEOUT,
    SMTP_CLOSE_TOO_SLOW,  /* the body came slower than the minimum rate, or took too long */
    SMTP_CLOSE_INJECTION, /* octets behind STARTTLS, sent in the clear */
    SMTP_CLOSE_BAD_CHUNK, /* a BDAT whose size is unknown or beyond all bounds */
};

/*
 * What the engine asks or tells. Fields not named for a kind are zero.
 *
 * borrows  names, paths, parameters, arguments: until the answer, whatever happens to the input;
 *          what AUTH gives is wiped at the answer.
 *          chunk: from the fed input, until smtp_server_took or the next feed.
 */
struct smtp_event {
    enum smtp_event_kind kind;
    struct smtp_reply reply; /* what consent says (DATA_END with a fault: what must be said) */

    enum smtp_greeting_verb verb; /* GREETING */
    span argument;      /* GREETING: the name as said; VRFY, EXPN, ETRN, HELP, NOOP, XCLIENT,
                           XFORWARD: as said; AUTH, AUTH_STEP: decoded, any octets */
    span mechanism;     /* AUTH: one of conf.auth_mechanisms; static */
    bool initial_given; /* AUTH: there is an initial response, perhaps empty ("=") */
    bool chunked;       /* DATA: by BDAT */
    struct path path;   /* MAIL, RCPT */
    struct smtp_mail_params mail; /* MAIL */
    struct smtp_rcpt_params rcpt; /* RCPT */
    span chunk;                   /* CHUNK: content, dots taken off, lines end in CRLF */
    enum smtp_data_fault fault;   /* DATA_END: not WHOLE: drop the body */
    uint64_t size_bytes;          /* DATA_END: octets of content */
    size_t recipient;             /* DATA_END under LMTP: which accepted recipient, from 0 */
    enum smtp_close why;          /* CLOSE */
};

/* For logs; static. */
const char *smtp_close_text(enum smtp_close why);
const char *smtp_data_fault_text(enum smtp_data_fault fault);

#endif
