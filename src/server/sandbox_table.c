/* SPDX-License-Identifier: ISC */
/*
 * What each process may ask of the kernel; anything else kills it. Files are
 * further bounded by Landlock to the directories that the process grants
 * itself at proc_enter, TCP connections to the granted ports.
 *
 *              files        sockets made        accepts   executes
 *   smtpd      -            -                   yes       never
 *   resolver   -            UDP and TCP         -         never
 *   auth       -            TCP, one port       -         never
 *   queue      its store    -                   control   never
 *   relay      -            TCP and Unix        -         never
 *   deliver    Maildirs     -                   -         never
 *   guard      -            -                   yes       never
 *
 * Nobody may map memory that can be executed, start a process, or trace one.
 */
#include "server/sandbox_table.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define WHOLE ((uint64_t)UINT32_MAX)

/* clang-format off */
#define CALL(name)              {.number = SYS_##name}
#define CALL_IF(name, a, m, v)                                                                     \
    {.number = SYS_##name, .conditional = true, .arg = (a), .mask = (m), .value = (v)}
#define CALL_END                {.number = -1}
/* clang-format on */

/* The loop, memory, time, what is open already, and dying in an orderly way. */
static const struct sandbox_call everybody[] = {
    CALL(read),
    CALL(readv),
    CALL(write),
    CALL(writev),
    CALL(close),
    CALL(recvmsg),
    CALL(recvfrom),
    CALL(sendmsg),
    CALL(sendto),
    CALL(epoll_ctl),
    CALL(epoll_pwait),
#ifdef SYS_epoll_wait
    CALL(epoll_wait),
#endif
#ifdef SYS_poll
    CALL(poll),
#endif
    CALL(ppoll),
    CALL(fcntl),
    CALL(lseek),
    CALL(fstat),
    CALL_IF(newfstatat, 3, AT_EMPTY_PATH, AT_EMPTY_PATH), /* how libc says fstat */
    CALL_IF(mmap, 2, PROT_EXEC, 0),
    CALL_IF(mprotect, 2, PROT_EXEC, 0),
    CALL(munmap),
    CALL(mremap),
    CALL(madvise),
    CALL(brk),
    CALL(futex),
    CALL(getrandom),
    CALL(clock_gettime),
    CALL(clock_nanosleep),
    CALL(gettimeofday),
    CALL(getrusage),
    CALL(sysinfo),
    CALL(sched_getaffinity),
    CALL(sched_yield),
    CALL(getpid),
    CALL(gettid),
    CALL(getuid),
    CALL(geteuid),
    CALL(tgkill),
    CALL(rt_sigaction),
    CALL(rt_sigprocmask),
    CALL(rt_sigreturn),
    CALL(sigaltstack),
    CALL(restart_syscall),
    CALL(exit),
    CALL(exit_group),
    CALL_END,
};

/* Connections that somebody else made or that are waiting to be accepted. */
static const struct sandbox_call accepting[] = {
    CALL(accept4),     CALL(setsockopt), CALL(getsockopt), CALL(getsockname),
    CALL(getpeername), CALL(shutdown),   CALL_END,
};

static const struct sandbox_call connecting[] = {
    CALL_IF(socket, 0, WHOLE, AF_INET),
    CALL_IF(socket, 0, WHOLE, AF_INET6),
    CALL(connect),
    CALL(bind),
    CALL(setsockopt),
    CALL(getsockopt),
    CALL(getsockname),
    CALL(getpeername),
    CALL(shutdown),
    CALL_END,
};

/* LMTP servers and other local ones listen on Unix sockets. */
static const struct sandbox_call connecting_unix[] = {
    CALL_IF(socket, 0, WHOLE, AF_UNIX),
    CALL_END,
};

/* A body that came as a descriptor. */
static const struct sandbox_call reading[] = {
    CALL(pread64),
    CALL(preadv),
    CALL(sendfile),
    CALL_END,
};

static const struct sandbox_call files[] = {
    CALL(openat),    CALL(newfstatat),      CALL(statx),    CALL(getdents64), CALL(mkdirat),
    CALL(linkat),    CALL(unlinkat),        CALL(renameat), CALL(renameat2),  CALL(fsync),
    CALL(fdatasync), CALL(ftruncate),       CALL(pwrite64), CALL(pwritev),    CALL(copy_file_range),
    CALL(fallocate), CALL(sync_file_range), CALL(flock),    CALL(umask),      CALL(uname),
    CALL(fstatfs),
#ifdef SYS_open
    CALL(unlink), /* LMDB and libc use the old names here and there */
    CALL(rename),    CALL(mkdir),
#endif
    CALL_END,
};

static const struct sandbox_call memory_map[] = {
    CALL(msync),
    CALL(mincore),
    CALL_END,
};

static const struct sandbox_call *const smtpd_lists[] = {everybody, accepting, NULL};
static const struct sandbox_call *const resolver_lists[] = {everybody, connecting, NULL};
static const struct sandbox_call *const auth_lists[] = {everybody, connecting, NULL};
static const struct sandbox_call *const queue_lists[] = {everybody, accepting,  reading,
                                                         files,     memory_map, NULL};
static const struct sandbox_call *const relay_lists[] = {everybody, connecting, connecting_unix,
                                                         reading, NULL};
static const struct sandbox_call *const deliver_lists[] = {everybody, reading, files, NULL};

const struct sandbox_row sandbox_table[PROC_KIND_COUNT] = {
    [PROC_SMTPD] = {.name = "smtpd", .lists = smtpd_lists},
    [PROC_RESOLVER] = {.name = "resolver", .lists = resolver_lists},
    [PROC_AUTH] = {.name = "auth", .lists = auth_lists},
    [PROC_QUEUE] = {.name = "queue", .lists = queue_lists},
    /* A route may name any port, so relay's ports are bounded by the configuration alone. */
    [PROC_RELAY] = {.name = "relay", .lists = relay_lists, .tcp_connect = true},
    [PROC_DELIVER] = {.name = "deliver", .lists = deliver_lists},
    [PROC_GUARD] = {.name = "guard", .lists = smtpd_lists},
};
