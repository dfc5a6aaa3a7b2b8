/* SPDX-License-Identifier: ISC */
/*
 * Looking after damage: what a start cleans up, and what `herald queue check` finds and mends.
 *
 * Mending writes a fresh environment beside the damaged one (db.new), then changes their
 * names: db becomes db.damaged-TIME, db.new becomes db. A crash between the two renames leaves no
 * "db"; the store then refuses to open, and another check finishes the work. Nothing is deleted.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/hash.h"
#include "os/clock.h"
#include "os/file.h"
#include "store/inner.h"
#include "store/salvage.h"

#define PAGE_IDS 256

/* ---- after a start ---- */

static bool file_is_there(int spool_fd, uint64_t id, uint64_t size)
{
    struct stat st;

    return os_calls->fstatat(spool_fd, store_spool_name(id).text, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(st.st_mode) && (uint64_t)st.st_size == size;
}

static bool body_is_there(struct store *s, const struct record *r)
{
    span body;

    if ((r->flags & RECORD_BODY_FILE) != 0)
        return file_is_there(s->spool_fd, r->id, r->size);
    return store_body(s, r->id, &body) == ERR_OK && body.n == r->size;
}

static enum err recover_one(struct store *s, uint64_t id, struct store_report *report)
{
    struct record r;
    span packed;
    enum err e = store_get(s, id, &packed);

    if (e != ERR_OK)
        return e;
    e = record_get(packed, &r);
    if (e == ERR_VERSION) {
        report->newer++;
        return ERR_OK;
    }
    if (e == ERR_OK && r.id == id && body_is_there(s, &r)) {
        report->messages++;
        return ERR_OK;
    }
    if (e == ERR_OK && r.id == id)
        report->body_missing++;
    else
        report->corrupt++;
    return store_set_aside(s, id);
}

static enum err recover_records(struct store *s, struct store_report *report)
{
    uint64_t id[PAGE_IDS];
    uint64_t after = 0;
    size_t n = 0;
    enum err e = ERR_OK;

    do {
        e = store_ids(s, after, PAGE_IDS, id, &n);
        for (size_t i = 0; i < n && e == ERR_OK; i++)
            e = recover_one(s, id[i], report);
        after = n > 0 ? id[n - 1] : after;
    } while (e == ERR_OK && n == PAGE_IDS);
    return e;
}

struct orphans {
    struct store *store;
    struct store_report *report;
};

/* Neither a record nor one that was moved aside names the file. */
static enum err drop_orphan(void *arg, uint64_t id, const char *name)
{
    struct orphans *o = arg;
    struct store *s = o->store;
    struct store_key key = store_key_id(id);
    MDB_val k = store_key_val(&key);
    MDB_val v;
    MDB_txn *txn = NULL;
    enum err e = store_reader(s, &txn);

    if (e != ERR_OK || id == 0)
        return e;
    if (mdb_get(txn, s->dbi[DB_MSG], &k, &v) == 0 || mdb_get(txn, s->dbi[DB_CORRUPT], &k, &v) == 0)
        return ERR_OK;
    o->report->spool_orphans++;
    e = file_remove(s->spool_fd, name);
    return e == ERR_ABSENT ? ERR_OK : e;
}

enum err store_recover(struct store *s, struct store_report *out_r, struct diag *d)
{
    struct store_report report = {0};
    struct orphans o = {s, &report};
    enum err e = store_begin(s);

    if (e == ERR_OK)
        e = recover_records(s, &report);
    if (e == ERR_OK && report.corrupt + report.body_missing != 0)
        e = store_commit(s);
    store_abort(s);
    if (e == ERR_OK)
        e = store_spool_each(s->spool_fd, drop_orphan, &o);
    store_release(s);
    if (e != ERR_OK)
        return diag_set(d, e, errno, "cannot look through the queue");
    if (out_r != NULL)
        *out_r = report;
    return ERR_OK;
}

/* ---- herald queue check ---- */

/* What is made of the damaged environment: a record, its octets, and where its body is. */
struct check {
    struct salvage salvage;
    struct store_report *report;
    struct store *fresh; /* NULL: only count */
    int spool_fd;
    struct heap_buf record;
    struct heap_buf body;
    enum err failed; /* writing the fresh one */
    unsigned in_batch;
};

static void fresh_step(struct check *c, enum err e)
{
    if (c->failed == ERR_OK && e != ERR_EXISTS)
        c->failed = e;
    if (c->fresh == NULL || c->failed != ERR_OK || ++c->in_batch % PAGE_IDS != 0)
        return;
    c->failed = store_commit(c->fresh);
    if (c->failed == ERR_OK)
        c->failed = store_begin(c->fresh);
}

static void keep_raw(struct check *c, enum store_db db, uint64_t id)
{
    struct store_key key = store_key_id(id);
    MDB_val k = store_key_val(&key);
    MDB_val v = store_val(heap_span(&c->record));

    if (c->fresh != NULL && c->failed == ERR_OK)
        fresh_step(c, store_err_of(mdb_put(c->fresh->write, c->fresh->dbi[db], &k, &v, 0)));
}

static bool body_fits(struct check *c, const struct salvage_entry *e, const struct record *r)
{
    return e != NULL && e->n == r->size && salvage_read(&c->salvage, e, &c->body) == ERR_OK &&
           hash_crc32c(0, heap_span(&c->body)) == r->body_crc;
}

/* The body of a record into c->body; by the tree, else whatever was found anywhere and has its sum.
 */
static bool body_found(struct check *c, const struct record *r)
{
    const struct salvage_list *l = &c->salvage.scanned;
    const struct salvage_entry *e;

    if (body_fits(c, salvage_find(&c->salvage.bodies, r->id), r))
        return true;
    for (e = salvage_find(l, r->id); e != NULL && e < l->entries + l->n && e->id == r->id; e++)
        if (body_fits(c, e, r))
            return true;
    return false;
}

/* Spool files are not copied: they lie beside the environment and stay where they are. */
static enum err put_fresh(struct check *c, const struct record *r, span body)
{
    struct store *s = c->fresh;
    struct store_key key = store_key_id(r->id);
    MDB_val k = store_key_val(&key);
    MDB_val v = store_val(heap_span(&c->record));
    enum err e = store_err_of(mdb_put(s->write, s->dbi[DB_MSG], &k, &v, MDB_NOOVERWRITE));

    v = store_val(body);
    if (e == ERR_OK && (r->flags & RECORD_BODY_FILE) == 0)
        e = store_err_of(mdb_put(s->write, s->dbi[DB_BODY], &k, &v, 0));
    return e == ERR_OK ? store_index(s, r, true) : e;
}

static void take_record(struct check *c, uint64_t id)
{
    struct record r;
    enum err e = record_get(heap_span(&c->record), &r);
    bool body;

    if (e == ERR_VERSION) {
        c->report->newer++;
        keep_raw(c, DB_MSG, id);
        return;
    }
    if (e != ERR_OK || r.id != id) {
        c->report->corrupt++;
        keep_raw(c, DB_CORRUPT, id);
        return;
    }
    body = (r.flags & RECORD_BODY_FILE) != 0 ? file_is_there(c->spool_fd, id, r.size)
                                             : body_found(c, &r);
    if (!body) {
        c->report->body_missing++;
        keep_raw(c, DB_CORRUPT, id);
        return;
    }
    c->report->messages++;
    if (c->fresh != NULL && c->failed == ERR_OK)
        fresh_step(c, put_fresh(c, &r, heap_span(&c->body)));
}

static void take_list(struct check *c, const struct salvage_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        if (salvage_read(&c->salvage, &l->entries[i], &c->record) != ERR_OK)
            c->report->unreadable++;
        else
            take_record(c, l->entries[i].id);
    }
}

/* What no tree leads to: the latest state of each message that looks whole. */
static void take_scanned(struct check *c)
{
    const struct salvage_list *l = &c->salvage.scanned;

    for (size_t i = 0; i < l->n;) {
        uint64_t id = l->entries[i].id;
        const struct salvage_entry *best = NULL;
        int64_t best_due = INT64_MIN;

        for (; i < l->n && l->entries[i].id == id; i++) {
            struct record r;

            if (salvage_find(&c->salvage.msgs, id) != NULL || l->entries[i].n > RECORD_BYTES_MAX ||
                salvage_read(&c->salvage, &l->entries[i], &c->record) != ERR_OK ||
                record_get(heap_span(&c->record), &r) != ERR_OK || r.id != id)
                continue;
            if (r.due_q >= best_due) {
                best = &l->entries[i];
                best_due = r.due_q;
            }
        }
        if (best != NULL && salvage_read(&c->salvage, best, &c->record) == ERR_OK)
            take_record(c, id);
    }
}

static void take_corrupt(struct check *c)
{
    const struct salvage_list *l = &c->salvage.corrupt;

    for (size_t i = 0; i < l->n && c->fresh != NULL; i++)
        if (salvage_read(&c->salvage, &l->entries[i], &c->record) == ERR_OK)
            keep_raw(c, DB_CORRUPT, l->entries[i].id);
}

static void take_clock(struct check *c)
{
    struct salvage_entry at = {0, c->salvage.clock_at, 16};
    MDB_val key = store_val(SPAN("clock"));
    MDB_val v;

    if (c->fresh == NULL || at.at == 0 || salvage_read(&c->salvage, &at, &c->record) != ERR_OK)
        return;
    v = store_val(heap_span(&c->record));
    fresh_step(c, store_err_of(mdb_put(c->fresh->write, c->fresh->dbi[DB_META], &key, &v, 0)));
}

static void take_all(struct check *c)
{
    take_list(c, &c->salvage.msgs);
    take_scanned(c);
    take_corrupt(c);
    take_clock(c);
}

static enum err count_orphan(void *arg, uint64_t id, const char *name)
{
    struct check *c = arg;

    (void)name;
    if (id != 0 && salvage_find(&c->salvage.msgs, id) == NULL &&
        salvage_find(&c->salvage.corrupt, id) == NULL)
        c->report->spool_orphans++;
    return ERR_OK;
}

/* ---- are due and dom what the records say? Only asked of an environment that LMDB can read. ----
 */

static bool has_key(struct store *s, enum store_db db, struct store_key key)
{
    MDB_val k = store_key_val(&key);
    MDB_val v;
    MDB_txn *txn = NULL;

    return store_reader(s, &txn) == ERR_OK && mdb_get(txn, s->dbi[db], &k, &v) == 0;
}

struct index_count {
    uint64_t due;
    uint64_t dom;
    uint64_t missing;
};

static void count_dest(struct store *s, const struct record_rcpt *rcpt, uint64_t id, span *last,
                       struct index_count *n)
{
    bool waits = rcpt->state == RECORD_WAITING || rcpt->state == RECORD_HELD;

    if (!waits || rcpt->dest.n == 0 || span_eq(rcpt->dest, *last))
        return;
    *last = rcpt->dest;
    n->dom++;
    n->missing += has_key(s, DB_DOM, store_key_dom(rcpt->dest, id)) ? 0 : 1;
}

static void count_index(struct store *s, uint64_t id, struct index_count *n)
{
    struct record r;
    struct record_rcpt rcpt;
    struct unpack u;
    span packed, last = SPAN_NONE;

    if (store_get(s, id, &packed) != ERR_OK || record_get(packed, &r) != ERR_OK)
        return;
    if (r.due_q != RECORD_NEVER) {
        n->due++;
        n->missing += has_key(s, DB_DUE, store_key_due(r.due_q, id)) ? 0 : 1;
    }
    u = unpack_over(r.rcpts);
    while (record_next_rcpt(&u, &rcpt))
        count_dest(s, &rcpt, id, &last, n);
}

static uint64_t surplus(struct store *s, enum store_db db, uint64_t want)
{
    MDB_stat stat;
    MDB_txn *txn = NULL;

    if (store_reader(s, &txn) != ERR_OK || mdb_stat(txn, s->dbi[db], &stat) != 0)
        return 1;
    return stat.ms_entries > want ? stat.ms_entries - want : 0;
}

static uint64_t index_errors(struct store *s, const struct salvage_list *msgs)
{
    struct index_count n = {0};

    for (size_t i = 0; i < msgs->n; i++)
        count_index(s, msgs->entries[i].id, &n);
    /* A message that waits twice for one destination has one entry: fewer is no error. */
    return n.missing + surplus(s, DB_DUE, n.due) + surplus(s, DB_DOM, n.dom);
}

/* ---- putting it together ---- */

static bool is_clean(const struct store_report *r)
{
    return r->corrupt == 0 && r->body_missing == 0 && r->index_wrong == 0 && r->unreadable == 0;
}

static enum err open_fresh(const char *dir, struct store **out_s, struct diag *d)
{
    char path[STORE_PATH_BYTES];
    struct buf b = BUF_OVER(path);

    buf_printf(&b, "%s/db.new", dir);
    if (buf_cstr(&b) == NULL)
        return ERR_LIMIT;
    return store_open(path, STORE_CREATE, out_s, d);
}

static void remove_part(int dir_fd, const char *name)
{
    (void)!os_calls->unlinkat(dir_fd, name, 0);
}

/* What an earlier, interrupted mending left: made by us, never finished, and never put in place. */
static void remove_leftover(int dir_fd)
{
    remove_part(dir_fd, "db.new/db/data.mdb");
    remove_part(dir_fd, "db.new/db/lock.mdb");
    (void)!os_calls->unlinkat(dir_fd, "db.new/db", AT_REMOVEDIR);
    (void)!os_calls->unlinkat(dir_fd, "db.new/spool", AT_REMOVEDIR);
    (void)!os_calls->unlinkat(dir_fd, "db.new", AT_REMOVEDIR);
}

static enum err swap(int dir_fd, struct store_report *report)
{
    struct buf b = BUF_OVER(report->aside);
    enum err e;

    buf_printf(&b, "db.damaged-%lld", (long long)clock_wall_ms());
    if (buf_cstr(&b) == NULL)
        return ERR_LIMIT;
    e = file_rename(dir_fd, STORE_DB_DIR, dir_fd, report->aside);
    if (e == ERR_OK || e == ERR_ABSENT)
        e = file_rename(dir_fd, "db.new/db", dir_fd, STORE_DB_DIR);
    if (e == ERR_OK)
        e = file_sync_dir(dir_fd);
    remove_leftover(dir_fd);
    return e;
}

/* Finish what a crash between the two renames left. */
static enum err finish_swap(int dir_fd)
{
    struct stat st;
    enum err e;

    if (os_calls->fstatat(dir_fd, STORE_DB_DIR, &st, 0) == 0 ||
        os_calls->fstatat(dir_fd, "db.new/db", &st, 0) != 0)
        return ERR_OK;
    e = file_rename(dir_fd, "db.new/db", dir_fd, STORE_DB_DIR);
    return e == ERR_OK ? file_sync_dir(dir_fd) : e;
}

static enum err mend(struct check *c, const char *dir, int dir_fd, struct diag *d)
{
    enum err e;

    remove_leftover(dir_fd);
    e = open_fresh(dir, &c->fresh, d);
    if (e != ERR_OK)
        return e;
    *c->report = (struct store_report){.unreadable = c->salvage.unreadable,
                                       .spool_orphans = c->report->spool_orphans,
                                       .index_wrong = c->report->index_wrong};
    c->failed = store_begin(c->fresh);
    take_all(c);
    if (c->failed == ERR_OK)
        c->failed = store_commit(c->fresh);
    store_close(c->fresh);
    c->fresh = NULL;
    e = c->failed == ERR_OK ? swap(dir_fd, c->report) : c->failed;
    c->report->repaired = e == ERR_OK;
    return e == ERR_OK ? e : diag_set(d, e, errno, "cannot write the mended queue");
}

static enum err check_in(struct check *c, const char *dir, int dir_fd, bool repair, struct diag *d)
{
    struct store *s = NULL;
    enum err e = repair ? finish_swap(dir_fd) : ERR_OK;

    if (e == ERR_OK)
        e = salvage_open(&c->salvage, dir_fd, STORE_DATA_FILE);
    if (e != ERR_OK)
        return diag_set(d, e, errno, "cannot read %s/" STORE_DATA_FILE, dir);
    c->report->unreadable = c->salvage.unreadable;
    take_all(c);
    e = store_spool_each(c->spool_fd, count_orphan, c);
    if (e == ERR_OK && c->salvage.unreadable == 0) {
        e = store_open(dir, STORE_READ_ONLY, &s, d);
        if (e == ERR_OK)
            c->report->index_wrong = index_errors(s, &c->salvage.msgs);
        store_close(s);
        /* What LMDB refuses although its trees are whole needs mending too; a newer format does
         * not. */
        if (e == ERR_CORRUPT) {
            c->report->unreadable++;
            e = ERR_OK;
        }
    }
    if (e == ERR_OK && repair && !is_clean(c->report))
        e = mend(c, dir, dir_fd, d);
    return e;
}

enum err store_check(const char *dir, bool repair, struct store_report *out_r, struct diag *d)
{
    struct store_report report = {0};
    struct check c = {.report = &report, .spool_fd = -1};
    int dir_fd = -1;
    enum err e = file_open_dir(AT_FDCWD, dir, &dir_fd);

    heap_init(&c.record, RECORD_BYTES_MAX);
    heap_init(&c.body, 2 * QUEUE_INLINE_BYTES);
    if (e == ERR_OK)
        e = file_lock(dir_fd, false);
    if (e == ERR_OK)
        e = file_make_dir(dir_fd, STORE_SPOOL_DIR, &c.spool_fd);
    if (e == ERR_OK)
        e = check_in(&c, dir, dir_fd, repair, d);
    else
        diag_set(d, e, errno,
                 e == ERR_BUSY ? "a server has the queue in %s open"
                               : "cannot open the queue in %s",
                 dir);
    salvage_close(&c.salvage);
    heap_release(&c.record);
    heap_release(&c.body);
    file_close(&c.spool_fd);
    file_close(&dir_fd);
    if (e == ERR_OK)
        *out_r = report;
    return e;
}
