/* SPDX-License-Identifier: ISC */
#include "os/file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/buf.h"

#define READ_STEP_BYTES 65536
#define TEMPORARY_TAIL  ".new"

static enum err file_open(int dir, const char *path, int flags, mode_t mode, int *out_fd)
{
    int fd = -1;
    do {
        fd = os_calls->openat(dir, path, flags | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, mode);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return err_of_errno(errno);
    *out_fd = fd;
    return ERR_OK;
}

enum err file_open_dir(int dir, const char *path, int *out_fd)
{
    return file_open(dir, path, O_RDONLY | O_DIRECTORY, 0, out_fd);
}

/* Make what is missing of path, one part after another; existing parts are no error. */
static enum err make_parts(int dir, const char *path)
{
    char part[PATH_MAX];
    span whole = span_cstr(path);
    if (whole.n >= sizeof part)
        return ERR_LIMIT;
    for (size_t n = 1; n <= whole.n; n++) {
        if (n < whole.n && whole.p[n] != '/')
            continue;
        memcpy(part, whole.p, n);
        part[n] = '\0';
        if (os_calls->mkdirat(dir, part, 0700) != 0 && errno != EEXIST)
            return err_of_errno(errno);
    }
    return ERR_OK;
}

enum err file_make_dir(int dir, const char *path, int *out_fd)
{
    enum err e = file_open_dir(dir, path, out_fd);
    if (e != ERR_ABSENT)
        return e;
    e = make_parts(dir, path);
    return e == ERR_OK ? file_open_dir(dir, path, out_fd) : e;
}

enum err file_open_read(int dir, const char *path, int *out_fd)
{
    return file_open(dir, path, O_RDONLY, 0, out_fd);
}

enum err file_open_named(const char *path, int *out_fd)
{
    int fd = -1;

    do {
        fd = os_calls->openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return err_of_errno(errno);
    *out_fd = fd;
    return ERR_OK;
}

enum err file_create(int dir, const char *path, mode_t mode, int *out_fd)
{
    return file_open(dir, path, O_RDWR | O_CREAT | O_EXCL, mode, out_fd);
}

enum err file_open_unnamed(int dir, mode_t mode, int *out_fd)
{
    return file_open(dir, ".", O_RDWR | O_TMPFILE, mode, out_fd);
}

enum err file_link(int fd, int dir, const char *path)
{
    /* AT_EMPTY_PATH would need CAP_DAC_READ_SEARCH; the way through /proc needs nothing. */
    char self[32];
    struct buf b = BUF_OVER(self);
    buf_printf(&b, "/proc/self/fd/%d", fd);
    const char *from = buf_cstr(&b);
    if (os_calls->linkat(AT_FDCWD, from, dir, path, AT_SYMLINK_FOLLOW) != 0)
        return err_of_errno(errno);
    return ERR_OK;
}

void file_close(int *fd)
{
    if (*fd < 0)
        return;
    int saved = errno;
    os_calls->close(*fd);
    errno = saved;
    *fd = -1;
}

/* at < 0: at the file's own position. */
static enum err write_from(int fd, span s, int64_t at)
{
    while (s.n != 0) {
        ssize_t n =
            at < 0 ? os_calls->write(fd, s.p, s.n) : os_calls->pwrite(fd, s.p, s.n, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_of_errno(errno);
        if (n == 0) {
            errno = ENOSPC;
            return ERR_NOSPACE;
        }
        s = span_skip(s, (size_t)n);
        at = at < 0 ? at : at + n;
    }
    return ERR_OK;
}

enum err file_write_all(int fd, span s)
{
    return write_from(fd, s, -1);
}

enum err file_write_all_at(int fd, span s, int64_t at)
{
    BUG_IF(at < 0, "a file has no octets before its beginning");
    return write_from(fd, s, at);
}

static ssize_t read_some(int fd, char *p, size_t n)
{
    ssize_t got = 0;
    do {
        got = os_calls->read(fd, p, n);
    } while (got < 0 && errno == EINTR);
    return got;
}

enum err file_read_all(int fd, struct heap_buf *out)
{
    for (;;) {
        size_t step = min_size(READ_STEP_BYTES, out->max - out->n);
        char probe = 0;
        char *p = step != 0 ? heap_room(out, step) : &probe;
        if (p == NULL)
            return ERR_NOMEM;
        ssize_t got = read_some(fd, p, step != 0 ? step : 1);
        if (got < 0)
            return err_of_errno(errno);
        if (got == 0)
            return ERR_OK;
        if (step == 0)
            return ERR_LIMIT;
        heap_added(out, (size_t)got);
    }
}

enum err file_read_at(int fd, char *p, size_t n, int64_t at)
{
    while (n != 0) {
        ssize_t got = os_calls->pread(fd, p, n, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_of_errno(errno);
        if (got == 0)
            return ERR_CORRUPT;
        p += got;
        n -= (size_t)got;
        at += got;
    }
    return ERR_OK;
}

enum err file_load(int dir, const char *path, struct heap_buf *out)
{
    int fd = -1;
    enum err e = file_open_read(dir, path, &fd);
    if (e != ERR_OK)
        return e;
    e = file_read_all(fd, out);
    file_close(&fd);
    return e;
}

/* A sync is never repeated, not even after EINTR: the kernel reports a lost page once only. */
enum err file_sync(int fd)
{
    return os_calls->fdatasync(fd) == 0 ? ERR_OK : err_of_errno(errno);
}

enum err file_sync_dir(int dir_fd)
{
    return os_calls->fsync(dir_fd) == 0 ? ERR_OK : err_of_errno(errno);
}

enum err file_rename(int from_dir, const char *from, int to_dir, const char *to)
{
    return os_calls->renameat(from_dir, from, to_dir, to) == 0 ? ERR_OK : err_of_errno(errno);
}

enum err file_remove(int dir, const char *path)
{
    return os_calls->unlinkat(dir, path, 0) == 0 ? ERR_OK : err_of_errno(errno);
}

enum err file_size(int fd, int64_t *out_bytes)
{
    struct stat st = {0};
    if (os_calls->fstat(fd, &st) != 0)
        return err_of_errno(errno);
    *out_bytes = (int64_t)st.st_size;
    return ERR_OK;
}

/* like: whose owner and mode it gets; NULL: ours, and `mode`. */
static enum err write_synced(int dir, const char *path, span s, mode_t mode,
                             const struct stat *like)
{
    int fd = -1;
    enum err e = file_create(dir, path, mode, &fd);
    if (e != ERR_OK)
        return e;
    if (like != NULL &&
        (fchown(fd, like->st_uid, like->st_gid) != 0 || fchmod(fd, like->st_mode & 07777) != 0))
        e = err_of_errno(errno);
    if (e == ERR_OK)
        e = file_write_all(fd, s);
    if (e == ERR_OK)
        e = file_sync(fd);
    file_close(&fd);
    return e;
}

/* The directory that holds path, relative to dir. */
static enum err sync_parent(int dir, const char *path)
{
    char parent[PATH_MAX] = ".";
    size_t slash = span_rfind(span_cstr(path), '/');
    if (path[slash] == '/') {
        size_t n = slash == 0 ? 1 : slash;
        memcpy(parent, path, n);
        parent[n] = '\0';
    }
    int fd = -1;
    enum err e = file_open_dir(dir, parent, &fd);
    if (e != ERR_OK)
        return e;
    e = file_sync_dir(fd);
    file_close(&fd);
    return e;
}

static enum err replace(int dir, const char *path, span s, mode_t mode, const struct stat *like)
{
    char temporary[PATH_MAX];
    struct buf b = BUF_OVER(temporary);
    buf_put(&b, span_cstr(path));
    buf_put(&b, SPAN(TEMPORARY_TAIL));
    const char *name = buf_cstr(&b);
    if (name == NULL)
        return ERR_LIMIT;
    enum err e = file_remove(dir, name);
    if (e != ERR_OK && e != ERR_ABSENT)
        return e;
    e = write_synced(dir, name, s, mode, like);
    if (e == ERR_OK)
        e = file_rename(dir, name, dir, path);
    if (e == ERR_OK)
        return sync_parent(dir, path);
    int saved = errno;
    os_calls->unlinkat(dir, name, 0);
    errno = saved;
    return e;
}

enum err file_replace(int dir, const char *path, span s, mode_t mode)
{
    return replace(dir, path, s, mode, NULL);
}

enum err file_rewrite(int dir, const char *path, span s, mode_t mode)
{
    struct stat old;
    bool there = os_calls->fstatat(dir, path, &old, 0) == 0;
    if (there && (old.st_mode & S_IRWXO) != 0)
        old.st_mode = mode;
    return replace(dir, path, s, mode, there ? &old : NULL);
}

enum err file_lock(int fd, bool wait)
{
    int got = 0;
    do {
        got = flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB);
    } while (got != 0 && errno == EINTR);
    if (got == 0)
        return ERR_OK;
    return errno == EWOULDBLOCK ? ERR_BUSY : err_of_errno(errno);
}
