/* SPDX-License-Identifier: ISC */
/*
 * smtp/reply.h - replies: building ours, reading theirs (RFC 5321 4.2, RFC 2034, 3463).
 *
 * A reply of ours is a value: code, enhanced code, text. It goes out as lines
 * of at most 512 octets, all with the same code, CRLF-ended, printable ASCII
 * only, whatever the text holds.
 *
 * A reply of theirs is read line by line, in any shape that real servers send:
 * several lines, a code alone, LF alone at the end, other codes in between (the
 * last line counts). A reply over the limits is malformed: the connection is
 * then of no more use.
 */
#ifndef SMTP_REPLY_H
#define SMTP_REPLY_H

#include "base/buf.h"

#define SMTP_REPLY_LINE_BYTES 512  /* with CRLF (RFC 5321 4.5.3.1.5) */
#define SMTP_REPLY_TEXT_BYTES 1024 /* text of a reply of ours; the rest is cut */
#define SMTP_REPLY_LINES      20   /* lines of a reply of ours; the rest is cut */
#define SMTP_REPLY_MAX_BYTES  2048 /* no reply of ours is longer on the wire */

/* id, code, enhanced, text: every reply that the engine gives by itself is a row in reply.c */
struct smtp_reply {
    unsigned code; /* 200 to 599 */
    span enhanced; /* "5.1.1"; empty: made from the code; its class is set to that of the code */
    span text;     /* lines parted by \n */
};

/* How a reply is written. */
enum smtp_reply_form {
    SMTP_REPLY_ENHANCED, /* with the enhanced code, where the code has one */
    SMTP_REPLY_PLAIN,    /* banner, HELO and EHLO: without (RFC 2034 4) */
};

/* Write r; needs SMTP_REPLY_MAX_BYTES of room, or nothing is written and b->overflow set. */
void smtp_reply_put(struct buf *b, struct smtp_reply r, enum smtp_reply_form form);

static inline struct smtp_reply smtp_reply_of(unsigned code, span enhanced, span text)
{
    return (struct smtp_reply){code, enhanced, text};
}

/* ---- reading ---- */

#define SMTP_READ_LINE_BYTES  4096 /* a line of theirs */
#define SMTP_READ_LINES       100  /* lines of one reply */
#define SMTP_READ_REPLY_BYTES (64 << 10)
#define SMTP_READ_TEXT_BYTES  2048 /* text kept of one reply; the rest is read and dropped */

enum smtp_read_step {
    SMTP_READ_MORE, /* all input used up, the line goes on */
    SMTP_READ_LINE, /* a line of a reply that goes on */
    SMTP_READ_LAST, /* the last line: the reply is whole */
    SMTP_READ_BAD,  /* not a reply, or over a limit */
};

struct smtp_reader {
    /* after SMTP_READ_LINE and SMTP_READ_LAST */
    unsigned code;       /* of the line just read; after the last line the code of the reply */
    unsigned first_code; /* of the first line; codes that disagree are worth a note */
    span line;           /* text of the line, without code; valid until the next call */
    const char *bad;     /* after SMTP_READ_BAD: why; static */
    bool cut;            /* the kept text is not all of it */
    unsigned lines;      /* lines so far */
    /* private */
    bool whole; /* a reply ended; the next line begins another */
    size_t total_bytes;
    size_t line_n;
    size_t text_n;
    char line_buf[SMTP_READ_LINE_BYTES];
    char text_buf[SMTP_READ_TEXT_BYTES];
};

void smtp_reader_init(struct smtp_reader *r);

/*
 * Take octets off the front of *in, up to the end of one line.
 *
 * After SMTP_READ_BAD it says so again; nothing more is read.
 */
enum smtp_read_step smtp_reader_next(struct smtp_reader *r, span *in);

/* The text of the reply so far, its lines parted by \n; valid until the next call. */
span smtp_reader_text(const struct smtp_reader *r);

/* Part of a line is waiting for its end. */
static inline bool smtp_reader_in_line(const struct smtp_reader *r)
{
    return r->line_n > 0 || (!r->whole && r->lines > 0);
}

/*
 * The enhanced code with which a reply text begins (RFC 3463 2): class.subject.detail.
 *
 * text          the text behind the code
 * out_enhanced  the code alone, borrowed; nowhere but at the start is one looked for
 */
MUSTUSE bool smtp_enhanced_take(span text, span *out_enhanced);

#endif
