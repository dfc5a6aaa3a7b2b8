/* SPDX-License-Identifier: ISC */
/*
 * explain/explain.h - from any refusal to its cause, evidence and fix.
 *
 * explain_read takes what people hold in their hands: a bare reply, a bounce, a log
 * line, an exception, a wire trace. It finds the reply and everything around it that
 * the text tells, decides the cause by the rules of knowledge/rules, and says
 * what would decide it where the text does not. It never guesses: "ambiguous" is an
 * answer. Look-ups that somebody made are told with explain_told and settle the
 * alternatives; explain_wants says which are worth making.
 *
 *     static struct explain_work w;                    // large: never on the stack
 *     explain_work_init(&w);
 *     explain_read(&w, text, NULL, &answer);
 *     -> answer.page->id "helo.not_fqdn", answer.greeting "web-7d9f", answer.fix ...
 *
 * Linear in the text; no allocation, no clock. Texts beyond EXPLAIN_TEXT_MAX are read
 * up to there. Not here: reading a MIME bounce into text (explain/message.h),
 * showing an answer (explain/show.h).
 */
#ifndef EXPLAIN_EXPLAIN_H
#define EXPLAIN_EXPLAIN_H

#include "explain/knowledge.h"

/* Octets of a text that are looked at: a refusal stands near the beginning of what holds it. */
#define EXPLAIN_TEXT_MAX     (256u * 1024)
#define EXPLAIN_EVIDENCE_MAX 6
#define EXPLAIN_FIX_MAX      4
/* Capacity of the workspace: knowledge/rules may not need more (checked when it is compiled). */
#define EXPLAIN_STEPS_MAX   12000
#define EXPLAIN_TERMS_MAX   6000
#define EXPLAIN_CLAUSES_MAX 6000

enum explain_stage {
    EXPLAIN_NO_STAGE, /* the text does not say */
    EXPLAIN_CONNECT,
    EXPLAIN_HELO,
    EXPLAIN_EHLO,
    EXPLAIN_STARTTLS,
    EXPLAIN_AUTH,
    EXPLAIN_MAIL,
    EXPLAIN_RCPT,
    EXPLAIN_DATA, /* DATA, BDAT, and the answer after the message */
    EXPLAIN_QUIT,
    EXPLAIN_STAGE_COUNT
};

enum explain_field {
    EXPLAIN_FIELD_GREETING,  /* the name said in HELO or EHLO */
    EXPLAIN_FIELD_CLIENT,    /* address of the sending host as the receiver saw it */
    EXPLAIN_FIELD_RECIPIENT, /* mailbox */
    EXPLAIN_FIELD_SENDER,    /* mailbox */
    EXPLAIN_FIELD_REMOTE,    /* the host that refused */
    EXPLAIN_FIELD_REMOTE_IP,
    EXPLAIN_FIELD_REPORTER, /* the host that reports the refusal */
    EXPLAIN_FIELD_PTR,      /* reverse name of the client, where the text gives it */
    EXPLAIN_FIELD_COUNT
};

/* What a look-up said: present, absent, or could not ask. */
enum explain_truth { EXPLAIN_UNASKED, EXPLAIN_YES, EXPLAIN_NO, EXPLAIN_NOT_NOW };

/* Questions whose answers settle alternatives. */
enum explain_question {
    EXPLAIN_ASK_RESOLVES,    /* has the greeting an A, AAAA or MX record? */
    EXPLAIN_ASK_ADDRESS,     /* is the client's address among the greeting's addresses? */
    EXPLAIN_ASK_PTR,         /* has the client's address a PTR? */
    EXPLAIN_ASK_CONFIRMED,   /* does a name of that PTR resolve back to the address? */
    EXPLAIN_ASK_MATCHES,     /* is the greeting one of the PTR's names? */
    EXPLAIN_ASK_SPF,         /* does SPF of the greeting pass for the client? */
    EXPLAIN_ASK_LISTED,      /* is the greeting on a domain block list? */
    EXPLAIN_ASK_TIES_REMOTE, /* do the greeting's A or MX lead to the refusing host? */
    EXPLAIN_ASK_COUNT
};

struct explain_truths {
    enum explain_truth of[EXPLAIN_ASK_COUNT];
};

struct explain_choice {
    const struct explain_page *page;
    const char *decide; /* with placeholders (explain_fill), static */
};

/* Every span borrows from the text that was read, unless a comment says otherwise. */
struct explain_answer {
    const struct explain_page *page; /* the cause; never NULL */
    unsigned confidence;             /* per cent */
    const char *rule;                /* id of the rule that decided, NULL when none did */
    struct explain_choice alternative[EXPLAIN_ALTERNATIVES_MAX];
    size_t alternatives;
    span reply;    /* the refusal itself as found, empty when no code stands in the text */
    unsigned code; /* 0: none */
    span enhanced;
    enum explain_stage stage;
    bool late; /* about greeting or address, but said at MAIL or later */
    bool permanent;
    bool permanent_known;
    enum explain_who who;
    span field[EXPLAIN_FIELD_COUNT];
    const char *software; /* that refused; static; NULL: not known */
    const char *reporter; /* that sent and reports; static; NULL: not known */
    span evidence[EXPLAIN_EVIDENCE_MAX];
    size_t evidences;
    const char *told; /* a look-up that settled it: what it said; NULL: none */
    const struct explain_fix *fix[EXPLAIN_FIX_MAX];
    size_t fixes;
    const char *greeting_note; /* what the greeting looks like, static; NULL: unremarkable */
};

/* For accuracy measurements: leave clauses out. Bit i of `off` is clause i. */
struct explain_options {
    span software;      /* name the fix lines for this software; empty: what the text shows */
    const uint8_t *off; /* (rule_clause_count + 7) / 8 octets, or NULL */
};

struct explain_found {
    uint32_t at;
    uint32_t end;
    bool seen;
    bool in_reply;
};

/* How far a phrase has come: up to this step of it. */
struct explain_progress {
    uint32_t reached; /* the place at which the step was last reached */
    uint32_t started; /* the place of the phrase's first word */
    uint32_t began;   /* where in the text that is */
};

/* The matcher's memory. Only explain_work_init may be used on it from outside. */
struct explain_work {
    struct explain_progress step[EXPLAIN_STEPS_MAX];
    struct explain_found found[EXPLAIN_TERMS_MAX];
    uint16_t terms[EXPLAIN_TERMS_MAX]; /* those that are found */
    size_t term_n;
    uint16_t clauses[EXPLAIN_CLAUSES_MAX]; /* those that hold */
    size_t clause_n;
    bool has_reply; /* the text that was matched holds a reply, from here to there: */
    uint32_t reply_from, reply_end;
    uint32_t place; /* all places so far: grows over texts, so nothing needs clearing */
};

void explain_work_init(struct explain_work *w);

/*
 * Read a refusal and decide its cause.
 *
 * text     any octets
 * options  NULL for none
 * a        the answer; borrows spans from text
 */
void explain_read(struct explain_work *w, span text, const struct explain_options *options,
                  struct explain_answer *a);

/* The questions worth asking for this answer: bit (1u << enum explain_question). */
unsigned explain_wants(const struct explain_answer *a);

/*
 * Tell what look-ups said; settles alternatives and the cause where they decide.
 *
 * EXPLAIN_NOT_NOW decides nothing. May be called again with more. Independent of order.
 */
void explain_told(struct explain_answer *a, const struct explain_truths *truths,
                  const struct explain_options *options);

/* "rcpt", "mail", ...; NULL for EXPLAIN_NO_STAGE. */
const char *explain_stage_text(enum explain_stage stage);

/* A greeting as it looks by itself: the cause that a strict receiver would name, or NULL. */
const char *explain_greeting_cause(span s);

#endif
