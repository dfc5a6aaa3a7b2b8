/* SPDX-License-Identifier: ISC */
/* Large bodies: one file each, in 256 directories, linked only when whole and synced. */
#include <dirent.h>
#include <errno.h>

#include "base/hash.h"
#include "base/num.h"
#include "os/file.h"
#include "store/inner.h"

static unsigned dir_of(uint64_t id)
{
    return (unsigned)(id & (STORE_SPOOL_DIRS - 1));
}

/* NUL-terminated "xx". */
static void dir_name(unsigned dir, char out[3])
{
    struct buf b = buf_over(out, 3);

    buf_printf(&b, "%02x", dir);
    BUG_IF(buf_cstr(&b) == NULL, "two digits do not fit");
}

struct store_spool_name store_spool_name(uint64_t id)
{
    struct store_spool_name name = {0};
    struct buf b = BUF_OVER(name.text);

    buf_printf(&b, "%02x/%s", dir_of(id), num_id_text(id).text);
    BUG_IF(buf_cstr(&b) == NULL, "the name of a spool file does not fit");
    return name;
}

/* Open the directory of a file; one that is new is on the disk before anything is in it. */
static enum err open_dir(struct store *s, unsigned dir, int *out_fd)
{
    char name[3];
    enum err e;

    dir_name(dir, name);
    e = file_open_dir(s->spool_fd, name, out_fd);
    if (e != ERR_ABSENT)
        return e;
    e = file_make_dir(s->spool_fd, name, out_fd);
    if (e == ERR_OK)
        e = file_sync_dir(s->spool_fd);
    return e;
}

enum err store_spool_begin(struct store *s, uint64_t id, struct store_spool *out_sp)
{
    int dir = -1;
    int fd = -1;
    /* In the directory where it will be linked: Landlock sees no change of place. */
    enum err e = open_dir(s, dir_of(id), &dir);

    if (e == ERR_OK)
        e = file_open_unnamed(dir, 0600, &fd);
    file_close(&dir);
    if (e == ERR_OK)
        *out_sp = (struct store_spool){.fd = fd, .id = id};
    return e;
}

enum err store_spool_write(struct store_spool *sp, span octets)
{
    enum err e = file_write_all_at(sp->fd, octets, (int64_t)sp->size);

    if (e != ERR_OK)
        return e;
    sp->size += octets.n;
    sp->crc = hash_crc32c(sp->crc, octets);
    return ERR_OK;
}

void store_spool_abort(struct store_spool *sp)
{
    file_close(&sp->fd);
}

enum err store_spool_link(struct store *s, struct store_spool *sp)
{
    struct store_spool_name name = store_spool_name(sp->id);
    enum err e = file_sync(sp->fd);

    if (e == ERR_OK)
        e = file_link(sp->fd, s->spool_fd, name.text);
    /* Left by a commit that failed: no record names it, or store_put would not be here. */
    if (e == ERR_EXISTS) {
        e = file_remove(s->spool_fd, name.text);
        if (e == ERR_OK)
            e = file_link(sp->fd, s->spool_fd, name.text);
    }
    file_close(&sp->fd);
    if (e != ERR_OK)
        return e;
    s->dir_touched[dir_of(sp->id)] = true;
    if (heap_put(&s->linked, span_of(&sp->id, sizeof(sp->id))))
        return ERR_OK;
    /* More files than one batch takes: it stays for the next. */
    return file_remove(s->spool_fd, name.text) == ERR_OK ? ERR_LIMIT : ERR_IO;
}

enum err store_spool_settle(struct store *s)
{
    enum err e = ERR_OK;

    for (unsigned i = 0; i < STORE_SPOOL_DIRS && s->linked.n != 0; i++) {
        int fd = -1;

        if (!s->dir_touched[i])
            continue;
        if (e == ERR_OK)
            e = open_dir(s, i, &fd);
        if (e == ERR_OK)
            e = file_sync_dir(fd);
        file_close(&fd);
        s->dir_touched[i] = false;
    }
    return e;
}

void store_spool_drop(struct store *s, struct heap_buf *list)
{
    span rest = heap_span(list);

    for (; rest.p != NULL && rest.n >= sizeof(uint64_t); rest = span_skip(rest, sizeof(uint64_t))) {
        uint64_t id;

        memcpy(&id, rest.p, sizeof(id));
        /* One that cannot be removed is an orphan, which store_recover removes. */
        (void)!file_remove(s->spool_fd, store_spool_name(id).text);
    }
    heap_reset(list);
}

static enum err each_in(int spool_fd, const char *dir_name_text, store_spool_fn *fn, void *arg)
{
    char path[300];
    struct dirent *entry;
    DIR *dir;
    int fd = -1;
    enum err e = file_open_dir(spool_fd, dir_name_text, &fd);

    if (e != ERR_OK)
        return e == ERR_ABSENT ? ERR_OK : e;
    dir = fdopendir(fd);
    if (dir == NULL) {
        file_close(&fd);
        return ERR_NOMEM;
    }
    while (e == ERR_OK && (entry = readdir(dir)) != NULL) {
        struct buf b = BUF_OVER(path);
        uint64_t id = 0;

        if (entry->d_name[0] == '.')
            continue;
        buf_printf(&b, "%s/%s", dir_name_text, entry->d_name);
        if (!num_id_parse(span_cstr(entry->d_name), &id))
            id = 0;
        if (buf_cstr(&b) != NULL)
            e = fn(arg, id, path);
    }
    closedir(dir);
    return e;
}

enum err store_spool_each(int spool_fd, store_spool_fn *fn, void *arg)
{
    enum err e = ERR_OK;

    for (unsigned i = 0; i < STORE_SPOOL_DIRS && e == ERR_OK; i++) {
        char name[3];

        dir_name(i, name);
        e = each_in(spool_fd, name, fn, arg);
    }
    return e;
}
