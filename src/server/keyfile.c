/* SPDX-License-Identifier: ISC */
#include "server/keyfile.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"

/* What waits for somebody to write would hold the supervisor up. */
static bool is_file(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

static enum err read_open(const char *path, int *out_fd, struct heap_buf *out, struct diag *d)
{
    /* ACME clients have a symbolic link for each certificate. */
    enum err e = file_open_named(path, out_fd);
    bool odd = e == ERR_OK && !is_file(*out_fd);

    if (e == ERR_OK)
        e = odd ? ERR_CONF : file_read_all(*out_fd, out);
    if (e == ERR_OK)
        return ERR_OK;
    if (d != NULL)
        d->file = path;
    if (odd)
        (void)diag_set(d, e, 0, "this is no file");
    else
        (void)diag_set(d, e, e == ERR_LIMIT ? 0 : errno, "cannot read this file");
    file_close(out_fd);
    return e;
}

enum err keyfile_read(const char *path, struct heap_buf *out, struct diag *d)
{
    int fd = -1;
    enum err e = read_open(path, &fd, out, d);

    file_close(&fd);
    return e;
}

static const char *fault_of(const struct stat *st)
{
    if ((st->st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return "others than its owner can use this secret: chmod 0600";
    if (st->st_uid != 0 && st->st_uid != geteuid())
        return "this secret belongs neither to root nor to the user that starts herald";
    return NULL;
}

/* The file is judged by what was opened, not by its name. */
enum err keyfile_read_secret(const char *path, struct heap_buf *out, struct diag *d)
{
    const char *fault = "cannot be examined";
    struct stat st;
    int fd = -1;
    enum err e;

    /* All room at once: a buffer that grows leaves copies behind. */
    if (heap_room(out, out->max) == NULL)
        return diag_set(d, ERR_NOMEM, 0, "no memory");
    e = read_open(path, &fd, out, d);
    if (e != ERR_OK)
        return e;
    if (fstat(fd, &st) == 0)
        fault = fault_of(&st);
    file_close(&fd);
    if (fault == NULL)
        return ERR_OK;
    if (d != NULL)
        d->file = path;
    return diag_set(d, ERR_CONF, 0, "%s", fault);
}

void keyfile_wipe(struct heap_buf *h)
{
    if (h->p != NULL)
        explicit_bzero(h->p, h->cap);
    heap_release(h);
}

enum err keyfile_read_line(const char *path, char *out, size_t cap, struct diag *d)
{
    struct heap_buf text;
    span rest, line = SPAN_NONE;
    enum err e;

    heap_init(&text, 2 * cap);
    e = keyfile_read_secret(path, &text, d);
    rest = heap_span(&text);
    if (e == ERR_OK &&
        (!span_line(&rest, &line) || line.n == 0 || line.n >= cap || span_has(line, '\0'))) {
        if (d != NULL)
            d->file = path;
        e = diag_set(d, ERR_CONF, 0, "the first line of this file is no password");
    }
    if (e == ERR_OK) {
        memcpy(out, line.p, line.n);
        out[line.n] = '\0';
    }
    keyfile_wipe(&text);
    return e;
}

enum err keyfile_read_trust(const char *path, struct tls_side **out_side, struct diag *d)
{
    struct heap_buf pem;
    enum err e;

    heap_init(&pem, KEYFILE_CA_BYTES);
    e = keyfile_read(path, &pem, d);
    if (e == ERR_OK)
        e = tls_client_new(&(struct tls_client_conf){.ca = heap_span(&pem)}, out_side, d);
    if (e != ERR_OK && d != NULL)
        d->file = path;
    heap_release(&pem);
    return e;
}
