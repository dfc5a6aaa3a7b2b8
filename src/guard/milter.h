/* SPDX-License-Identifier: ISC */
/*
 * guard/milter.h - the milter protocol, the filter's side, as Sendmail and Postfix speak it.
 *
 * Packets are {u32 length, command, data}, big-endian. Spoken are the versions 2 to 6; what is not
 * looked at (header, body, DATA, unknown commands) is declined when the server lets one, and passed
 * over else. Connect, HELO, MAIL, RCPT and end-of-message matter; each greeting, sender, recipient
 * and message becomes one question. A verb is not told: every greeting counts as EHLO.
 */
#ifndef GUARD_MILTER_H
#define GUARD_MILTER_H

#include "guard/question.h"

#define GUARD_MILTER_PACKET_BYTES   (68u << 10) /* its length field; a body chunk has 64 KiB */
#define GUARD_MILTER_GREETING_BYTES 2048u       /* of a greeting; more is left out */
#define GUARD_MILTER_SENDER_BYTES   512u        /* a longer sender counts as none */
#define GUARD_MILTER_VERSION_MIN    2u
#define GUARD_MILTER_VERSION_MAX    6u

/* One connection, which may carry several clients one after the other (QUIT_NC). */
struct guard_milter {
    bool adds_field; /* wanted by us and granted by the server */
    bool negotiated;
    bool greeted;
    bool changed;
    bool authenticated;
    struct ip_addr client;
    size_t greeting_n;
    size_t sender_n;
    char command; /* of the question that waits */
    char greeting[GUARD_MILTER_GREETING_BYTES];
    char sender[GUARD_MILTER_SENDER_BYTES];
};

void guard_milter_init(struct guard_milter *m, bool adds_field);

/*
 * Take one packet off the front of `in`.
 *
 * out_used  its octets; set with GUARD_ASK, GUARD_TOOK, and the GUARD_END of a farewell
 * out_q     borrows from m
 * out       gets the reply to a packet that asks nothing
 */
enum guard_need guard_milter_read(struct guard_milter *m, span in, size_t *out_used,
                                  struct guard_question *out_q, struct buf *out);

/* The answer to the question of the last GUARD_ASK. */
void guard_milter_put(struct guard_milter *m, struct buf *out, const struct guard_answer *a);

#endif
