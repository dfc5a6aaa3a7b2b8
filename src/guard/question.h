/* SPDX-License-Identifier: ISC */
/*
 * guard/question.h - one question of a mail server about one of its clients, and the answer.
 */
#ifndef GUARD_QUESTION_H
#define GUARD_QUESTION_H

#include "base/buf.h"
#include "name/addr.h"

enum guard_need {
    GUARD_MORE, /* nothing is asked yet */
    GUARD_TOOK, /* something that asks nothing was used; call again */
    GUARD_ASK,  /* a question waits */
    GUARD_END,  /* the connection is to be closed: its octets are not of the protocol, or it said so
                 */
};

/* How far the client has come. */
enum guard_stage {
    GUARD_AT_NOTHING, /* before it greeted, or a command without meaning here: accept */
    GUARD_AT_HELO,
    GUARD_AT_MAIL,
    GUARD_AT_RCPT,
    GUARD_AT_DATA,
    GUARD_AT_END, /* the message is there */
};

struct guard_question {
    enum guard_stage stage;
    struct ip_addr client; /* IP_NONE: not told, or none of TCP */
    span greeting;         /* empty: the client did not greet */
    bool is_helo;          /* HELO, not EHLO */
    bool changed;          /* it greeted with another name before */
    bool authenticated;
    span sender;      /* of the envelope, without brackets; empty: none known */
    span transaction; /* differs between two messages; empty: not told */
    bool takes_field; /* a header field may be given with this answer */
};

enum guard_action { GUARD_ACCEPT, GUARD_DEFER, GUARD_REFUSE };

struct guard_answer {
    enum guard_action action;
    unsigned code; /* 451, 501, 550; not for GUARD_ACCEPT */
    span enhanced; /* "5.7.1" */
    span text;     /* lines parted by \n; any octets, shown as printable ASCII */
    span field;    /* a header field with its folds and CRLF at the end; empty: none */
};

#define GUARD_TEXT_MAX_BYTES   400u /* of a text that has to go in one line (512 with its codes) */
#define GUARD_ANSWER_MAX_BYTES 16384u /* no answer of any protocol is longer */
#define GUARD_LINES_MAX        10u    /* lines of a text; more are left out */

/*
 * The text in one line: its lines joined by `joint`, as many of them as fit GUARD_TEXT_MAX_BYTES
 * (of the first as much as fits). What is not printable ASCII becomes '?'.
 */
void guard_put_line(struct buf *b, span text, span joint);

/* One piece of text, printable. */
void guard_put_printable(struct buf *b, span text);

/* The name of a field, and its value with each fold as `fold` (empty: on one line). */
void guard_put_field(struct buf *b, span field, span between, span fold);

#endif
