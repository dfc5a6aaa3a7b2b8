/* SPDX-License-Identifier: ISC */
/*
 * store/ledger.h - the recorded past: sessions, verdicts, deliveries. Nothing depends on it.
 *
 * A directory of segments: files of blocks (queue/ledger_block.h), named by the time at which they
 * were begun, only ever added to. What was gathered by ledger_add is one block, written with one
 * write by ledger_commit; nothing is synced, so a power cut takes what the kernel had not yet
 * written. Room is made by removing the oldest segment, which costs the same however full it is.
 *
 * It is no LMDB environment as the queue is: damage to a mapped tree kills whoever looks at it,
 * and nobody may die of a ledger. A reader checks each block by itself and goes on behind what
 * is damaged; readers take no lock and need nobody's consent.
 *
 * A file that was removed, cut or written over by others, a full disk, a directory that is gone:
 * ledger_commit says so, what was gathered is lost, and the next commit begins a new segment.
 */
#ifndef STORE_LEDGER_H
#define STORE_LEDGER_H

#include "base/diag.h"
#include "queue/ledger_block.h"

#define LEDGER_DIR          "ledger" /* below data_dir */
#define LEDGER_SEGMENTS_MAX 1024
#define LEDGER_PARTS        64u         /* the size and the age are kept in so many segments */
#define LEDGER_PART_BYTES   (64u << 20) /* a segment at most */
#define LEDGER_SIZE_MIN     (4u << 20)

struct ledger;

struct ledger_conf {
    uint64_t size_bytes; /* of all segments; LEDGER_SIZE_MIN at least */
    int64_t age_ms;
};

/*
 * Begin to write.
 *
 * dir_fd  the directory; borrowed while the ledger is open
 */
MUSTUSE enum err ledger_open(int dir_fd, const struct ledger_conf *conf, struct ledger **out_l,
                             struct diag *d);
/* What was not committed is lost. NULL: nothing. */
void ledger_close(struct ledger *l);

/* Gather one packed record; false when the block is full: commit, and try again. */
MUSTUSE bool ledger_add(struct ledger *l, span packed, const struct ledger_record *r);
/* Octets that wait for ledger_commit. */
size_t ledger_pending(const struct ledger *l);
/*
 * Write what was gathered and remove at most two segments that are too old or too many.
 *
 * now_ms  wall clock
 */
MUSTUSE enum err ledger_commit(struct ledger *l, int64_t now_ms);
/* Octets in all segments. */
uint64_t ledger_bytes(const struct ledger *l);

/* ---- reading, also beside the process that writes ---- */

struct ledger_query {
    bool by_key;
    uint32_t key; /* by_key: ledger_key; more may be found than was asked for */
    uint64_t id;  /* of a session or message; 0: any */
};

struct ledger_reading {
    uint64_t records; /* that were shown */
    uint64_t blocks;  /* that were looked into */
    uint64_t damaged; /* octets that could not be read */
};

/* False: enough. The record borrows from memory that ends with the call. */
typedef bool ledger_read_fn(void *arg, const struct ledger_record *r);

/* Show what may be meant, the oldest first. ERR_ABSENT: there is no ledger. */
MUSTUSE enum err ledger_read(int dir_fd, const struct ledger_query *q, ledger_read_fn *fn,
                             void *arg, struct ledger_reading *out);

/* Show the records of the newest segments that make up `bytes` octets, the oldest first. */
MUSTUSE enum err ledger_read_newest(int dir_fd, uint64_t bytes, ledger_read_fn *fn, void *arg);

/* Whether a record speaks of this session or message. */
bool ledger_is_about(const struct ledger_record *r, uint64_t id);

#endif
