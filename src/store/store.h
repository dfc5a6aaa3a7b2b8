/* SPDX-License-Identifier: ISC */
/*
 * store/store.h - the durable queue: records and bodies that outlive a crash.
 *
 * One process opens the store at a time (flock). Everything that changes goes through
 * a batch: begin, any number of put, update and done, commit. A batch is one LMDB
 * transaction (group commit): after ERR_OK from store_commit all of it is on disk, after any
 * other result nothing of it is there, and the batch is over either way. An error of a
 * single put spoils the batch: store_commit then fails with it. A failed sync is final.
 *
 * Databases: msg (id -> record), body (id -> at most 64 KiB), due (due_q, id -> nothing),
 * dom (destination, NUL, id -> nothing: recipients that wait after a try), corrupt (id -> what
 * could not be read), meta (format version, queue clock). Larger bodies: DIR/spool/xx/ID.
 * The store reads records with queue/record.h to keep due and dom in step by itself.
 *
 * Spans that are read come straight from the map: valid until the next store_begin,
 * store_commit, store_abort, store_release or close.
 *
 * No network file systems; never used across fork. Nothing above may know that this is LMDB.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/diag.h"
#include "queue/record.h"

struct store;

#define STORE_FORMAT 1

enum store_flag {
    STORE_CREATE = 1u << 0,   /* make DIR and the environment when missing */
    STORE_READ_ONLY = 1u << 1 /* no lock is taken, nothing is mended; for a look from outside */
};

/*
 * Open the store in directory `dir`; start-up cleaning is store_recover.
 *
 * returns  ERR_OK; ERR_BUSY (another process has it); ERR_VERSION (newer format: d says
 *          which); ERR_CORRUPT (not a readable environment: `herald queue check --repair`); ERR_IO
 * ...
 */
MUSTUSE enum err store_open(const char *dir, unsigned flags, struct store **out_s, struct diag *d);
void store_close(struct store *s);

/* What recovery and checking found. */
struct store_report {
    uint64_t messages;      /* whole records */
    uint64_t corrupt;       /* records moved aside (or that would be) */
    uint64_t newer;         /* records of a newer version, left alone */
    uint64_t body_missing;  /* records whose body is gone */
    uint64_t spool_orphans; /* spool files without a record */
    uint64_t index_wrong;   /* due and dom entries that were missing or too many */
    uint64_t unreadable;    /* pages or entries that could not be read at all */
    bool repaired;          /* a fresh environment was made */
    char aside[256];        /* where the damaged one lies now, "" none */
};

/*
 * Clean up after a crash: remove spool files that no record names, move records that cannot be read
 * or have lost their body to `corrupt`.
 *
 * out_r    counts; may be NULL
 */
MUSTUSE enum err store_recover(struct store *s, struct store_report *out_r, struct diag *d);

/*
 * Examine the store in `dir` that no process has open; with `repair`, salvage every readable record
 * into a fresh environment and rename the damaged one aside (never deleted).
 */
MUSTUSE enum err store_check(const char *dir, bool repair, struct store_report *out_r,
                             struct diag *d);

/* Queue time, milliseconds: never goes back, also not over a restart (queue/record.h). */
int64_t store_now_q(struct store *s);

/* ---- a batch ---- */
MUSTUSE enum err store_begin(struct store *s);

/* A large body on its way to the spool: begin, write..., then store_put with it or abort. */
struct store_spool {
    int fd; /* -1: none */
    uint64_t id;
    uint64_t size; /* octets so far */
    uint32_t crc;  /* hash_crc32c of them */
};

/* May be called outside a batch; several may be under way. */
MUSTUSE enum err store_spool_begin(struct store *s, uint64_t id, struct store_spool *out_sp);
MUSTUSE enum err store_spool_write(struct store_spool *sp, span octets);
/* Forget what was written; also after a failed write. Nothing when fd is -1. */
void store_spool_abort(struct store_spool *sp);

/*
 * Add a message. The record's flags say where the body goes: in `body`, or with RECORD_BODY_FILE in
 * `sp`, which is synced and linked here, before the commit, and closed. ERR_EXISTS: that id is
 * there already.
 */
MUSTUSE enum err store_put(struct store *s, span record, span body, struct store_spool *sp);
/* Replace a record by its next state. ERR_ABSENT: no such message. */
MUSTUSE enum err store_update(struct store *s, span record);
/* Forget a message; its spool file goes after the commit. */
MUSTUSE enum err store_done(struct store *s, uint64_t id);
/* Move a record that cannot be read to `corrupt`. */
MUSTUSE enum err store_set_aside(struct store *s, uint64_t id);

/* ERR_NOSPACE when disk or map are full, ERR_IO ... */
MUSTUSE enum err store_commit(struct store *s);
void store_abort(struct store *s);

/* ---- reading; inside a batch it sees the batch ---- */
/* out_record as stored: judge it with record_get. ERR_ABSENT, ERR_IO. */
MUSTUSE enum err store_get(struct store *s, uint64_t id, span *out_record);
/* A body that lies in the store. */
MUSTUSE enum err store_body(struct store *s, uint64_t id, span *out_body);
/* A body in the spool, opened for reading; the caller closes it. */
MUSTUSE enum err store_body_open(struct store *s, uint64_t id, int *out_fd);

struct store_due {
    int64_t due_q;
    uint64_t id;
};

/* Up to max messages with due_q <= now_q, the first after *at; *at moves on. Begin with {INT64_MIN,
 * 0}. */
MUSTUSE enum err store_due_next(struct store *s, struct store_due *at, int64_t now_q, size_t max,
                                struct store_due *out, size_t *out_n);
/* The due time of the earliest message; RECORD_NEVER when there is none. */
MUSTUSE enum err store_due_first(struct store *s, int64_t *out_due_q);
/* Up to max ids after `after`, in order. */
MUSTUSE enum err store_ids(struct store *s, uint64_t after, size_t max, uint64_t *out,
                           size_t *out_n);
/* The same among those that wait for a destination. */
MUSTUSE enum err store_dest_ids(struct store *s, span dest, uint64_t after, size_t max,
                                uint64_t *out, size_t *out_n);
/*
 * The first destination after `after` for which messages wait, and how many; out_name is
 * NUL-terminated.
 *
 * returns  ERR_OK; ERR_ABSENT when there are no more
 */
MUSTUSE enum err store_dest_next(struct store *s, span after, char out_name[RECORD_DEST_BYTES + 1],
                                 uint64_t *out_n);
/* Octets free on the disk for us. */
MUSTUSE enum err store_free(struct store *s, uint64_t *out_bytes);
/* Messages in the store. */
MUSTUSE enum err store_count(struct store *s, uint64_t *out_n);
/* Let go of what was read, so that its pages can be used again. Call once a loop turn. */
void store_release(struct store *s);

#endif
