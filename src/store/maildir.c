/* SPDX-License-Identifier: ISC */
/*
 * A batch of deliveries.
 *
 * Each message is written whole to tmp/ under its final unique name. maildir_finish then syncs the
 * files (writing them out was begun when they were closed to further writes, so the syncs wait for
 * one flush of the disk more often than for many), renames all that were synced, and syncs each
 * new/ once. A failure takes the message out of tmp/ or new/ again, as far as that is possible: one
 * whose directory could not be synced is in doubt, counts as not delivered, and may come twice.
 */
#include "store/maildir.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/hash.h"
#include "message/received.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/random.h"

#define DIR_CACHE  MAILDIR_BATCH_MAX /* open mailboxes: enough for any batch */
#define FILE_BYTES 160               /* of a name in new/ */
#define HOST_BYTES 80
#define OUT_BYTES  (256u << 10)
#define IN_BYTES   (64u << 10)

/* A mailbox with its directories open; kept from batch to batch. */
struct box {
    uint64_t hash;
    char path[MAILDIR_PATH_BYTES];
    int tmp_fd;
    int new_fd;
    bool used;  /* in this batch: may not be closed */
    bool dirty; /* something was renamed into new/ */
    enum err failed;
    uint64_t last_use;
};

struct item {
    struct box *box;
    int fd; /* written, not yet synced; -1: done with */
    enum err failed;
    bool renamed;
    uint64_t size;
    char name[FILE_BYTES];
    char final[FILE_BYTES];
};

struct maildir {
    char host[HOST_BYTES];
    uint64_t counter;
    uint64_t uses;
    struct box boxes[DIR_CACHE];
    struct item items[MAILDIR_BATCH_MAX];
    size_t n;
    char out[OUT_BYTES];
    char in[IN_BYTES];
};

/* "/" and ":" have a meaning in the names of a Maildir; they are written as octal numbers. */
static void put_host(struct maildir *m, const char *host)
{
    struct buf b = buf_over(m->host, sizeof(m->host));

    for (; *host != '\0' && b.n + 5 < b.cap; host++)
        if (*host == '/' || *host == ':' || !ascii_is_print(*host))
            buf_printf(&b, "\\%03o", (unsigned)(unsigned char)*host);
        else
            buf_putc(&b, *host);
    BUG_IF(buf_cstr(&b) == NULL, "a host name does not fit");
}

enum err maildir_new(const char *host, struct maildir **out_m)
{
    struct maildir *m = calloc(1, sizeof(*m));

    if (m == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < DIR_CACHE; i++)
        m->boxes[i] = (struct box){.tmp_fd = -1, .new_fd = -1};
    put_host(m, host);
    *out_m = m;
    return ERR_OK;
}

static void box_close(struct box *box)
{
    file_close(&box->tmp_fd);
    file_close(&box->new_fd);
    box->path[0] = '\0';
}

/* Take what was not finished out of tmp/. */
static void drop(struct item *it)
{
    file_close(&it->fd);
    if (it->box != NULL && !it->renamed)
        (void)!file_remove(it->box->tmp_fd, it->name);
}

void maildir_free(struct maildir *m)
{
    if (m == NULL)
        return;
    for (size_t i = 0; i < m->n; i++)
        drop(&m->items[i]);
    for (size_t i = 0; i < DIR_CACHE; i++)
        box_close(&m->boxes[i]);
    free(m);
}

/* ---- mailboxes ---- */

static enum err open_part(int dir, const char *name, int *out_fd)
{
    enum err e = file_open_dir(dir, name, out_fd);

    if (e != ERR_ABSENT)
        return e;
    e = file_make_dir(dir, name, out_fd);
    return e == ERR_OK ? file_sync_dir(dir) : e;
}

/* The first n octets of path, as a directory. */
static enum err open_prefix(span path, size_t n, int *out_fd)
{
    char prefix[MAILDIR_PATH_BYTES];
    struct buf b = BUF_OVER(prefix);

    buf_put(&b, n != 0 ? span_head(path, n) : SPAN("."));
    return buf_cstr(&b) != NULL ? file_open_dir(AT_FDCWD, prefix, out_fd) : ERR_LIMIT;
}

/*
 * Directories that are missing are made, and their names are on the disk before any mail is. Those
 * that are there already are found from below: above the mailboxes the sandbox lets nothing be
 * opened.
 */
static enum err make_parents(const char *path, int *out_fd)
{
    char part[MAILDIR_PATH_BYTES];
    span whole = span_cstr(path);
    span rest, piece;
    size_t n = whole.n;
    int at = -1;
    enum err e = ERR_ABSENT;

    while (e == ERR_ABSENT && n != 0) {
        size_t slash = span_rfind(span_head(whole, n), '/');

        n = slash < n ? slash : 0;
        e = open_prefix(whole, n == 0 && whole.p[0] == '/' ? 1 : n, &at);
    }
    rest = span_skip(whole, n);
    while (e == ERR_OK && span_split(&rest, '/', &piece)) {
        struct buf b = BUF_OVER(part);
        int next = -1;

        buf_put(&b, piece);
        if (piece.n == 0)
            continue;
        e = buf_cstr(&b) != NULL ? open_part(at, part, &next) : ERR_LIMIT;
        file_close(&at);
        at = next;
    }
    if (e == ERR_OK)
        *out_fd = at;
    else
        file_close(&at);
    return e;
}

static enum err box_open(struct box *box, const char *path)
{
    int top = -1;
    int cur = -1;
    enum err e = file_open_dir(AT_FDCWD, path, &top);

    if (e == ERR_ABSENT)
        e = make_parents(path, &top);
    if (e == ERR_OK)
        e = open_part(top, "cur", &cur);
    if (e == ERR_OK)
        e = open_part(top, "tmp", &box->tmp_fd);
    if (e == ERR_OK)
        e = open_part(top, "new", &box->new_fd);
    file_close(&cur);
    file_close(&top);
    if (e != ERR_OK)
        box_close(box);
    return e;
}

/* A mailbox may have been removed or moved while it was kept open. */
static bool box_is_current(const struct box *box)
{
    char path[MAILDIR_PATH_BYTES + 4];
    struct buf b = BUF_OVER(path);
    struct stat open_one, named;

    buf_printf(&b, "%s/new", box->path);
    return buf_cstr(&b) != NULL && os_calls->fstat(box->new_fd, &open_one) == 0 &&
           os_calls->fstatat(AT_FDCWD, path, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           open_one.st_dev == named.st_dev && open_one.st_ino == named.st_ino;
}

/* The place for one more mailbox: a free one, else the one that was used longest ago. */
static struct box *box_spare(struct maildir *m)
{
    struct box *best = NULL;

    for (size_t i = 0; i < DIR_CACHE; i++) {
        struct box *box = &m->boxes[i];

        if (box->path[0] == '\0')
            return box;
        if (!box->used && (best == NULL || box->last_use < best->last_use))
            best = box;
    }
    if (best != NULL)
        box_close(best);
    return best;
}

static struct box *box_known(struct maildir *m, span path, uint64_t hash)
{
    for (size_t i = 0; i < DIR_CACHE; i++)
        if (m->boxes[i].hash == hash && span_eq(span_cstr(m->boxes[i].path), path))
            return &m->boxes[i];
    return NULL;
}

static enum err box_find(struct maildir *m, const char *path, struct box **out_box)
{
    span name = span_cstr(path);
    uint64_t hash = hash_keyed((struct hash_key){0, 0}, name);
    struct box *box = name.n != 0 ? box_known(m, name, hash) : NULL;
    enum err e;

    if (name.n == 0 || name.n >= MAILDIR_PATH_BYTES)
        return ERR_LIMIT;
    if (box != NULL && !box->used && !box_is_current(box)) {
        box_close(box);
        box = NULL;
    }
    if (box == NULL) {
        box = box_spare(m);
        if (box == NULL)
            return ERR_LIMIT; /* all in use: finish the batch first */
        e = box_open(box, path);
        if (e != ERR_OK)
            return e;
        box->hash = hash;
        memcpy(box->path, path, name.n + 1);
    }
    box->used = true;
    box->last_use = ++m->uses;
    *out_box = box;
    return ERR_OK;
}

/* ---- writing one message ---- */

/* CRLF becomes LF, all else stays. `cr` carries a CR at the end of one piece over to the next. */
struct converter {
    struct buf out;
    int fd;
    uint64_t size;
    bool cr;
    bool binary;
    bool in_body; /* of a binary message: nothing is changed any more */
    bool in_line; /* of its header */
    enum err failed;
};

static void flush(struct converter *c)
{
    if (c->failed == ERR_OK)
        c->failed = file_write_all_at(c->fd, buf_span(&c->out), (int64_t)c->size);
    c->size += c->out.n;
    buf_reset(&c->out);
}

static void put_piece(struct converter *c, span s)
{
    while (s.n != 0) {
        span head;

        if (buf_room(&c->out) == 0)
            flush(c);
        head = span_head(s, buf_room(&c->out));
        buf_put(&c->out, head);
        s = span_skip(s, head.n);
    }
}

/* The header of a binary message, of which `s` comes next; returns what of s is body. */
static span convert_header(struct converter *c, span s)
{
    size_t n = 0;

    while (n < s.n && !c->in_body) {
        char octet = s.p[n++];

        c->in_body = octet == '\n' && !c->in_line;
        if (octet == '\r')
            continue;
        c->in_line = octet != '\n';
        put_piece(c, span_of(&octet, 1));
    }
    return span_skip(s, n);
}

static void convert(struct converter *c, span s)
{
    if (c->binary && !c->in_body)
        s = convert_header(c, s);
    if (c->binary) {
        put_piece(c, s);
        return;
    }
    while (s.n != 0) {
        size_t n;

        if (c->cr && !span_starts(s, SPAN("\n")))
            put_piece(c, SPAN("\r"));
        c->cr = false;
        n = span_find(s, '\r');
        put_piece(c, span_head(s, n));
        c->cr = n < s.n;
        s = span_skip(s, n + 1);
    }
}

static void convert_end(struct converter *c)
{
    if (c->cr)
        put_piece(c, SPAN("\r"));
    flush(c);
}

static void convert_file(struct converter *c, struct maildir *m, int fd, uint64_t size)
{
    for (uint64_t at = 0; at < size && c->failed == ERR_OK;) {
        size_t n = size - at < IN_BYTES ? (size_t)(size - at) : IN_BYTES;

        c->failed = file_read_at(fd, m->in, n, (int64_t)at);
        if (c->failed == ERR_OK)
            convert(c, span_of(m->in, n));
        at += n;
    }
}

static enum err write_message(struct maildir *m, struct item *it, const struct maildir_message *msg)
{
    struct converter c = {.out = BUF_OVER(m->out), .fd = it->fd, .binary = msg->binary};
    char memory[2 * RECEIVED_MAX_BYTES];
    struct buf fields = BUF_OVER(memory);

    received_put_return_path(&fields, msg->sender);
    received_put_delivered_to(&fields, msg->mailbox);
    convert(&c, buf_span(&fields));
    if (msg->fd >= 0)
        convert_file(&c, m, msg->fd, msg->size);
    else
        convert(&c, msg->body);
    convert_end(&c);
    it->size = c.size;
    return c.failed;
}

/* SECONDS.M…P…Q….HOST: no two deliveries of this host have the same, also not after a restart. */
static void name_item(struct maildir *m, struct item *it)
{
    struct buf b = BUF_OVER(it->name);
    int64_t now_ms = clock_wall_ms();

    buf_printf(&b, "%lld.M%lldP%ldQ%lluR%08lx.%s", (long long)(now_ms / 1000),
               (long long)(now_ms % 1000) * 1000, (long)getpid(), (unsigned long long)++m->counter,
               (unsigned long)(os_random_u64() & 0xffffffff), m->host);
    BUG_IF(buf_cstr(&b) == NULL, "the name of a message does not fit");
}

enum err maildir_add(struct maildir *m, const struct maildir_message *msg, size_t *out_n)
{
    struct item *it = &m->items[m->n];
    enum err e;

    if (m->n == MAILDIR_BATCH_MAX)
        return ERR_LIMIT;
    *it = (struct item){.fd = -1};
    e = box_find(m, msg->path, &it->box);
    if (e != ERR_OK)
        return e;
    name_item(m, it);
    e = file_create(it->box->tmp_fd, it->name, 0600, &it->fd);
    if (e != ERR_OK)
        return e;
    e = write_message(m, it, msg);
    if (e != ERR_OK) {
        drop(it);
        return e;
    }
    /* Let the disk begin now; what matters is file_sync in maildir_finish. */
    (void)!sync_file_range(it->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    *out_n = m->n++;
    return ERR_OK;
}

/* ---- finishing ---- */

static void item_publish(struct item *it)
{
    struct buf b = buf_over(it->final, sizeof(it->final));

    it->failed = file_sync(it->fd);
    file_close(&it->fd);
    buf_printf(&b, "%s,S=%llu", it->name, (unsigned long long)it->size);
    BUG_IF(buf_cstr(&b) == NULL, "the name of a message does not fit");
    if (it->failed == ERR_OK)
        it->failed = file_rename(it->box->tmp_fd, it->name, it->box->new_fd, it->final);
    it->renamed = it->failed == ERR_OK;
    it->box->dirty |= it->renamed;
}

void maildir_finish(struct maildir *m, enum err *out, size_t n)
{
    BUG_IF(n != m->n, "each addition wants its verdict");
    for (size_t i = 0; i < n; i++)
        item_publish(&m->items[i]);
    for (size_t i = 0; i < DIR_CACHE; i++) {
        struct box *box = &m->boxes[i];

        box->failed = box->dirty ? file_sync_dir(box->new_fd) : ERR_OK;
        box->dirty = false;
        box->used = false;
    }
    for (size_t i = 0; i < n; i++) {
        struct item *it = &m->items[i];

        if (it->failed == ERR_OK)
            it->failed = it->box->failed;
        if (it->failed != ERR_OK)
            drop(it);
        out[i] = it->failed;
    }
    m->n = 0;
}
