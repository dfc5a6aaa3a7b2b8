/* SPDX-License-Identifier: ISC */
/*
 * The environment and its batches.
 *
 * Order of a commit: bodies of the spool are synced and linked as they are put, their directories
 * are synced, then LMDB writes and syncs its pages and the new root. Whatever stops this on the way
 * leaves the old root: no message of the batch exists, and linked files without a record are
 * removed (store_abort, or store_recover after a crash). Files of messages that are done go after
 * the commit.
 */
#include "store/store.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/file.h"
#include "store/inner.h"

#define CLOCK_SAVE_MS     1000
#define PAUSE_MAX_MS      (24 * 3600 * INT64_C(1000))
#define META_FORMAT       "format"
#define META_CLOCK        "clock"
#define META_LAST_PAGE_AT 136 /* in the first page of the file (store/salvage.c) */
#define FIRST_Q           1000
#define FULL_BYTES        (1u << 20) /* a disk with less room than this is full */

const char *const store_db_names[DB_COUNT] = {
    [DB_MSG] = "msg", [DB_BODY] = "body",       [DB_DUE] = "due",
    [DB_DOM] = "dom", [DB_CORRUPT] = "corrupt", [DB_META] = "meta",
};

enum err store_err_of(int rc)
{
    switch (rc) {
    case MDB_SUCCESS:
        return ERR_OK;
    case MDB_NOTFOUND:
        return ERR_ABSENT;
    case MDB_KEYEXIST:
        return ERR_EXISTS;
    case MDB_MAP_FULL:
        return ERR_NOSPACE;
    case MDB_VERSION_MISMATCH:
    case MDB_INVALID:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
        return ERR_CORRUPT;
    default:
        return rc > 0 ? err_of_errno(rc) : ERR_IO;
    }
}

/* ---- queue time ---- */

int64_t store_now_q(struct store *s)
{
    return s->base_q + (clock_mono_ms() - s->base_mono_ms);
}

/* Go on where the last process stopped, with the pause counted by the wall clock within bounds. */
static void clock_begin(struct store *s, span saved)
{
    struct unpack u = unpack_over(saved);
    int64_t last_q = unpack_i64(&u);
    int64_t last_ms = unpack_i64(&u);
    int64_t pause = 0;

    if (!unpack_done(&u)) {
        last_q = FIRST_Q;
        last_ms = INT64_MAX;
    }
    if (clock_wall_ms() > last_ms)
        pause = min_i64(clock_wall_ms() - last_ms, PAUSE_MAX_MS);
    s->base_q = last_q + pause;
    s->base_mono_ms = clock_mono_ms();
    s->clock_saved_q = 0;
}

static enum err clock_save(struct store *s)
{
    char memory[16];
    struct buf b = BUF_OVER(memory);
    MDB_val key = store_val(SPAN(META_CLOCK));
    MDB_val value;
    int64_t now_q = store_now_q(s);
    enum err e;

    if (s->clock_saved_q != 0 && now_q - s->clock_saved_q < CLOCK_SAVE_MS)
        return ERR_OK;
    pack_i64(&b, now_q);
    pack_i64(&b, clock_wall_ms());
    value = store_val(buf_span(&b));
    e = store_err_of(mdb_put(s->write, s->dbi[DB_META], &key, &value, 0));
    if (e == ERR_OK)
        s->clock_saved_q = now_q;
    return e;
}

/* ---- opening ---- */

static enum err open_files(struct store *s, const char *dir, struct diag *d)
{
    bool make = (s->flags & STORE_CREATE) != 0;
    struct stat st;
    enum err e =
        make ? file_make_dir(AT_FDCWD, dir, &s->dir_fd) : file_open_dir(AT_FDCWD, dir, &s->dir_fd);

    if (e != ERR_OK)
        return diag_set(d, e, errno, "cannot open the queue directory %s", dir);
    /* A mending that was cut off between its two renames: making a new, empty queue would hide it.
     */
    if (make && os_calls->fstatat(s->dir_fd, STORE_DB_DIR, &st, 0) != 0 &&
        os_calls->fstatat(s->dir_fd, "db.new", &st, 0) == 0)
        return diag_set(d, ERR_CORRUPT, 0,
                        "the queue in %s is half mended; run: herald queue check --repair", dir);
    if (make && file_make_dir(s->dir_fd, STORE_DB_DIR, &s->spool_fd) == ERR_OK)
        file_close(&s->spool_fd);
    e = make ? file_make_dir(s->dir_fd, STORE_SPOOL_DIR, &s->spool_fd)
             : file_open_dir(s->dir_fd, STORE_SPOOL_DIR, &s->spool_fd);
    if (e != ERR_OK)
        return diag_set(d, e, errno, "cannot open %s/" STORE_SPOOL_DIR, dir);
    return file_sync_dir(s->dir_fd);
}

static enum err take_lock(struct store *s, const char *dir, struct diag *d)
{
    enum err e;

    /* The directory itself is what is locked: it needs no file that could be missing. */
    if ((s->flags & STORE_READ_ONLY) != 0)
        return ERR_OK;
    e = file_open_dir(s->dir_fd, ".", &s->lock_fd);
    if (e == ERR_OK)
        e = file_lock(s->lock_fd, false);
    if (e == ERR_BUSY)
        return diag_set(d, e, 0, "another process has the queue in %s open", dir);
    return e == ERR_OK ? e : diag_set(d, e, errno, "cannot lock %s", dir);
}

static void damaged(MDB_env *env, const char *words)
{
    (void)env;
    (void)words;
    BUG("the queue is damaged; stop the server and run: herald queue check --repair");
}

/* How many of the pages from `first` on the list of free pages holds; 0 when it cannot be read. */
static uint64_t count_free(MDB_env *env, uint64_t first)
{
    enum { FREE_DBI = 0 }; /* pages freed by each transaction: their number, then each (LMDB) */
    MDB_txn *txn = NULL;
    MDB_cursor *at = NULL;
    MDB_val key, value;
    uint64_t found = 0;
    int rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);

    if (rc == 0)
        rc = mdb_cursor_open(txn, FREE_DBI, &at);
    while (rc == 0 && (rc = mdb_cursor_get(at, &key, &value, MDB_NEXT)) == 0) {
        const size_t *pages = value.mv_data;
        size_t n = value.mv_size / sizeof(*pages);

        for (size_t i = 1; n > 0 && i <= pages[0] && i < n; i++)
            found += pages[i] >= first ? 1 : 0;
    }
    mdb_cursor_close(at);
    mdb_txn_abort(txn);
    return rc == MDB_NOTFOUND ? found : 0;
}

/*
 * The file ends before its last page, of so many octets. A transaction that took pages at the end
 * and gave them back never wrote them: they are free, and the file is whole. It is made as long as
 * it is said to be, because looking at a page behind its end would kill the process, and stays so
 * only then.
 */
static enum err lengthen(struct store *s, uint64_t size, uint64_t whole, uint64_t page)
{
    uint64_t first = size / page;
    mdb_filehandle_t fd;

    if ((s->flags & STORE_READ_ONLY) != 0 || mdb_env_get_fd(s->env, &fd) != 0 ||
        os_calls->ftruncate(fd, (off_t)whole) != 0)
        return ERR_CORRUPT;
    if (count_free(s->env, first) == whole / page - first)
        return ERR_OK;
    (void)!os_calls->ftruncate(fd, (off_t)size);
    return ERR_CORRUPT;
}

static enum err check_length(struct store *s)
{
    MDB_envinfo info;
    MDB_stat stat;
    struct stat file;
    uint64_t size, whole;

    mdb_env_info(s->env, &info);
    mdb_env_stat(s->env, &stat);
    if (os_calls->fstatat(s->dir_fd, STORE_DATA_FILE, &file, 0) != 0)
        return err_of_errno(errno);
    size = (uint64_t)file.st_size;
    whole = (info.me_last_pgno + 1) * (uint64_t)stat.ms_psize;
    if (info.me_last_pgno <= 1 || size >= whole)
        return ERR_OK;
    return lengthen(s, size, whole, stat.ms_psize);
}

/*
 * A data file that was cut off while LMDB made it: shorter than its two roots, and no root that
 * names a page. It never held anything, and LMDB would refuse it for ever.
 */
static void remove_unborn(struct store *s)
{
    char head[META_LAST_PAGE_AT + 8] = {0};
    struct stat file;
    struct unpack u;
    int fd = -1;

    if (os_calls->fstatat(s->dir_fd, STORE_DATA_FILE, &file, 0) != 0 ||
        file.st_size >= 2 * sysconf(_SC_PAGESIZE))
        return;
    if (file_open_read(s->dir_fd, STORE_DATA_FILE, &fd) != ERR_OK)
        return;
    u = unpack_over(span_of(head + META_LAST_PAGE_AT, 8));
    if (file_read_at(fd, head, sizeof(head), 0) != ERR_OK || unpack_u64(&u) <= 1)
        (void)!file_remove(s->dir_fd, STORE_DATA_FILE);
    file_close(&fd);
}

static enum err open_env(struct store *s, const char *dir, struct diag *d)
{
    char path[STORE_PATH_BYTES];
    struct buf b = BUF_OVER(path);
    const char *name;
    unsigned flags = MDB_NOTLS | ((s->flags & STORE_READ_ONLY) != 0 ? MDB_RDONLY : 0);
    int rc = mdb_env_create(&s->env);

    buf_printf(&b, "%s/" STORE_DB_DIR, dir);
    name = buf_cstr(&b);
    if (rc != 0 || name == NULL)
        return diag_set(d, ERR_NOMEM, 0, "cannot make an environment for %s", dir);
    mdb_env_set_mapsize(s->env, (size_t)STORE_MAP_BYTES);
    mdb_env_set_maxdbs(s->env, DB_COUNT);
    mdb_env_set_assert(s->env, damaged);
    if ((s->flags & STORE_CREATE) != 0)
        remove_unborn(s);
    rc = mdb_env_open(s->env, name, flags, 0600);
    if (rc == 0)
        rc = check_length(s) == ERR_CORRUPT ? MDB_CORRUPTED : 0;
    if (store_err_of(rc) == ERR_CORRUPT)
        return diag_set(d, ERR_CORRUPT, 0,
                        "the queue in %s is damaged; run: herald queue check --repair", dir);
    return rc == 0 ? ERR_OK
                   : diag_set(d, store_err_of(rc), rc > 0 ? rc : 0, "cannot open %s", name);
}

static enum err check_format(MDB_txn *txn, MDB_dbi meta, bool make, struct diag *d)
{
    char memory[4];
    struct buf b = BUF_OVER(memory);
    MDB_val key = store_val(SPAN(META_FORMAT));
    MDB_val value;
    struct unpack u;
    uint32_t format;
    int rc = mdb_get(txn, meta, &key, &value);

    if (rc == MDB_NOTFOUND && make) {
        pack_u32(&b, STORE_FORMAT);
        value = store_val(buf_span(&b));
        return store_err_of(mdb_put(txn, meta, &key, &value, 0));
    }
    if (rc != 0)
        return diag_set(d, ERR_CORRUPT, 0, "the queue does not say which format it has");
    u = unpack_over(store_span(value));
    format = unpack_u32(&u);
    if (unpack_done(&u) && format == STORE_FORMAT)
        return ERR_OK;
    return diag_set(d, ERR_VERSION, 0,
                    "the queue has format %u, this herald knows %u only: a newer version wrote it",
                    format, (unsigned)STORE_FORMAT);
}

static enum err open_databases(struct store *s, struct diag *d)
{
    bool make = (s->flags & STORE_READ_ONLY) == 0;
    MDB_txn *txn = NULL;
    MDB_val key = store_val(SPAN(META_CLOCK));
    MDB_val saved = {0};
    int rc = mdb_txn_begin(s->env, NULL, make ? 0 : MDB_RDONLY, &txn);
    enum err e;

    if (rc != 0)
        return diag_set(d, store_err_of(rc), rc > 0 ? rc : 0, "cannot read the queue");
    for (size_t i = 0; i < DB_COUNT && rc == 0; i++)
        rc = mdb_dbi_open(txn, store_db_names[i], make ? MDB_CREATE : 0, &s->dbi[i]);
    e = rc == 0 ? check_format(txn, s->dbi[DB_META], make, d)
                : diag_set(d, store_err_of(rc), rc > 0 ? rc : 0, "cannot open the queue's tables");
    if (e == ERR_OK && mdb_get(txn, s->dbi[DB_META], &key, &saved) != 0)
        saved = (MDB_val){0};
    if (e == ERR_OK)
        clock_begin(s, store_span(saved));
    if (e != ERR_OK) {
        mdb_txn_abort(txn);
        return e;
    }
    rc = mdb_txn_commit(txn);
    return rc == 0 ? ERR_OK
                   : diag_set(d, store_err_of(rc), rc > 0 ? rc : 0, "cannot write the queue");
}

enum err store_open(const char *dir, unsigned flags, struct store **out_s, struct diag *d)
{
    struct store *s = x_alloc(sizeof(*s));
    enum err e;

    *s = (struct store){.flags = flags, .dir_fd = -1, .lock_fd = -1, .spool_fd = -1};
    heap_init(&s->linked, STORE_BATCH_FILES * sizeof(uint64_t));
    heap_init(&s->doomed, STORE_BATCH_FILES * sizeof(uint64_t));
    e = open_files(s, dir, d);
    if (e == ERR_OK)
        e = take_lock(s, dir, d);
    if (e == ERR_OK)
        e = open_env(s, dir, d);
    if (e == ERR_OK)
        e = open_databases(s, d);
    if (e != ERR_OK) {
        store_close(s);
        return e;
    }
    *out_s = s;
    return ERR_OK;
}

void store_close(struct store *s)
{
    if (s == NULL)
        return;
    store_abort(s);
    if (s->read != NULL)
        mdb_txn_abort(s->read);
    if (s->env != NULL)
        mdb_env_close(s->env);
    heap_release(&s->linked);
    heap_release(&s->doomed);
    file_close(&s->spool_fd);
    file_close(&s->lock_fd);
    file_close(&s->dir_fd);
    free(s);
}

/* ---- batches ---- */

enum err store_begin(struct store *s)
{
    BUG_IF(s->write != NULL, "a batch is open already");
    store_release(s);
    s->spoiled = ERR_OK;
    return store_err_of(mdb_txn_begin(s->env, NULL, 0, &s->write));
}

/* A failure of the transaction itself ends the whole batch; what was merely not there does not. */
static enum err spoil(struct store *s, enum err e)
{
    if (e != ERR_OK && s->spoiled == ERR_OK)
        s->spoiled = e;
    return e;
}

static enum err put(struct store *s, enum store_db db, struct store_key key, span value,
                    unsigned flags)
{
    MDB_val k = store_key_val(&key);
    MDB_val v = store_val(value);

    return store_err_of(mdb_put(s->write, s->dbi[db], &k, &v, flags));
}

static enum err del(struct store *s, enum store_db db, struct store_key key)
{
    MDB_val k = store_key_val(&key);

    return store_err_of(mdb_del(s->write, s->dbi[db], &k, NULL));
}

/* One index entry; taking out one that is not there is no failure. */
static enum err index_one(struct store *s, enum store_db db, struct store_key key, bool add)
{
    enum err e = add ? put(s, db, key, SPAN_NONE, 0) : del(s, db, key);

    return !add && e == ERR_ABSENT ? ERR_OK : e;
}

static bool waits_at_dest(const struct record_rcpt *r)
{
    return (r->state == RECORD_WAITING || r->state == RECORD_HELD) && r->dest.n != 0;
}

enum err store_index(struct store *s, const struct record *r, bool add)
{
    struct unpack u = unpack_over(r->rcpts);
    struct record_rcpt rcpt;
    span last = SPAN_NONE;
    enum err e = ERR_OK;

    if (r->due_q != RECORD_NEVER)
        e = index_one(s, DB_DUE, store_key_due(r->due_q, r->id), add);
    while (e == ERR_OK && record_next_rcpt(&u, &rcpt)) {
        if (!waits_at_dest(&rcpt) || span_eq(rcpt.dest, last))
            continue;
        e = index_one(s, DB_DOM, store_key_dom(rcpt.dest, r->id), add);
        last = rcpt.dest;
    }
    return e;
}

static enum err put_message(struct store *s, span packed, span body, const struct record *r)
{
    enum err e = put(s, DB_MSG, store_key_id(r->id), packed, MDB_NOOVERWRITE);

    if (e == ERR_EXISTS)
        return e;
    if (e == ERR_OK && (r->flags & RECORD_BODY_FILE) == 0)
        e = put(s, DB_BODY, store_key_id(r->id), body, 0);
    if (e == ERR_OK)
        e = store_index(s, r, true);
    return spoil(s, e);
}

static bool is_there(struct store *s, uint64_t id)
{
    span ignored;

    return store_get(s, id, &ignored) == ERR_OK;
}

enum err store_put(struct store *s, span record, span body, struct store_spool *sp)
{
    struct record r;
    enum err e = record_get(record, &r);

    BUG_IF(s->write == NULL, "no batch is open");
    BUG_IF(e != ERR_OK, "a record that cannot be read is to be stored");
    BUG_IF(((r.flags & RECORD_BODY_FILE) != 0) != (sp != NULL), "the body is somewhere else");
    BUG_IF(sp != NULL && sp->id != r.id, "the body of another message");
    if (sp != NULL && is_there(s, r.id))
        return ERR_EXISTS;
    if (sp != NULL) {
        e = store_spool_link(s, sp);
        if (e != ERR_OK)
            return e;
    }
    return put_message(s, record, body, &r);
}

/* Take the index entries of the stored state out; a state that cannot be read has none to find. */
static enum err unindex(struct store *s, uint64_t id, struct record *out_old, bool *out_whole)
{
    span old;
    enum err e = store_get(s, id, &old);

    if (e != ERR_OK)
        return e;
    *out_whole = record_get(old, out_old) == ERR_OK;
    return *out_whole ? store_index(s, out_old, false) : ERR_OK;
}

enum err store_update(struct store *s, span record)
{
    struct record r, old;
    bool whole;
    enum err e = record_get(record, &r);

    BUG_IF(s->write == NULL, "no batch is open");
    BUG_IF(e != ERR_OK, "a record that cannot be read is to be stored");
    e = unindex(s, r.id, &old, &whole);
    if (e == ERR_ABSENT)
        return e;
    if (e == ERR_OK)
        e = put(s, DB_MSG, store_key_id(r.id), record, 0);
    if (e == ERR_OK)
        e = store_index(s, &r, true);
    return spoil(s, e);
}

static enum err remove_message(struct store *s, uint64_t id, bool keep_file)
{
    struct record old;
    bool whole = false;
    enum err e = unindex(s, id, &old, &whole);

    if (e != ERR_OK)
        return e;
    if (whole && (old.flags & RECORD_BODY_FILE) != 0 && !keep_file &&
        !heap_put(&s->doomed, span_of(&id, sizeof(id))))
        return ERR_LIMIT;
    e = del(s, DB_BODY, store_key_id(id));
    if (e == ERR_OK || e == ERR_ABSENT)
        e = del(s, DB_MSG, store_key_id(id));
    return e;
}

enum err store_done(struct store *s, uint64_t id)
{
    enum err e;

    BUG_IF(s->write == NULL, "no batch is open");
    e = remove_message(s, id, false);
    return e == ERR_ABSENT ? e : spoil(s, e);
}

enum err store_set_aside(struct store *s, uint64_t id)
{
    span old;
    enum err e;

    BUG_IF(s->write == NULL, "no batch is open");
    e = store_get(s, id, &old);
    if (e == ERR_OK)
        e = put(s, DB_CORRUPT, store_key_id(id), old, 0);
    if (e == ERR_OK)
        e = remove_message(s, id, true);
    return e == ERR_ABSENT ? e : spoil(s, e);
}

/* LMDB calls a write that the full disk cut short an I/O error: tell the two apart by the room
 * left. */
static enum err commit_err(struct store *s, int rc)
{
    enum err e = store_err_of(rc);
    uint64_t free_bytes;

    if (e == ERR_IO && store_free(s, &free_bytes) == ERR_OK && free_bytes < FULL_BYTES)
        return ERR_NOSPACE;
    return e;
}

enum err store_commit(struct store *s)
{
    MDB_txn *txn = s->write;
    enum err e = s->spoiled;

    BUG_IF(txn == NULL, "no batch is open");
    if (e == ERR_OK)
        e = store_spool_settle(s);
    if (e == ERR_OK)
        e = clock_save(s);
    if (e != ERR_OK) {
        store_abort(s);
        return e;
    }
    s->write = NULL;
    e = commit_err(s, mdb_txn_commit(txn));
    /*
     * After a failed commit the files stay: should the new root have reached the disk all the same,
     * its records need them. store_recover removes what is left.
     */
    heap_reset(&s->linked);
    if (e == ERR_OK)
        store_spool_drop(s, &s->doomed);
    else
        s->clock_saved_q = 0;
    heap_reset(&s->doomed);
    return e;
}

void store_abort(struct store *s)
{
    if (s->write == NULL)
        return;
    mdb_txn_abort(s->write);
    s->write = NULL;
    store_spool_drop(s, &s->linked);
    heap_reset(&s->doomed);
    s->clock_saved_q = 0;
}
