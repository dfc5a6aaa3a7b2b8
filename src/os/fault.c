/* SPDX-License-Identifier: ISC */
#include "os/fault.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct {
    enum fault_kind kind;
    unsigned k;
    unsigned count;
    int sys;
    const char *only;
    bool happened;
} plan;

/* True when the call `name` shall not be made. */
static bool fault_due(const char *name)
{
    if (plan.kind == FAULT_STOP && plan.happened) {
        errno = EIO;
        return true;
    }
    if (plan.only != NULL && strcmp(plan.only, name) != 0)
        return false;
    if (++plan.count != plan.k || plan.kind == FAULT_COUNT)
        return false;
    plan.happened = true;
    if (plan.kind == FAULT_EXIT)
        _exit(FAULT_EXIT_STATUS);
    errno = plan.kind == FAULT_STOP ? EIO : plan.sys;
    return plan.kind != FAULT_SHORT;
}

/* How much of n octets to move. */
static size_t fault_part(size_t n)
{
    bool now = plan.kind == FAULT_SHORT && plan.happened && plan.count == plan.k;
    return now && n > 1 ? n / 2 : n;
}

#define FAULT_CALL(name, params, args)                                                             \
    static int fault_##name params                                                                 \
    {                                                                                              \
        return fault_due(#name) ? -1 : os_kernel.name args;                                        \
    }

/* The last member of each moves octets, so FAULT_SHORT must be able to cut n. */
#define FAULT_MOVE(name, params, args)                                                             \
    static ssize_t fault_##name params                                                             \
    {                                                                                              \
        if (fault_due(#name))                                                                      \
            return -1;                                                                             \
        n = plan.only == NULL || strcmp(plan.only, #name) == 0 ? fault_part(n) : n;                \
        return os_kernel.name args;                                                                \
    }

FAULT_CALL(openat, (int dir, const char *path, int flags, mode_t mode), (dir, path, flags, mode))
FAULT_MOVE(read, (int fd, void *p, size_t n), (fd, p, n))
FAULT_MOVE(pread, (int fd, void *p, size_t n, off_t at), (fd, p, n, at))
FAULT_MOVE(write, (int fd, const void *p, size_t n), (fd, p, n))
FAULT_MOVE(pwrite, (int fd, const void *p, size_t n, off_t at), (fd, p, n, at))
FAULT_CALL(ftruncate, (int fd, off_t n), (fd, n))
FAULT_CALL(fsync, (int fd), (fd))
FAULT_CALL(fdatasync, (int fd), (fd))
FAULT_CALL(renameat, (int from_dir, const char *from, int to_dir, const char *to),
           (from_dir, from, to_dir, to))
FAULT_CALL(linkat, (int from_dir, const char *from, int to_dir, const char *to, int flags),
           (from_dir, from, to_dir, to, flags))
FAULT_CALL(unlinkat, (int dir, const char *path, int flags), (dir, path, flags))
FAULT_CALL(mkdirat, (int dir, const char *path, mode_t mode), (dir, path, mode))
FAULT_CALL(fstat, (int fd, struct stat *out), (fd, out))
FAULT_CALL(fstatat, (int dir, const char *path, struct stat *out, int flags),
           (dir, path, out, flags))

static int fault_close(int fd)
{
    return os_kernel.close(fd);
}

static const struct os fault_calls = {
#define FAULT_MEMBER(name, result, params, args) .name = fault_##name,
    OS_CALL_LIST(FAULT_MEMBER)
#undef FAULT_MEMBER
};

void fault_begin(enum fault_kind kind, unsigned k, int sys)
{
    plan.kind = kind;
    plan.k = k;
    plan.sys = sys;
    plan.count = 0;
    plan.only = NULL;
    plan.happened = false;
    os_calls = &fault_calls;
}

void fault_only(const char *call)
{
    plan.only = call;
}

unsigned fault_end(void)
{
    os_calls = &os_kernel;
    return plan.count;
}

bool fault_happened(void)
{
    return plan.happened;
}
