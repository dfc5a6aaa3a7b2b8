/* SPDX-License-Identifier: ISC */
/*
 * guard/policy.h - the requests of Postfix's policy delegation protocol (SMTPD_POLICY_README).
 *
 * A request is lines "name=value", ended by an empty one; the answer is "action=..." and an empty
 * line. Each request stands for itself and says all that is known of the client by then. Attributes
 * that this does not know are passed over; of one that comes twice the last counts.
 */
#ifndef GUARD_POLICY_H
#define GUARD_POLICY_H

#include "guard/question.h"

#define GUARD_POLICY_REQUEST_BYTES (16u << 10) /* with its empty line; longer ones end it */
#define GUARD_POLICY_ATTRS_MAX     200u        /* lines of one request */

/*
 * Read one request off the front of `in`.
 *
 * out_used  its octets; set with GUARD_ASK alone
 * out_q     borrows from in
 */
enum guard_need guard_policy_read(span in, size_t *out_used, struct guard_question *out_q);

void guard_policy_put(struct buf *b, const struct guard_answer *a);

#endif
