/* SPDX-License-Identifier: ISC */
/*
 * message/dsn.h - reports about mail: refused, delayed or delivered (RFC 3464, 6522, 6533).
 *
 * A report is a multipart/report message: words for a person, a part for
 * machines, and the header of the message it is about, or all of it. It comes from <> and is
 * a function of its arguments alone: the same arguments give the same octets, so
 * a report made again after a crash is the same report.
 *
 * Every text from outside is escaped; every line stays under 998 octets and the
 * lines herald writes itself under 78 where a word allows it. Octets above 127 occur where
 * dsn_needs says so: addresses that are UTF-8 (then in the form of RFC 6533), or the original.
 */
#ifndef MESSAGE_DSN_H
#define MESSAGE_DSN_H

#include "base/buf.h"

#define DSN_HEADER_MAX_BYTES ((size_t)64 * 1024) /* of the original header that is given back */
#define DSN_REPLY_MAX_BYTES  ((size_t)1024)      /* of a remote reply that is quoted */
#define DSN_FULL_MAX_BYTES   ((size_t)1 << 20)   /* an original that is given back whole */

enum dsn_kind { DSN_FAILED, DSN_DELAYED, DSN_SUCCEEDED };

/* What became of a recipient (RFC 3464 2.3.3). */
enum dsn_action {
    DSN_ACTION_FAILED,
    DSN_ACTION_DELAYED,
    DSN_ACTION_DELIVERED,
    DSN_ACTION_RELAYED,  /* to a server that reports on nothing (RFC 3461 5.2.2) */
    DSN_ACTION_EXPANDED, /* an alias of several addresses (RFC 3461 5.2.7) */
};

/* One recipient that the report is about. */
struct dsn_recipient {
    span address;           /* "user@domain" */
    span original;          /* ORCPT as "type;address" (RFC 3461), decoded; empty: none */
    enum dsn_action action; /* must fit the kind */
    unsigned status[3];     /* enhanced code, 5.1.1 as {5, 1, 1}; class as the action: 5, 4 or 2 */
    span remote;            /* name of the server that said it; empty: none was reached */
    span reply; /* its reply as received, "550 5.1.1 no such user", lines apart by LF; or empty */
    span words; /* why, in plain words, without the reply; empty: taken from `status` */
};

struct dsn {
    enum dsn_kind kind;
    uint64_t id;        /* of the report itself: Message-ID and boundary */
    uint64_t about_id;  /* of the message that it is about */
    span host;          /* our name: Reporting-MTA, postmaster, Message-ID */
    span sender;        /* whom it goes to, "user@domain"; never empty (no report about a report) */
    span envelope_id;   /* ENVID, decoded; empty: none */
    int64_t arrived_ms; /* when the message came to us, wall */
    int64_t now_ms;     /* wall */
    int64_t retry_until_ms; /* for DSN_DELAYED: how long we go on trying, wall; 0: not said */
    const struct dsn_recipient *recipients;
    size_t n_recipients;
    span original; /* the original message or its beginning */
    bool whole;    /* it is all of it, and to be given back; else only its header is used */
};

enum dsn_need {
    DSN_NEEDS_8BIT = 1u << 0,     /* octets above 127 in the message */
    DSN_NEEDS_SMTPUTF8 = 1u << 1, /* and in its header: it goes to an address that is not ASCII */
};

/* What a way must carry for this report; set of enum dsn_need. */
unsigned dsn_needs(const struct dsn *d);

/*
 * The message can be given back whole: not too large, no bare CR, LF or NUL, no over-long line, no
 * boundary of ours.
 */
bool dsn_can_return(span original);

/* Enough memory for dsn_put with these arguments. */
size_t dsn_size_max(const struct dsn *d);

/* Write the whole message, ending in CRLF. BUG when there is no sender or no recipient. */
void dsn_put(struct buf *b, const struct dsn *d);

/* What the numbers of an enhanced status code mean, in plain words (RFC 3463); never NULL. */
const char *dsn_status_words(const unsigned status[3]);

#endif
