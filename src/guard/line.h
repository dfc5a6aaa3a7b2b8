/* SPDX-License-Identifier: ISC */
/*
 * guard/line.h - one line in, one line out: for Exim's ${readsocket} and anything else.
 *
 *     judge ADDRESS VERB USER STAGE[=SENDER] NAME
 *
 * ADDRESS  the client's, or - for none
 * VERB     helo or ehlo; "smtp..." and "esmtp..." stand for them (Exim's $received_protocol)
 * USER     - for a client that did not authenticate, else any word
 * STAGE    helo, mail, rcpt or data
 * SENDER   of the envelope, without brackets and blanks; not needed
 * NAME     the greeting, up to the end of the line; it may be empty and may hold blanks
 *
 * The answer is "accept", "defer CODE ENHANCED TEXT" or "deny CODE ENHANCED TEXT". The two octets
 * \n in TEXT stand for the end of a line. Where STAGE is data "accept NAME: VALUE" has a header
 * field that is to be added.
 */
#ifndef GUARD_LINE_H
#define GUARD_LINE_H

#include "guard/question.h"

/* With its LF; a longer one ends the connection. Exim takes commands of 16 KiB. */
#define GUARD_LINE_MAX_BYTES (20u << 10)

/* As guard_policy_read. A line that is none of these is GUARD_END. */
enum guard_need guard_line_read(span in, size_t *out_used, struct guard_question *out_q);

void guard_line_put(struct buf *b, const struct guard_answer *a);

#endif
