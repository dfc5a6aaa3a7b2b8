/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>

#include "base/num.h"
#include "store/ledger_inner.h"

#define ENDING        ".ledger"
#define READ_MAX      (2u * LEDGER_PART_BYTES) /* of a file; more is not ours */
#define ID_TIME_SHIFT 22 /* above it an id holds milliseconds (server/ident.h) */
#define ID_COUNT_BITS 14 /* below it an id counts, above is its worker */
#define ID_WORKER     0xffu

struct ledger_segment_name ledger_segment_name(int64_t begun_ms)
{
    struct ledger_segment_name name = {{0}};
    struct buf b = BUF_OVER(name.text);

    buf_printf(&b, "%s" ENDING, num_id_text((uint64_t)begun_ms).text);
    BUG_IF(buf_cstr(&b) == NULL, "the name of a segment does not fit");
    return name;
}

static bool parse_name(const char *text, int64_t *out_begun_ms)
{
    span name = span_cstr(text);
    uint64_t begun;

    if (!span_ends(name, SPAN(ENDING)) ||
        !num_id_parse(span_head(name, name.n - strlen(ENDING)), &begun) || begun > INT64_MAX)
        return false;
    *out_begun_ms = (int64_t)begun;
    return true;
}

/* Put it in its place; when there is no room, the oldest goes. */
static void insert(struct ledger_segments *s, struct ledger_segment one)
{
    size_t at = s->n;

    while (at > 0 && s->at[at - 1].begun_ms > one.begun_ms)
        at--;
    if (s->n == LEDGER_SEGMENTS_MAX) {
        if (at == 0)
            return;
        memmove(&s->at[0], &s->at[1], (at - 1) * sizeof(one));
        s->at[at - 1] = one;
        return;
    }
    memmove(&s->at[at + 1], &s->at[at], (s->n - at) * sizeof(one));
    s->at[at] = one;
    s->n++;
}

enum err ledger_segments_list(int dir_fd, struct ledger_segments *out)
{
    int fd = -1;
    enum err e = file_open_dir(dir_fd, ".", &fd);
    DIR *dir = e == ERR_OK ? fdopendir(fd) : NULL;

    out->n = 0;
    if (dir == NULL) {
        file_close(&fd);
        return e != ERR_OK ? e : err_of_errno(errno);
    }
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        struct ledger_segment one;
        struct stat st;

        if (!parse_name(entry->d_name, &one.begun_ms) ||
            os_calls->fstatat(dir_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(st.st_mode))
            continue;
        one.bytes = (uint64_t)st.st_size;
        insert(out, one);
    }
    (void)closedir(dir);
    return ERR_OK;
}

/* ---- what is asked for ---- */

static bool is_merged(const struct ledger_record *r, uint64_t id)
{
    return r->kind == LEDGER_SESSION && r->count > 1 && id >= r->id && id <= r->last_id &&
           (id >> ID_COUNT_BITS & ID_WORKER) == (r->id >> ID_COUNT_BITS & ID_WORKER);
}

bool ledger_is_about(const struct ledger_record *r, uint64_t id)
{
    struct unpack u = unpack_over(r->notes);
    struct ledger_note n;

    if (r->id == id || r->last_id == id || is_merged(r, id))
        return true;
    while (ledger_note_next(&u, &n)) {
        struct unpack number = unpack_over(n.text);

        if (n.type == LEDGER_MESSAGE && unpack_u64(&number) == id)
            return true;
    }
    return false;
}

static bool has_key(const struct ledger_record *r, uint32_t key)
{
    uint32_t keys[LEDGER_KEYS_MAX];
    size_t n = ledger_keys(r, keys);

    for (size_t i = 0; i < n; i++)
        if (keys[i] == key)
            return true;
    return false;
}

static bool may_hold(const struct ledger_block *block, const struct ledger_query *q)
{
    if (q->id != 0 && (q->id < block->least_id || q->id > block->most_id))
        return false;
    return !q->by_key || ledger_block_has_key(block, q->key);
}

/* Nothing of a segment can speak of what began after the next one did. */
static bool is_too_old(const struct ledger_segments *s, size_t i, const struct ledger_query *q)
{
    return q->id != 0 && i + 1 < s->n && s->at[i + 1].begun_ms < (int64_t)(q->id >> ID_TIME_SHIFT);
}

struct reading {
    const struct ledger_query *q;
    ledger_read_fn *fn;
    void *arg;
    struct ledger_reading *out;
};

static bool read_block(const struct reading *r, const struct ledger_block *block)
{
    struct unpack u = unpack_over(block->body);
    struct ledger_record record;

    r->out->blocks++;
    while (u.rest.n != 0 && !u.failed) {
        span packed = unpack_span(&u, LEDGER_RECORD_BYTES);

        if (u.failed || !ledger_record_get(packed, &record) ||
            (r->q->id != 0 && !ledger_is_about(&record, r->q->id)) ||
            (r->q->by_key && !has_key(&record, r->q->key)))
            continue;
        r->out->records++;
        if (!r->fn(r->arg, &record))
            return false;
    }
    return true;
}

static bool read_segment(const struct reading *r, span octets)
{
    struct ledger_block block;

    while (ledger_block_next(&octets, &block, &r->out->damaged)) {
        if (may_hold(&block, r->q) && !read_block(r, &block))
            return false;
    }
    return true;
}

static enum err read_from(int dir_fd, const struct ledger_segments *s, size_t first,
                          const struct reading *r)
{
    struct heap_buf octets;
    bool more = true;

    heap_init(&octets, READ_MAX);
    for (size_t i = first; i < s->n && more; i++) {
        enum err e;

        if (is_too_old(s, i, r->q))
            continue;
        heap_reset(&octets);
        e = file_load(dir_fd, ledger_segment_name(s->at[i].begun_ms).text, &octets);
        /* It may have been removed meanwhile; one that cannot be read hides no other. */
        if (e != ERR_OK && e != ERR_ABSENT)
            r->out->damaged += s->at[i].bytes;
        else
            more = read_segment(r, heap_span(&octets));
    }
    heap_release(&octets);
    return ERR_OK;
}

static enum err list_new(int dir_fd, struct ledger_segments **out_s)
{
    struct ledger_segments *s = x_alloc(sizeof(*s));
    enum err e = ledger_segments_list(dir_fd, s);

    if (e != ERR_OK) {
        free(s);
        return e;
    }
    *out_s = s;
    return ERR_OK;
}

enum err ledger_read(int dir_fd, const struct ledger_query *q, ledger_read_fn *fn, void *arg,
                     struct ledger_reading *out)
{
    struct reading r = {q, fn, arg, out};
    struct ledger_segments *s;
    enum err e = list_new(dir_fd, &s);

    *out = (struct ledger_reading){0};
    if (e != ERR_OK)
        return e;
    e = read_from(dir_fd, s, 0, &r);
    free(s);
    return e;
}

enum err ledger_read_newest(int dir_fd, uint64_t bytes, ledger_read_fn *fn, void *arg)
{
    struct ledger_reading counts = {0};
    struct ledger_query all = {0};
    struct reading r = {&all, fn, arg, &counts};
    struct ledger_segments *s;
    enum err e = list_new(dir_fd, &s);
    uint64_t sum = 0;
    size_t first;

    if (e != ERR_OK)
        return e;
    first = s->n;
    while (first > 0 && sum < bytes)
        sum += s->at[--first].bytes;
    e = read_from(dir_fd, s, first, &r);
    free(s);
    return e;
}
