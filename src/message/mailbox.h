/* SPDX-License-Identifier: ISC */
/*
 * message/mailbox.h - the addresses of a From, Sender or Reply-To field.
 *
 * Reads RFC 5322 3.4: mailboxes with display names, quoted strings, comments and groups, folded
 * or not. It is meant for judging who wrote a message, so it is strict: what one reader may
 * take for another address than the next one does (routes, comments within an address, words
 * without one) is MAILBOX_BAD.
 *
 * Limits: MAILBOX_DEPTH_MAX nested comments.
 */
#ifndef MESSAGE_MAILBOX_H
#define MESSAGE_MAILBOX_H

#include "name/path.h"

#define MAILBOX_DEPTH_MAX 32

enum mailbox_next { MAILBOX_ONE, MAILBOX_END, MAILBOX_BAD };

struct mailbox_walk {
    span rest;
    bool in_group;
    bool bad;
};

static inline struct mailbox_walk mailbox_walk_over(span value)
{
    return (struct mailbox_walk){.rest = value};
}

/* The next address; borrowed from the value. After END or BAD it stays so. */
enum mailbox_next mailbox_next(struct mailbox_walk *w, struct path *out_address);

#endif
