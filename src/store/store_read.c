/* SPDX-License-Identifier: ISC */
/* Looking into the store: keys, single entries, walks along the indexes. */
#include <errno.h>
#include <sys/statvfs.h>

#include "os/file.h"
#include "store/inner.h"

static void put_be(struct store_key *k, uint64_t v)
{
    for (int shift = 56; shift >= 0; shift -= 8)
        k->octets[k->n++] = (char)(unsigned char)(v >> shift);
}

struct store_key store_key_id(uint64_t id)
{
    struct store_key k = {.n = 0};

    put_be(&k, id);
    return k;
}

struct store_key store_key_due(int64_t due_q, uint64_t id)
{
    struct store_key k = {.n = 0};

    put_be(&k, due_q > 0 ? (uint64_t)due_q : 0);
    put_be(&k, id);
    return k;
}

struct store_key store_key_dom(span dest, uint64_t id)
{
    struct store_key k = {.n = 0};

    BUG_IF(dest.n > RECORD_DEST_BYTES, "the name of a destination is too long");
    memcpy(k.octets, dest.p, dest.n);
    k.n = dest.n;
    k.octets[k.n++] = '\0';
    put_be(&k, id);
    return k;
}

uint64_t store_id_of(const char *octets)
{
    uint64_t v = 0;

    for (size_t i = 0; i < 8; i++)
        v = v << 8 | (unsigned char)octets[i];
    return v;
}

enum err store_reader(struct store *s, MDB_txn **out_txn)
{
    int rc = 0;

    if (s->write != NULL) {
        *out_txn = s->write;
        return ERR_OK;
    }
    if (s->read == NULL)
        rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &s->read);
    else if (!s->read_live)
        rc = mdb_txn_renew(s->read);
    if (rc != 0)
        return store_err_of(rc);
    s->read_live = true;
    *out_txn = s->read;
    return ERR_OK;
}

void store_release(struct store *s)
{
    if (s->read_live)
        mdb_txn_reset(s->read);
    s->read_live = false;
}

static enum err get(struct store *s, enum store_db db, uint64_t id, span *out_value)
{
    struct store_key key = store_key_id(id);
    MDB_val k = store_key_val(&key);
    MDB_val v;
    MDB_txn *txn = NULL;
    enum err e = store_reader(s, &txn);

    if (e == ERR_OK)
        e = store_err_of(mdb_get(txn, s->dbi[db], &k, &v));
    if (e == ERR_OK)
        *out_value = store_span(v);
    return e;
}

enum err store_get(struct store *s, uint64_t id, span *out_record)
{
    return get(s, DB_MSG, id, out_record);
}

enum err store_body(struct store *s, uint64_t id, span *out_body)
{
    return get(s, DB_BODY, id, out_body);
}

enum err store_body_open(struct store *s, uint64_t id, int *out_fd)
{
    return file_open_read(s->spool_fd, store_spool_name(id).text, out_fd);
}

enum err store_count(struct store *s, uint64_t *out_n)
{
    MDB_stat stat;
    MDB_txn *txn = NULL;
    enum err e = store_reader(s, &txn);

    if (e == ERR_OK)
        e = store_err_of(mdb_stat(txn, s->dbi[DB_MSG], &stat));
    if (e == ERR_OK)
        *out_n = stat.ms_entries;
    return e;
}

/* A cursor at the first key that is not before `from`. */
struct walk {
    MDB_cursor *cursor;
    MDB_val key;
    int rc;
};

static enum err walk_begin(struct store *s, enum store_db db, const struct store_key *from,
                           struct walk *out_w)
{
    MDB_txn *txn = NULL;
    enum err e = store_reader(s, &txn);

    if (e != ERR_OK)
        return e;
    out_w->key = store_key_val(from);
    out_w->rc = mdb_cursor_open(txn, s->dbi[db], &out_w->cursor);
    if (out_w->rc != 0)
        return store_err_of(out_w->rc);
    out_w->rc = mdb_cursor_get(out_w->cursor, &out_w->key, NULL, MDB_SET_RANGE);
    return ERR_OK;
}

static void walk_on(struct walk *w)
{
    w->rc = mdb_cursor_get(w->cursor, &w->key, NULL, MDB_NEXT);
}

static enum err walk_end(struct walk *w)
{
    mdb_cursor_close(w->cursor);
    return w->rc == MDB_NOTFOUND ? ERR_OK : store_err_of(w->rc);
}

enum err store_due_next(struct store *s, struct store_due *at, int64_t now_q, size_t max,
                        struct store_due *out, size_t *out_n)
{
    struct store_key from = store_key_due(at->due_q, at->id == UINT64_MAX ? at->id : at->id + 1);
    struct walk w;
    size_t n = 0;
    enum err e = walk_begin(s, DB_DUE, &from, &w);

    if (e != ERR_OK)
        return e;
    for (; w.rc == 0 && n < max && w.key.mv_size == 16; walk_on(&w)) {
        const char *octets = w.key.mv_data;
        struct store_due due = {(int64_t)store_id_of(octets), store_id_of(octets + 8)};

        if (due.due_q > now_q)
            break;
        out[n++] = due;
    }
    if (n > 0)
        *at = out[n - 1];
    *out_n = n;
    return walk_end(&w);
}

enum err store_due_first(struct store *s, int64_t *out_due_q)
{
    struct store_key from = store_key_due(0, 0);
    struct walk w;
    enum err e = walk_begin(s, DB_DUE, &from, &w);

    if (e != ERR_OK)
        return e;
    *out_due_q =
        w.rc == 0 && w.key.mv_size == 16 ? (int64_t)store_id_of(w.key.mv_data) : RECORD_NEVER;
    return walk_end(&w);
}

/* The ids at the end of keys that begin as `from` does before its own. */
static enum err ids(struct store *s, enum store_db db, const struct store_key *from, size_t max,
                    uint64_t *out, size_t *out_n)
{
    size_t prefix = from->n - sizeof(uint64_t);
    struct walk w;
    size_t n = 0;
    enum err e = walk_begin(s, db, from, &w);

    if (e != ERR_OK)
        return e;
    for (; w.rc == 0 && n < max && w.key.mv_size == prefix + 8; walk_on(&w)) {
        const char *octets = w.key.mv_data;

        if (memcmp(octets, from->octets, prefix) != 0)
            break;
        out[n++] = store_id_of(octets + prefix);
    }
    *out_n = n;
    return walk_end(&w);
}

enum err store_ids(struct store *s, uint64_t after, size_t max, uint64_t *out, size_t *out_n)
{
    struct store_key from = store_key_id(after + 1);

    return ids(s, DB_MSG, &from, max, out, out_n);
}

enum err store_dest_ids(struct store *s, span dest, uint64_t after, size_t max, uint64_t *out,
                        size_t *out_n)
{
    struct store_key from = store_key_dom(dest, after + 1);

    return ids(s, DB_DOM, &from, max, out, out_n);
}

enum err store_dest_next(struct store *s, span after, char out_name[RECORD_DEST_BYTES + 1],
                         uint64_t *out_n)
{
    struct store_key from = store_key_dom(after, UINT64_MAX);
    struct walk w;
    size_t n = 0;
    uint64_t count = 0;
    enum err e = walk_begin(s, DB_DOM, &from, &w);

    if (e != ERR_OK)
        return e;
    for (; w.rc == 0; walk_on(&w)) {
        span key = store_span(w.key);

        if (key.n < 9 || key.n - 9 > RECORD_DEST_BYTES)
            continue;
        if (count == 0) {
            n = key.n - 9;
            memcpy(out_name, key.p, n);
            out_name[n] = '\0';
        } else if (!span_eq(span_head(key, key.n - 9), span_of(out_name, n))) {
            break;
        }
        count++;
    }
    e = walk_end(&w);
    if (e == ERR_OK && count == 0)
        e = ERR_ABSENT;
    if (e == ERR_OK)
        *out_n = count;
    return e;
}

enum err store_free(struct store *s, uint64_t *out_bytes)
{
    struct statvfs st;

    if (fstatvfs(s->dir_fd, &st) != 0)
        return err_of_errno(errno);
    *out_bytes = (uint64_t)st.f_bavail * st.f_frsize;
    return ERR_OK;
}
