/* SPDX-License-Identifier: ISC */
/*
 * explain/message.h - a bounce as it lies in a mailbox, read into plain text.
 *
 * A message is recognised by its header. Of its parts (RFC 2045, 2046) the text for
 * people and the machine part (message/delivery-status, RFC 3464) are kept: quoted-
 * printable and base64 decoded, HTML without its tags, folded fields of the machine
 * part on one line. The copy of the original message is left out. What is no message
 * is looked at for HTML and for quoted-printable alone, else it stays as it is.
 *
 * No recursion: the boundaries of nested parts are a small stack. One pass, linear.
 */
#ifndef EXPLAIN_MESSAGE_H
#define EXPLAIN_MESSAGE_H

#include "base/buf.h"

/* Nested multiparts that are told apart; what is deeper counts as the innermost. */
#define MESSAGE_DEPTH_MAX 8
/* Parts that are looked at. */
#define MESSAGE_PARTS_MAX 64
/* Octets of one header field that are looked at, folds included. */
#define MESSAGE_FIELD_BYTES 2048
/* A buffer of as many octets as the input has, and this many more, always suffices. */
#define MESSAGE_SPARE_BYTES 64

/*
 * The text to explain.
 *
 * b        room for the text; what does not fit is left out (b->overflow is set)
 * returns  the input itself, or what was built in b
 */
span message_text(span input, struct buf *b);

#endif
