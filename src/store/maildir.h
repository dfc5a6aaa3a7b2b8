/* SPDX-License-Identifier: ISC */
/*
 * store/maildir.h - put messages into Maildirs so that a crash loses none.
 *
 * A batch: add each message (written to tmp/), then finish (sync the files, rename
 * them to new/, sync each new/ once). Only after maildir_finish has an addition reached
 * the mailbox: each has its own verdict. Directories are made 0700 when missing.
 *
 * A mailbox is a template such as "{data_dir}/mail/{domain}/{user}" with the
 * parts of an address mapped to file names that cannot climb: letters in
 * lower case (Alice@ is alice@); every octet that is not a letter, digit or one of "-_+=~#&,@" or
 * an inner dot becomes %XX, so no
 * "/", no NUL, no leading dot, no "..", and different addresses give different names; over 200
 * octets end in a hash.
 *
 * Line ends: a Maildir holds LF, so CRLF becomes LF, and nothing else changes: a lone CR or LF in
 * the input (the receiving side lets none pass) would stay as it is. The body of a BINARYMIME
 * message has octets and no lines: behind the header it is kept as it came. "Return-Path: <sender>"
 * and "Delivered-To: mailbox" are put in front. Names in new/: SECONDS.M…P…Q….HOST (the Maildir
 * page of qmail), with ",S=size" at the end.
 */
#ifndef STORE_MAILDIR_H
#define STORE_MAILDIR_H

#include "base/buf.h"
#include "base/diag.h"

#define MAILDIR_BATCH_MAX  256 /* messages */
#define MAILDIR_NAME_BYTES 200
#define MAILDIR_PATH_BYTES 1024

struct maildir; /* a batch and what it needs */

/* host: for the names, copied; "/" and ":" in it are escaped. */
MUSTUSE enum err maildir_new(const char *host, struct maildir **out_m);
void maildir_free(struct maildir *m);

/* One message for one mailbox. Its octets come from memory or, when fd >= 0, from a file by pread.
 */
struct maildir_message {
    const char *path; /* the Maildir */
    span sender;      /* for Return-Path; empty: the null sender */
    span mailbox;     /* for Delivered-To */
    span body;        /* CRLF line ends */
    bool binary;      /* BINARYMIME: so has the header only */
    int fd;           /* -1: body is all there is */
    uint64_t size;    /* octets in fd */
};

/*
 * Write one message to tmp/.
 *
 * out_n    its number in this batch, 0 and up
 * returns  ERR_OK; ERR_LIMIT when the batch is full; ERR_NOSPACE, ERR_DENIED, ERR_IO (nothing is
 * left behind)
 */
MUSTUSE enum err maildir_add(struct maildir *m, const struct maildir_message *msg, size_t *out_n);

/*
 * Sync, rename, sync the directories; afterwards the batch is empty again.
 *
 * out      verdict of each addition, in order; ERR_OK: it is in the mailbox and on disk
 */
void maildir_finish(struct maildir *m, enum err *out, size_t n);

/*
 * The path of a mailbox.
 *
 * tmpl     what follows "maildir:" in the configuration, data_dir already filled in
 * address  user@domain; user without "@" too
 * returns  ERR_OK; ERR_LIMIT when it is too long; ERR_SYNTAX for an empty part
 */
MUSTUSE enum err maildir_path(span tmpl, span address, struct buf *out);

#endif
