/* SPDX-License-Identifier: ISC */
#include "store/ledger.h"

#include <errno.h>
#include <stdlib.h>

#include "base/num.h"
#include "store/ledger_inner.h"

#define REMOVED_AT_ONCE 2  /* segments in one commit */
#define NAMES_TRIED     16 /* of a new segment */

struct ledger {
    int dir_fd;
    int fd; /* of the segment that is written to; -1: none yet */
    struct ledger_conf conf;
    uint64_t part_bytes; /* a segment at most */
    uint64_t bytes;
    struct ledger_segments segments; /* the last one is fd's, when there is one */

    /* what was gathered */
    struct heap_buf body;
    struct ledger_block block;
    uint32_t *keys; /* LEDGER_BLOCK_KEYS_MAX */
    size_t key_count;
};

static void forget_gathered(struct ledger *l)
{
    heap_reset(&l->body);
    l->block = (struct ledger_block){.least_id = UINT64_MAX, .first_ms = INT64_MAX};
    l->key_count = 0;
}

static uint64_t within(uint64_t n, uint64_t least, uint64_t most)
{
    return n < least ? least : n > most ? most : n;
}

void ledger_close(struct ledger *l)
{
    if (l == NULL)
        return;
    file_close(&l->fd);
    heap_release(&l->body);
    free(l->keys);
    free(l);
}

uint64_t ledger_bytes(const struct ledger *l)
{
    return l->bytes;
}

size_t ledger_pending(const struct ledger *l)
{
    return l->body.n;
}

/* ---- gathering ---- */

static void note_id(struct ledger_block *b, uint64_t id)
{
    if (id == 0)
        return;
    if (id < b->least_id)
        b->least_id = id;
    if (id > b->most_id)
        b->most_id = id;
}

static void note_ids(struct ledger_block *b, const struct ledger_record *r)
{
    struct unpack u = unpack_over(r->notes);
    struct ledger_note n;

    note_id(b, r->id);
    note_id(b, r->last_id);
    while (ledger_note_next(&u, &n)) {
        struct unpack number = unpack_over(n.text);

        if (n.type == LEDGER_MESSAGE)
            note_id(b, unpack_u64(&number));
    }
}

bool ledger_add(struct ledger *l, span packed, const struct ledger_record *r)
{
    uint32_t keys[LEDGER_KEYS_MAX];
    size_t n = ledger_keys(r, keys);
    char head[4];
    struct buf b = BUF_OVER(head);

    if (l->body.n + sizeof(head) + packed.n > l->body.max ||
        l->key_count + n > LEDGER_BLOCK_KEYS_MAX)
        return false;
    pack_u32(&b, (uint32_t)packed.n);
    if (!heap_put(&l->body, buf_span(&b)) || !heap_put(&l->body, packed))
        return false;
    memcpy(l->keys + l->key_count, keys, n * sizeof(*keys));
    l->key_count += n;
    l->block.records++;
    l->block.first_ms = min_i64(l->block.first_ms, r->time_ms);
    l->block.last_ms = r->time_ms > l->block.last_ms ? r->time_ms : l->block.last_ms;
    note_ids(&l->block, r);
    return true;
}

/* ---- segments ---- */

static void remove_oldest(struct ledger *l)
{
    struct ledger_segments *s = &l->segments;

    /* One that cannot be removed is forgotten here and found again at the next start. */
    (void)!file_remove(l->dir_fd, ledger_segment_name(s->at[0].begun_ms).text);
    l->bytes -= s->at[0].bytes;
    s->n--;
    memmove(&s->at[0], &s->at[1], s->n * sizeof(s->at[0]));
}

/* All that the oldest holds was written before the next one was begun. */
static bool is_to_go(const struct ledger *l, uint64_t coming, int64_t now_ms)
{
    const struct ledger_segments *s = &l->segments;

    if (s->n == 0 || (s->n == 1 && l->fd >= 0))
        return false;
    if (l->bytes + coming > l->conf.size_bytes || s->n == LEDGER_SEGMENTS_MAX)
        return true;
    return s->n > 1 && s->at[1].begun_ms < now_ms - l->conf.age_ms;
}

static void make_room(struct ledger *l, uint64_t coming, int64_t now_ms)
{
    for (unsigned i = 0; i < REMOVED_AT_ONCE && is_to_go(l, coming, now_ms); i++)
        remove_oldest(l);
}

static struct ledger_segment *current(struct ledger *l)
{
    return &l->segments.at[l->segments.n - 1];
}

/* The segment is ours no more: removed, cut, or written to by somebody else. */
static bool is_spoiled(struct ledger *l)
{
    struct stat st;

    return os_calls->fstat(l->fd, &st) != 0 || st.st_nlink == 0 ||
           (uint64_t)st.st_size != current(l)->bytes;
}

static bool is_over(struct ledger *l, uint64_t coming, int64_t now_ms)
{
    const struct ledger_segment *s = current(l);

    return s->bytes + coming > l->part_bytes ||
           now_ms - s->begun_ms > l->conf.age_ms / (int64_t)LEDGER_PARTS || is_spoiled(l);
}

static enum err begin_segment(struct ledger *l, int64_t now_ms)
{
    struct ledger_segments *s = &l->segments;
    int64_t begun_ms = now_ms > 0 ? now_ms : 1;
    enum err e;

    file_close(&l->fd);
    if (s->n > 0 && s->at[s->n - 1].begun_ms >= begun_ms)
        begun_ms = s->at[s->n - 1].begun_ms + 1;
    e = file_create(l->dir_fd, ledger_segment_name(begun_ms).text, 0600, &l->fd);
    /* After a reload the process that drains writes beside us. */
    for (unsigned i = 0; i < NAMES_TRIED && e == ERR_EXISTS; i++)
        e = file_create(l->dir_fd, ledger_segment_name(++begun_ms).text, 0600, &l->fd);
    if (e == ERR_OK)
        s->at[s->n++] = (struct ledger_segment){begun_ms, 0};
    return e;
}

/*
 * Go on in the last segment, so that many starts make no more of them than one. A block that a
 * crash cut off is skipped by readers.
 */
static void take_last(struct ledger *l)
{
    int flags = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW;

    if (l->segments.n > 0)
        l->fd =
            os_calls->openat(l->dir_fd, ledger_segment_name(current(l)->begun_ms).text, flags, 0);
}

enum err ledger_open(int dir_fd, const struct ledger_conf *conf, struct ledger **out_l,
                     struct diag *d)
{
    struct ledger *l = x_alloc(sizeof(*l));
    enum err e = ledger_segments_list(dir_fd, &l->segments);

    if (e != ERR_OK) {
        free(l);
        return diag_set(d, e, errno, "cannot read the ledger's directory");
    }
    l->dir_fd = dir_fd;
    l->fd = -1;
    l->conf = *conf;
    l->part_bytes =
        within(conf->size_bytes / LEDGER_PARTS, LEDGER_SIZE_MIN / LEDGER_PARTS, LEDGER_PART_BYTES);
    for (size_t i = 0; i < l->segments.n; i++)
        l->bytes += l->segments.at[i].bytes;
    heap_init(&l->body, within(l->part_bytes / 2, LEDGER_RECORD_BYTES + 4, LEDGER_BLOCK_BYTES));
    l->keys = x_alloc(LEDGER_BLOCK_KEYS_MAX * sizeof(*l->keys));
    forget_gathered(l);
    take_last(l);
    *out_l = l;
    return ERR_OK;
}

/* ---- a commit ---- */

static int compare(const void *a, const void *b)
{
    uint32_t x, y;

    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return x < y ? -1 : x > y;
}

static uint32_t sort_keys(uint32_t *keys, size_t n)
{
    size_t kept = 0;

    qsort(keys, n, sizeof(*keys), compare);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || keys[i] != keys[kept - 1])
            keys[kept++] = keys[i];
    return (uint32_t)kept;
}

/* Head, keys and body in one piece of memory, so that they are written with one call. */
static enum err pack_block(struct ledger *l, struct heap_buf *out)
{
    size_t head_n;
    struct buf head;

    l->block.key_count = sort_keys(l->keys, l->key_count);
    l->block.body = heap_span(&l->body);
    head_n = LEDGER_BLOCK_HEAD_BYTES + l->block.key_count * sizeof(*l->keys);
    head = buf_over(heap_room(out, head_n), head_n);
    if (head.p == NULL)
        return ERR_NOMEM;
    ledger_block_put_head(&head, &l->block, l->keys);
    BUG_IF(head.overflow || head.n != head_n, "the head of a block has another length");
    heap_added(out, head_n);
    return heap_put(out, l->block.body) ? ERR_OK : ERR_NOMEM;
}

/*
 * Nothing is added behind what may be half a block, which readers skip. A segment without any whole
 * block goes at once: a disk that is full for an hour must not push the past out by empty files.
 */
static void leave_segment(struct ledger *l)
{
    if (l->fd >= 0 && current(l)->bytes == 0 &&
        file_remove(l->dir_fd, ledger_segment_name(current(l)->begun_ms).text) == ERR_OK)
        l->segments.n--;
    file_close(&l->fd);
}

static enum err write_block(struct ledger *l, span octets, int64_t now_ms)
{
    enum err e = ERR_OK;

    make_room(l, octets.n, now_ms);
    if (l->fd < 0 || is_over(l, octets.n, now_ms))
        e = begin_segment(l, now_ms);
    if (e == ERR_OK)
        e = file_write_all(l->fd, octets);
    if (e != ERR_OK) {
        leave_segment(l);
        return e;
    }
    current(l)->bytes += octets.n;
    l->bytes += octets.n;
    return ERR_OK;
}

enum err ledger_commit(struct ledger *l, int64_t now_ms)
{
    struct heap_buf octets;
    enum err e;

    make_room(l, 0, now_ms);
    if (l->body.n == 0)
        return ERR_OK;
    heap_init(&octets, LEDGER_BLOCK_HEAD_BYTES + 4 * LEDGER_BLOCK_KEYS_MAX + LEDGER_BLOCK_BYTES);
    e = pack_block(l, &octets);
    if (e == ERR_OK)
        e = write_block(l, heap_span(&octets), now_ms);
    heap_release(&octets);
    forget_gathered(l);
    return e;
}
