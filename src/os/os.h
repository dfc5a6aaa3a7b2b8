/* SPDX-License-Identifier: ISC */
/*
 * os/os.h - the seam between herald and the kernel's file calls.
 *
 * Whatever must survive a failing disk calls the kernel through this table, so
 * that a test can let the k-th call fail, write half, or be the last one that
 * ever happens (os/fault.h). The members are the system calls of the same
 * name: they return what those return and set errno.
 *
 * The table in force is a pointer of the process. Only tests change it.
 * Not here: sockets (net/), and helpers over these calls (os/file.h).
 */
#ifndef OS_OS_H
#define OS_OS_H

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/base.h"

/* member, result, parameters, arguments */
#define OS_CALL_LIST(X)                                                                            \
    X(openat, int, (int dir, const char *path, int flags, mode_t mode), (dir, path, flags, mode))  \
    X(close, int, (int fd), (fd))                                                                  \
    X(read, ssize_t, (int fd, void *p, size_t n), (fd, p, n))                                      \
    X(pread, ssize_t, (int fd, void *p, size_t n, off_t at), (fd, p, n, at))                       \
    X(write, ssize_t, (int fd, const void *p, size_t n), (fd, p, n))                               \
    X(pwrite, ssize_t, (int fd, const void *p, size_t n, off_t at), (fd, p, n, at))                \
    X(ftruncate, int, (int fd, off_t n), (fd, n))                                                  \
    X(fsync, int, (int fd), (fd))                                                                  \
    X(fdatasync, int, (int fd), (fd))                                                              \
    X(renameat, int, (int from_dir, const char *from, int to_dir, const char *to),                 \
      (from_dir, from, to_dir, to))                                                                \
    X(linkat, int, (int from_dir, const char *from, int to_dir, const char *to, int flags),        \
      (from_dir, from, to_dir, to, flags))                                                         \
    X(unlinkat, int, (int dir, const char *path, int flags), (dir, path, flags))                   \
    X(mkdirat, int, (int dir, const char *path, mode_t mode), (dir, path, mode))                   \
    X(fstat, int, (int fd, struct stat *out), (fd, out))                                           \
    X(fstatat, int, (int dir, const char *path, struct stat *out, int flags),                      \
      (dir, path, out, flags))

struct os {
#define OS_MEMBER(name, result, params, args) result(*name) params;
    OS_CALL_LIST(OS_MEMBER)
#undef OS_MEMBER
};

/* The kernel's own calls. */
extern const struct os os_kernel;

/* The table in force: os_kernel unless a test put its own here. */
extern const struct os *os_calls;

#endif
