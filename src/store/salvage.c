/* SPDX-License-Identifier: ISC */
/*
 * A page: u64 number, u16 pad, u16 flags, u16 lower, u16 upper (in an overflow page: u32 pages),
 * then u16 offsets of its nodes up to `lower`. A node: u16 lo, u16 hi, u16 flags, u16 key size,
 * key, value. In a leaf lo and hi are the value's size; a big value is only the number of its
 * overflow page, a sub-database is its struct MDB_db. In a branch lo, hi and flags are the child's
 * page number.
 */
#include "store/salvage.h"

#include <stdlib.h>

#include "base/pack.h"
#include "os/file.h"
#include "store/inner.h"

#define PAGE_HEAD    16
#define PAGE_MIN     512
#define PAGE_MAX     65536
#define PAGE_USUAL   4096
#define NODE_HEAD    8
#define META_MAGIC   0xbeefc0deu
#define DB_BYTES     48
#define DB_ROOT_AT   40
#define META_FREE_DB (PAGE_HEAD + 24)
#define META_MAIN_DB (META_FREE_DB + DB_BYTES)
#define META_BYTES   (META_MAIN_DB + DB_BYTES + 16)
#define NO_PAGE      UINT64_MAX
#define ID_BYTES     8

enum page_flag { PAGE_BRANCH = 1, PAGE_LEAF = 2, PAGE_OVERFLOW = 4, PAGE_KIND = 0x0f };
enum node_flag { NODE_BIG = 1, NODE_DB = 2 };

struct page {
    unsigned char p[PAGE_MAX];
    uint64_t number;
    unsigned flags;
    unsigned nodes;
};

struct node {
    span key;
    span value; /* in the page; of a big value its page number */
    unsigned flags;
    uint64_t child; /* of a branch */
    uint64_t at;    /* of the value in the file */
    uint64_t n;
};

static uint64_t number_at(const unsigned char *p, size_t width)
{
    uint64_t v = 0;

    for (size_t i = width; i-- > 0;)
        v = v << 8 | p[i];
    return v;
}

static bool page_load(struct salvage *s, uint64_t number, struct page *out)
{
    size_t lower;

    if (number >= s->pages || file_read_at(s->fd, (char *)out->p, s->page_bytes,
                                           (int64_t)(number * s->page_bytes)) != ERR_OK)
        return false;
    out->number = number;
    out->flags = (unsigned)number_at(out->p + 10, 2) & PAGE_KIND;
    lower = (size_t)number_at(out->p + 12, 2);
    if (number_at(out->p, 8) != number || (out->flags != PAGE_BRANCH && out->flags != PAGE_LEAF))
        return false;
    if (lower < PAGE_HEAD || lower > s->page_bytes || lower % 2 != 0)
        return false;
    out->nodes = (unsigned)(lower - PAGE_HEAD) / 2;
    return true;
}

/* The place of a big value: the pages must be there and say that they belong to it. */
static bool big_value(struct salvage *s, struct node *n)
{
    unsigned char head[PAGE_HEAD];
    uint64_t page = number_at((const unsigned char *)n->value.p, 8);

    if (n->value.n != 8 || page >= s->pages ||
        file_read_at(s->fd, (char *)head, sizeof(head), (int64_t)(page * s->page_bytes)) != ERR_OK)
        return false;
    if (number_at(head, 8) != page || (number_at(head + 10, 2) & PAGE_KIND) != PAGE_OVERFLOW)
        return false;
    n->at = page * s->page_bytes + PAGE_HEAD;
    return n->n <= number_at(head + 12, 4) * s->page_bytes - PAGE_HEAD &&
           n->at + n->n <= s->pages * s->page_bytes;
}

static bool node_load(struct salvage *s, const struct page *page, unsigned index, struct node *out)
{
    size_t at = (size_t)number_at(page->p + PAGE_HEAD + 2 * (size_t)index, 2);
    const unsigned char *p = page->p + at;
    size_t left, key;

    if (at < PAGE_HEAD || at + NODE_HEAD > s->page_bytes)
        return false;
    left = s->page_bytes - at - NODE_HEAD;
    key = (size_t)number_at(p + 6, 2);
    *out = (struct node){.flags = (unsigned)number_at(p + 4, 2)};
    out->child = number_at(p, 6);
    out->n = number_at(p, 4);
    if (key > left)
        return false;
    out->key = span_of(p + NODE_HEAD, key);
    if (page->flags == PAGE_BRANCH)
        return true;
    out->at = page->number * s->page_bytes + at + NODE_HEAD + key;
    if ((out->flags & NODE_BIG) != 0) {
        out->value = span_of(p + NODE_HEAD + key, left - key < 8 ? 0 : 8);
        return out->value.n == 8 && big_value(s, out);
    }
    out->value = span_of(p + NODE_HEAD + key, (size_t)out->n);
    return out->n <= left - key;
}

/* ---- walking a tree ---- */

typedef void node_fn(struct salvage *s, const struct node *n, void *arg);

/* Depth first with a stack of our own: the depth is bounded, and so is the number of pages. */
static void walk(struct salvage *s, uint64_t root, node_fn *fn, void *arg)
{
    struct page *page = x_alloc(SALVAGE_DEPTH_MAX * sizeof(*page));
    unsigned next[SALVAGE_DEPTH_MAX] = {0};
    uint64_t budget = s->pages;
    size_t depth = 0;

    if (root == NO_PAGE) {
        free(page);
        return;
    }
    if (!page_load(s, root, &page[0])) {
        s->unreadable++;
        free(page);
        return;
    }
    for (;;) {
        struct node n;

        if (next[depth] == page[depth].nodes) {
            if (depth == 0)
                break;
            depth--;
            continue;
        }
        if (!node_load(s, &page[depth], next[depth]++, &n)) {
            s->unreadable++;
            continue;
        }
        if (page[depth].flags == PAGE_LEAF) {
            fn(s, &n, arg);
            continue;
        }
        if (depth + 1 == SALVAGE_DEPTH_MAX || budget-- == 0 ||
            !page_load(s, n.child, &page[depth + 1])) {
            s->unreadable++;
            continue;
        }
        next[++depth] = 0;
    }
    free(page);
}

static void add(struct salvage_list *l, struct salvage_entry e)
{
    if (l->n == l->cap) {
        size_t cap = l->cap != 0 ? 2 * l->cap : 1024;

        l->entries = x_grow(l->entries, l->cap, cap, sizeof(e));
        l->cap = cap;
    }
    l->entries[l->n++] = e;
}

/* An entry with an id as key, into the list that arg is. */
static void take_entry(struct salvage *s, const struct node *n, void *arg)
{
    (void)s;
    if (n->key.n == ID_BYTES)
        add(arg, (struct salvage_entry){store_id_of(n->key.p), n->at, n->n});
}

static void take_meta(struct salvage *s, const struct node *n, void *arg)
{
    (void)arg;
    if (span_eq(n->key, SPAN("clock")) && n->n == 16)
        s->clock_at = n->at;
}

/* A list of free pages: u64 count, u64 numbers. */
static void take_free(struct salvage *s, const struct node *n, void *arg)
{
    unsigned char octets[8];

    (void)arg;
    for (uint64_t i = 1; 8 * (i + 1) <= n->n; i++) {
        uint64_t page;

        if (file_read_at(s->fd, (char *)octets, 8, (int64_t)(n->at + 8 * i)) != ERR_OK)
            return;
        page = number_at(octets, 8);
        if (page < s->pages)
            s->free_map[page / 8] |= (unsigned char)(1u << page % 8);
    }
}

/* ---- the databases ---- */

struct roots {
    uint64_t db[DB_COUNT];
};

static void take_root(struct salvage *s, const struct node *n, void *arg)
{
    struct roots *roots = arg;

    (void)s;
    if ((n->flags & NODE_DB) == 0 || n->value.n != DB_BYTES)
        return;
    for (size_t i = 0; i < DB_COUNT; i++)
        if (span_eq(n->key, span_cstr(store_db_names[i])))
            roots->db[i] = number_at((const unsigned char *)n->value.p + DB_ROOT_AT, 8);
}

static bool meta_ok(const unsigned char *p)
{
    uint64_t page = number_at(p + META_FREE_DB, 4);

    return number_at(p + PAGE_HEAD, 4) == META_MAGIC && page >= PAGE_MIN && page <= PAGE_MAX &&
           (page & (page - 1)) == 0;
}

/* The newer of the two roots into out; false when neither can be read. */
static bool find_meta(struct salvage *s, unsigned char *out)
{
    unsigned char m[META_BYTES];
    bool found = false;
    uint64_t newest = 0;

    s->page_bytes = PAGE_USUAL;
    for (int64_t i = 0; i < 2; i++) {
        uint64_t txn;

        if (file_read_at(s->fd, (char *)m, sizeof(m), i * (int64_t)s->page_bytes) != ERR_OK ||
            !meta_ok(m))
            continue;
        s->page_bytes = (size_t)number_at(m + META_FREE_DB, 4);
        txn = number_at(m + META_MAIN_DB + DB_BYTES + 8, 8);
        if (!found || txn > newest) {
            memcpy(out, m, sizeof(m));
            newest = txn;
        }
        found = true;
    }
    return found;
}

static int by_id(const void *a, const void *b)
{
    const struct salvage_entry *x = a, *y = b;

    return x->id < y->id ? -1 : x->id > y->id;
}

static void sort(struct salvage_list *l)
{
    if (l->n != 0)
        qsort(l->entries, l->n, sizeof(l->entries[0]), by_id);
}

/* Every page that is not free, whether a tree leads to it or not. */
static void scan(struct salvage *s)
{
    struct page *page = x_alloc(sizeof(*page));
    uint64_t before = s->unreadable;

    for (uint64_t i = 2; i < s->pages; i++) {
        if ((s->free_map[i / 8] & 1u << i % 8) != 0 || !page_load(s, i, page) ||
            page->flags != PAGE_LEAF)
            continue;
        for (unsigned k = 0; k < page->nodes; k++) {
            struct node n;

            if (node_load(s, page, k, &n))
                take_entry(s, &n, &s->scanned);
        }
    }
    s->unreadable = before;
    free(page);
    sort(&s->scanned);
}

static void go_through(struct salvage *s)
{
    unsigned char meta[META_BYTES];
    struct roots roots;
    bool whole = true;

    for (size_t i = 0; i < DB_COUNT; i++)
        roots.db[i] = NO_PAGE;
    if (find_meta(s, meta)) {
        s->pages = s->pages / s->page_bytes;
        s->free_map = x_alloc((size_t)(s->pages / 8 + 1));
        walk(s, number_at(meta + META_FREE_DB + DB_ROOT_AT, 8), take_free, NULL);
        walk(s, number_at(meta + META_MAIN_DB + DB_ROOT_AT, 8), take_root, &roots);
        whole = number_at(meta + META_MAIN_DB + DB_BYTES, 8) < s->pages;
    } else {
        s->pages = s->pages / s->page_bytes;
        s->free_map = x_alloc((size_t)(s->pages / 8 + 1));
        whole = false;
    }
    s->unreadable += whole ? 0 : 1;
    walk(s, roots.db[DB_MSG], take_entry, &s->msgs);
    walk(s, roots.db[DB_BODY], take_entry, &s->bodies);
    walk(s, roots.db[DB_CORRUPT], take_entry, &s->corrupt);
    walk(s, roots.db[DB_META], take_meta, NULL);
    sort(&s->msgs);
    sort(&s->bodies);
    sort(&s->corrupt);
    if (s->unreadable != 0)
        scan(s);
}

enum err salvage_open(struct salvage *s, int dir_fd, const char *path)
{
    int64_t bytes = 0;
    enum err e;

    *s = (struct salvage){.fd = -1};
    e = file_open_read(dir_fd, path, &s->fd);
    if (e == ERR_OK)
        e = file_size(s->fd, &bytes);
    if (e != ERR_OK) {
        salvage_close(s);
        return e;
    }
    s->pages = (uint64_t)bytes; /* octets, until the size of a page is known */
    go_through(s);
    return ERR_OK;
}

void salvage_close(struct salvage *s)
{
    file_close(&s->fd);
    free(s->free_map);
    free(s->msgs.entries);
    free(s->bodies.entries);
    free(s->corrupt.entries);
    free(s->scanned.entries);
    *s = (struct salvage){.fd = -1};
}

enum err salvage_read(const struct salvage *s, const struct salvage_entry *e, struct heap_buf *out)
{
    char *p;
    enum err err;

    heap_reset(out);
    p = heap_room(out, (size_t)e->n);
    if (p == NULL)
        return e->n == 0 ? ERR_OK : ERR_LIMIT;
    err = file_read_at(s->fd, p, (size_t)e->n, (int64_t)e->at);
    if (err == ERR_OK)
        heap_added(out, (size_t)e->n);
    return err;
}

const struct salvage_entry *salvage_find(const struct salvage_list *l, uint64_t id)
{
    size_t low = 0, high = l->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (l->entries[mid].id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return low < l->n && l->entries[low].id == id ? &l->entries[low] : NULL;
}
