/* SPDX-License-Identifier: ISC */
/*
 * smtp/server.h - the server's side of an SMTP or LMTP session, as a pure engine.
 *
 * Octets in, events and octets out. The engine knows grammar, order and limits
 * (RFC 5321, 2920, 1870, 2034, 2033, 3030, 3207, 4954) and answers what offends them
 * by itself; whatever needs judgement it asks: each event carries the reply that plain
 * consent would give, so `smtp_server_answer(s, ev.reply)` is always a right answer -
 * but nobody is logged in, or believed to be somebody else, by consent alone: for AUTH
 * and XCLIENT it is a refusal.
 *
 *     smtp_server_feed(s, octets, now);
 *     while (smtp_server_next(s, &ev)) {
 *         ... ev.kind ...                      CHUNK: take ev.chunk, then smtp_server_took(s)
 *                                              LONG_LINE: smtp_server_lend(s, memory)
 *         smtp_server_answer(s, reply);        all others but CLOSE
 *     }
 *     write s->out; keep smtp_server_rest(s) if it is not empty; wait until
 *     smtp_server_deadline(s, now)
 *
 * While an event is unanswered nothing more is read: `next` gives it again, and
 * the input behind it is `smtp_server_rest`. The caller who cannot answer at
 * once saves the rest and feeds it, with what came later behind it, afterwards.
 *
 * States (server_command.c has the table of what may come when):
 *
 *     CONNECT  -220-> START                    -554-> REFUSED (QUIT only)
 *     START    -HELO, EHLO-> GREETED           GREETED -MAIL-> MAIL -RCPT-> RCPT
 *     RCPT     -DATA-> DATA                    DATA -CRLF.CRLF-> GREETED
 *     RCPT     -BDAT-> CHUNK                   CHUNK -octets-> CHUNKS, if LAST: GREETED
 *     CHUNKS   -BDAT-> CHUNK                   CHUNK -refused-> BROKEN (RSET only)
 *     GREETED  -AUTH, 334-> AUTH               AUTH -235, 5yz-> GREETED
 *     START, GREETED -STARTTLS-> TLS           TLS -smtp_server_secured-> START
 *     any of a mail  -RSET, HELO, EHLO-> GREETED
 *
 * CLOSED from anywhere: QUIT, 421, too many errors, not SMTP, time-out, injection.
 *
 * STARTTLS: answered 220, the engine stands in TLS and reads nothing: write out all of s->out,
 * shake hands, then call smtp_server_secured. What the client sent behind the command, or
 * what is fed in state TLS, came in the clear: the session ends (SMTP_CLOSE_INJECTION).
 *
 * BDAT (RFC 3030): asked and told as DATA is; the octets of a chunk are never read as
 * commands, whatever becomes of it: they are dropped when it was refused.
 *
 * Not here: who may do what (server/session.c), names (greeting/), handshakes (net/tls.h), what
 * SASL's octets mean (smtp/sasl.h), PROXY headers (before the engine sees anything).
 */
#ifndef SMTP_SERVER_H
#define SMTP_SERVER_H

#include "smtp/meter.h"
#include "smtp/server_event.h"

enum smtp_server_state {
    SMTP_SERVER_CONNECT,
    SMTP_SERVER_REFUSED,
    SMTP_SERVER_START,
    SMTP_SERVER_TLS,  /* shaking hands */
    SMTP_SERVER_AUTH, /* the next line is a response */
    SMTP_SERVER_GREETED,
    SMTP_SERVER_MAIL,
    SMTP_SERVER_RCPT,
    SMTP_SERVER_CHUNKS, /* between two BDAT of a message */
    SMTP_SERVER_BROKEN, /* a BDAT was refused; others may be on their way: RSET must come */
    SMTP_SERVER_CHUNK,  /* octets of a BDAT, also of one that was refused */
    SMTP_SERVER_DATA,
    SMTP_SERVER_CLOSED,
};

/* Where the reading of a body stands. */
struct smtp_reading {
    struct dot_reader dots;
    struct smtp_meter meter;
};

struct smtp_server {
    struct buf *out; /* the caller's; may be exchanged between calls */

    /* for reading */
    enum smtp_server_state state;
    enum smtp_greeting_verb verb; /* of the accepted greeting */
    unsigned errors;
    unsigned junk;
    size_t recipients;  /* accepted in this transaction */
    bool authenticated; /* AUTH was answered 235 */
    bool saw_secret; /* what was fed held something of AUTH; the caller wipes it and clears this */

    /* private */
    const struct smtp_server_conf *conf;
    span in;
    bool pending;            /* ev waits for its answer */
    bool swallow;            /* the rest of an over-long line is dropped */
    bool refused_recipients; /* RCPT was tried */
    bool utf8;               /* of this transaction: SMTPUTF8 */
    bool binary;             /* of this transaction: BODY=BINARYMIME */
    bool secret;             /* the line under way holds what must be wiped */
    struct smtp_event ev;
    struct smtp_reading reading;
    struct smtp_reading reading_after; /* behind the pending chunk, */
    size_t used_after;                 /* which is so much of the input */
    uint64_t chunk_left;               /* octets of the BDAT under way that are still to come */
    uint64_t chunk_size;
    bool chunk_last;
    bool chunk_dropped;                /* it was refused: `held` is to be said behind it, */
    enum smtp_server_state chunk_back; /* in that state */
    size_t held_n;                     /* a reply as it goes out, in own_line */
    uint64_t size_bytes;
    enum smtp_data_fault fault;
    int64_t since_ms; /* when the wait began; -1: not waiting */
    int64_t data_since_ms;
    int64_t window_since_ms;
    uint64_t window_bytes;
    size_t line_n;
    size_t line_cap;
    char *line; /* own_line, or what was lent */
    char own_line[SMTP_LINE_MAX_BYTES];
};

/*
 * conf  borrowed for the life of the engine
 * out   borrowed; SMTP_SERVER_ROOM_BYTES at least
 */
void smtp_server_init(struct smtp_server *s, const struct smtp_server_conf *conf, struct buf *out);

/* The session goes on under another configuration: what is announced, and the limits. */
void smtp_server_use(struct smtp_server *s, const struct smtp_server_conf *conf);

/* It is over: wipe what it holds of secrets. A zeroed engine: nothing. */
void smtp_server_finish(struct smtp_server *s);

/*
 * Give the engine input; what it had before and did not read is forgotten (smtp_server_rest).
 *
 * in      borrowed until the next feed, or until smtp_server_next returned false
 * now_ms  monotonic clock
 */
void smtp_server_feed(struct smtp_server *s, span in, int64_t now_ms);

/*
 * The next event; the same again until it is answered.
 *
 * returns false: more input is wanted, or room in s->out (smtp_server_wants_room)
 */
bool smtp_server_next(struct smtp_server *s, struct smtp_event *out_ev);

/* Input not yet read; borrowed from what was fed. An unanswered chunk is part of it. */
span smtp_server_rest(const struct smtp_server *s);

/* s->out must be drained before the engine goes on. */
bool smtp_server_wants_room(const struct smtp_server *s);

/*
 * Answer the pending event. A 421 ends the session whatever was asked.
 *
 * Too few 2yz for the event's kind (a 250 to DATA, say) is a bug of the caller.
 * Without a pending event, or with a pending CHUNK or CLOSE, it is one too.
 */
void smtp_server_answer(struct smtp_server *s, struct smtp_reply reply);

/* The pending CHUNK was taken. */
void smtp_server_took(struct smtp_server *s);

/*
 * Answer AUTH or AUTH_STEP with 334 and a challenge; the client's response comes as AUTH_STEP.
 *
 * octets  before base64; at most SMTP_CHALLENGE_MAX_BYTES, may be empty
 */
void smtp_server_challenge(struct smtp_server *s, span octets);

/*
 * The answer to LONG_LINE: memory for one line of an AUTH exchange, which may be longer than
 * any other, so that an idle session needs no room for it.
 *
 * memory  SMTP_AUTH_LINE_BYTES, borrowed until smtp_server_borrows is false again (that is, until
 *         the line's event was answered, or the session is closed); NULL: there is none, and
 *         the line is answered 500
 */
void smtp_server_lend(struct smtp_server *s, char *memory);
bool smtp_server_borrows(const struct smtp_server *s);

/*
 * The handshake is done: all that the client said before is forgotten (greeting, login, mail), it
 * must greet again. The counts of errors and junk stay: they are about the connection.
 *
 * conf  in force from now on, with conf->tls; borrowed for the life of the engine
 */
void smtp_server_secured(struct smtp_server *s, const struct smtp_server_conf *conf);

/*
 * What of conf.ext the next EHLO reply announces: not STARTTLS under TLS, REQUIRETLS only there,
 * AUTH only with mechanisms, BINARYMIME only with CHUNKING, SMTPUTF8 only with 8BITMIME.
 */
unsigned smtp_server_announced(const struct smtp_server *s);

/*
 * When smtp_server_timeout must be called, if nothing is fed before; INT64_MAX: no limit,
 * since we ourselves owe the answer.
 */
int64_t smtp_server_deadline(struct smtp_server *s, int64_t now_ms);

/*
 * How long a command of the client has been awaited, as far as smtp_server_deadline was asked then;
 * 0 while we owe the answer, or a message is coming (which has its own limits).
 */
int64_t smtp_server_silence(const struct smtp_server *s, int64_t now_ms);

/* The clock went on: ends the session with 421 if a limit has passed, else does nothing. */
void smtp_server_timeout(struct smtp_server *s, int64_t now_ms);

/* "greeting", "mail", … for logs; static. */
const char *smtp_server_state_text(enum smtp_server_state state);

#endif
