/* SPDX-License-Identifier: ISC */
/* store/inner.h - what the files of the queue store share; for no one else. */
#ifndef STORE_INNER_H
#define STORE_INNER_H

#include <lmdb.h>

#include "os/heap.h"
#include "queue/frames.h"
#include "store/store.h"

#define STORE_MAP_BYTES   (UINT64_C(64) << 30)
#define STORE_DB_DIR      "db"
#define STORE_DATA_FILE   STORE_DB_DIR "/data.mdb"
#define STORE_SPOOL_DIR   "spool"
#define STORE_SPOOL_DIRS  256
#define STORE_PATH_BYTES  4096
#define STORE_KEY_BYTES   (RECORD_DEST_BYTES + 1 + 8)
#define STORE_BATCH_FILES 65536 /* spool files that come or go in one batch */

enum store_db { DB_MSG, DB_BODY, DB_DUE, DB_DOM, DB_CORRUPT, DB_META, DB_COUNT };

/* The names of the databases in the environment. */
extern const char *const store_db_names[DB_COUNT];

struct store {
    MDB_env *env;
    MDB_dbi dbi[DB_COUNT];
    MDB_txn *write; /* the batch, NULL: none */
    MDB_txn *read;  /* kept and renewed; NULL before the first look */
    bool read_live;
    unsigned flags;
    int dir_fd;
    int lock_fd;
    int spool_fd;

    /* the batch */
    enum err spoiled;
    struct heap_buf linked; /* ids of spool files that are new in this batch */
    struct heap_buf doomed; /* ids of spool files to remove after the commit */
    bool dir_touched[STORE_SPOOL_DIRS];

    /* queue time */
    int64_t base_q;
    int64_t base_mono_ms;
    int64_t clock_saved_q;
};

/* The failure that an LMDB result stands for. */
enum err store_err_of(int rc);

/* Keys: big-endian, so that they sort as numbers. */
struct store_key {
    char octets[STORE_KEY_BYTES];
    size_t n;
};

struct store_key store_key_id(uint64_t id);
struct store_key store_key_due(int64_t due_q, uint64_t id);
struct store_key store_key_dom(span dest, uint64_t id);
uint64_t store_id_of(const char *octets);

static inline MDB_val store_val(span s)
{
    /* LMDB's type has no const; it does not write through it. */
    return (MDB_val){s.n, (void *)(uintptr_t)s.p};
}

static inline MDB_val store_key_val(const struct store_key *k)
{
    return store_val(span_of(k->octets, k->n));
}

static inline span store_span(MDB_val v)
{
    return span_of(v.mv_data, v.mv_size);
}

/* The transaction to read with: the batch, or the renewed read transaction. */
MUSTUSE enum err store_reader(struct store *s, MDB_txn **out_txn);

/* Put the index entries of a whole record, or take them out. */
MUSTUSE enum err store_index(struct store *s, const struct record *r, bool add);

/* store_spool.c */
struct store_spool_name {
    char text[24]; /* "xx/ID" */
};

struct store_spool_name store_spool_name(uint64_t id);
/* Sync the file and give it its name. */
MUSTUSE enum err store_spool_link(struct store *s, struct store_spool *sp);
/* Sync the directories of what was linked; before the commit. */
MUSTUSE enum err store_spool_settle(struct store *s);
/* Remove the files of a list of ids and forget the list. */
void store_spool_drop(struct store *s, struct heap_buf *list);

typedef enum err store_spool_fn(void *arg, uint64_t id, const char *name);
/* Call fn for each file of the spool; names that are no id come with id 0. */
MUSTUSE enum err store_spool_each(int spool_fd, store_spool_fn *fn, void *arg);

#endif
