/* SPDX-License-Identifier: ISC */
#include "config/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_BYTES 4096u

/* Room for one more octet at least; the size the file claims, if it claims one. */
static enum err grow(char **p, size_t *cap, size_t want, size_t max_bytes)
{
    size_t more = want > *cap * 2 ? want : *cap * 2;
    char *q;

    if (*cap > max_bytes)
        return ERR_LIMIT;
    more = min_size(more, max_bytes + 2);
    q = realloc(*p, more);
    if (q == NULL)
        return ERR_NOMEM;
    *p = q;
    *cap = more;
    return ERR_OK;
}

static enum err read_all(int fd, size_t max_bytes, char **p, size_t *n)
{
    struct stat st;
    size_t cap = 0, want = FIRST_BYTES;
    enum err e;

    if (fstat(fd, &st) == 0 && st.st_size > 0)
        want = (size_t)st.st_size + 2;
    for (;;) {
        ssize_t got;

        if (cap - *n < 2 && (e = grow(p, &cap, want, max_bytes)) != ERR_OK)
            return e;
        got = read(fd, *p + *n, cap - *n - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_of_errno(errno);
        if (got == 0)
            break;
        *n += (size_t)got;
    }
    if (*n > max_bytes)
        return ERR_LIMIT;
    (*p)[*n] = '\0';
    return ERR_OK;
}

void config_source_free(struct config_source *source)
{
    free(source->p);
    *source = (struct config_source){0};
}

enum err config_source_read(const char *path, size_t max_bytes, struct config_source *out,
                            int *out_sys)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    char *p = NULL;
    size_t n = 0;
    enum err e;

    *out_sys = 0;
    if (fd < 0) {
        *out_sys = errno;
        return err_of_errno(errno);
    }
    errno = 0;
    e = read_all(fd, max_bytes, &p, &n);
    if (e != ERR_OK && e != ERR_LIMIT)
        *out_sys = errno;
    close(fd);
    if (e != ERR_OK)
        free(p);
    else
        *out = (struct config_source){p, n};
    return e;
}
