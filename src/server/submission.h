/* SPDX-License-Identifier: ISC */
/*
 * server/submission.h - the header of a message that somebody submits (RFC 6409).
 *
 * Who logged in sends as themselves only: there is one From field, and every address in it is
 * theirs (config_may_send_as); so it is with Sender, if there is one. A header that is malformed is
 * refused then, since others may read it otherwise. From a trusted network anything goes. Nothing
 * is rewritten; Date and Message-ID are added when missing.
 */
#ifndef SERVER_SUBMISSION_H
#define SERVER_SUBMISSION_H

#include "config/config.h"
#include "message/header.h"
#include "smtp/reply.h"

struct transaction_start;

#define SUBMISSION_MAX_BYTES 512 /* the fields that are added, at most */

struct submission {
    struct smtp_reply reply; /* code 0: nothing is wrong */
    bool whole;              /* the header's end was seen */
    bool has_date;
    bool has_message_id;
};

/* login empty: a trusted network. */
void submission_judge(struct submission *s, const struct config *c, span login,
                      struct header_walk header);

/* What is missing of Date and Message-ID. */
void submission_put_missing(struct buf *b, const struct submission *s,
                            const struct transaction_start *start, span hostname);

#endif
