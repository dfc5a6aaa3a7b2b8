/* SPDX-License-Identifier: ISC */
/*
 * explain/knowledge.h - what is known of each cause: pages, fix lines, and the words of a refusal.
 *
 * Everything here is compiled from the pages of knowledge/ and knowledge/fixes.tsv at build
 * time. A page belongs to one cause id ("helo.not_fqdn"); replies, `herald explain`,
 * herald-causes(7) and the console take their words from it and from nowhere else.
 *
 * explain_reply is how herald words its own refusals:
 *
 *     struct explain_facts f = {.greeting = name, .client = SPAN("198.51.100.7")};
 *     struct explain_reply r;
 *     explain_reply(explain_page_find(SPAN("helo.forged_local.server")), &f, &b, &r);
 *     -> r.code 550, r.enhanced "5.7.1", r.line[0] "You greeted us as "mx1.example.net", ..."
 *
 * The caller adds code, enhanced code and hyphens when it writes the reply.
 */
#ifndef EXPLAIN_KNOWLEDGE_H
#define EXPLAIN_KNOWLEDGE_H

#include "base/buf.h"

/* Lines of one reply, and octets of one line without code, enhanced code and line end. */
#define EXPLAIN_REPLY_LINES 6
#define EXPLAIN_LINE_BYTES  480
/* Octets of memory that always suffice for explain_reply. */
#define EXPLAIN_REPLY_BYTES 2048
/* What is quoted of a greeting at most. */
#define EXPLAIN_QUOTE_BYTES      64
#define EXPLAIN_ALTERNATIVES_MAX 6

/* Who can mend it. */
enum explain_who {
    EXPLAIN_SENDER,    /* whoever runs the sending host */
    EXPLAIN_RECEIVER,  /* whoever runs the refusing host */
    EXPLAIN_RECIPIENT, /* whoever owns the mailbox */
    EXPLAIN_NETWORK,   /* whoever owns the client's address and its reverse zone */
    EXPLAIN_AUTHOR,    /* whoever wrote the message */
    EXPLAIN_NOBODY,    /* it passes by itself */
    EXPLAIN_UNDECIDED, /* the text does not say */
    EXPLAIN_WHO_COUNT
};

struct explain_alternative {
    const char *cause;  /* id */
    const char *decide; /* the look-up that decides, with {greeting} and {client} in it */
};

struct explain_page {
    const char *id;       /* "helo.not_fqdn" */
    const char *branch;   /* "helo" */
    const char *title;    /* the cause in one sentence, no full stop */
    const char *severity; /* of the standard: syntax, policy, protected, temporary, none */
    const char *rfc;      /* section that speaks of it, or "" */
    enum explain_who who;
    uint16_t code;        /* herald's own reply code; 0: herald never refuses for this */
    const char *enhanced; /* "5.7.1" or "" */
    const char
        *texts[EXPLAIN_REPLY_LINES + 1]; /* reply lines with {placeholders}; NULL at the end */
    struct explain_alternative
        alternatives[EXPLAIN_ALTERNATIVES_MAX + 1]; /* cause NULL at the end */
    const char *saw;                                /* sections of the page, plain text */
    const char *why;
    const char *sender;
    const char *receiver;
    const char *fix; /* which lines of the fix table mend it: "greeting", ... or "" */
};

struct explain_fix {
    const char *topic;    /* "greeting" */
    const char *software; /* "nodemailer"; "any" for the line that holds for all */
    const char *name;     /* "Nodemailer" */
    const char *line;     /* what to write, and where */
};

extern const struct explain_page explain_pages[];
extern const size_t explain_page_count;
extern const struct explain_fix explain_fixes[];
extern const size_t explain_fix_count;

/* The page of a cause id, or NULL when there is none. */
const struct explain_page *explain_page_find(span id);

/* "sender", "receiver", ... */
const char *explain_who_text(enum explain_who who);

/* What a refusal may speak of; what is not known stays empty. */
struct explain_facts {
    span greeting;  /* as the client said it: is escaped and cut */
    span client;    /* its address, as text */
    span kind;      /* what the greeting is: EXPLAIN_ADDRESS; empty: a name */
    span ptr;       /* its reverse name, EXPLAIN_PTR_WITHHELD; empty: none */
    span server;    /* our own name */
    span domain;    /* of the sender or recipient, where a page speaks of it */
    span verb;      /* HELO or EHLO */
    span reference; /* "7QK2M9" */
    span url;       /* where the reference can be looked at */
};

#define EXPLAIN_ADDRESS      SPAN("address")
#define EXPLAIN_PTR_WITHHELD SPAN("reverse name not known now")

struct explain_reply {
    uint16_t code;
    const char *enhanced;
    span line[EXPLAIN_REPLY_LINES];
    size_t lines;
};

/*
 * Word a refusal for a cause: cause, fact, cure, reference, in that order (spec/greeting.md 4).
 *
 * Everything that came from outside is escaped. What stands in [[ ]] in the page is left
 * out when a fact in it is empty; an empty {ptr} reads "no reverse name". A page without
 * a reply code of its own is worded with 550 5.7.1 and its title.
 *
 * b        memory for the lines; EXPLAIN_REPLY_BYTES always suffice
 * returns  false when b was too small: out_reply is then untouched
 * borrows  out_reply->line[] from b
 */
MUSTUSE bool explain_reply(const struct explain_page *page, const struct explain_facts *facts,
                           struct buf *b, struct explain_reply *out_reply);

/* Put a text of a page with its placeholders filled in (the same rules, any length). */
void explain_fill(struct buf *b, const char *text, const struct explain_facts *facts);

#endif
