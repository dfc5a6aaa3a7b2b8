/* SPDX-License-Identifier: ISC */
/*
 * guard/guard.h - what other mail servers ask of herald, whatever protocol they ask in.
 *
 * An engine for one connection of a mail server: octets go in, questions about greetings come out,
 * answers go back as octets. It knows three protocols and no policy: Postfix policy delegation
 * (policy.h), milter (milter.h), and the line that Exim's ${readsocket} sends (line.h).
 *
 *     guard_init(g, GUARD_POLICY, adds_field, &out);
 *     guard_feed(g, octets);                         all that came and is not used yet
 *     while (guard_next(g, &q) == GUARD_ASK)         the same question until it is answered
 *         guard_answer(g, &answer);                  or come back later with guard_feed
 *     octets = guard_rest(g);                        what to keep for the next feed
 *
 * Pure: no I/O, no clock, no allocation. It keeps no octet of the input but in a milter session.
 */
#ifndef GUARD_GUARD_H
#define GUARD_GUARD_H

#include "guard/milter.h"

enum guard_protocol { GUARD_POLICY, GUARD_MILTER, GUARD_EXIM, GUARD_PROTOCOL_COUNT };

/* Input that one question may need; who does not ask within it is no mail server. */
#define GUARD_INPUT_MAX_BYTES (72u << 10)

struct guard {
    enum guard_protocol protocol;
    bool adds_field; /* a header field may go with an answer */
    bool ended;      /* GUARD_END was returned */
    span in;         /* borrowed, not used yet */
    size_t pending;  /* octets of the question that waits for its answer; 0: none */
    struct guard_question question;
    struct guard_milter milter; /* GUARD_MILTER */
    struct buf *out;
};

/* out is borrowed; each answer needs GUARD_ANSWER_MAX_BYTES of room. */
void guard_init(struct guard *g, enum guard_protocol protocol, bool adds_field, struct buf *out);

/* All octets that are not used yet, those of guard_rest first; borrowed until the next call. */
void guard_feed(struct guard *g, span in);

/* What is not used yet, the octets of a question that waits included. */
span guard_rest(const struct guard *g);

/* What the mail server wants. out_q borrows from the input and from g. */
enum guard_need guard_next(struct guard *g, struct guard_question *out_q);

/* The answer to the question that guard_next gave last. */
void guard_answer(struct guard *g, const struct guard_answer *a);

#endif
