/* SPDX-License-Identifier: ISC */
#include "os/sandbox.h"

#include <errno.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "os/log.h"

/*
 * Landlock, by its documented numbers: the headers of Debian 12 stop at its version 2, and which
 * version the kernel has is known at run time only.
 */
enum {
    LL_RULE_PATH = 1,
    LL_RULE_PORT = 2,
    LL_SCOPES_ABI = 6,
    LL_NET_ABI = 4,
    LL_ABI_MAX = 6,
    LL_CREATE_VERSION = 1
};

enum ll_fs {
    LL_FS_EXECUTE = 1u << 0,
    LL_FS_WRITE_FILE = 1u << 1,
    LL_FS_READ_FILE = 1u << 2,
    LL_FS_READ_DIR = 1u << 3,
    LL_FS_REMOVE_DIR = 1u << 4,
    LL_FS_REMOVE_FILE = 1u << 5,
    LL_FS_MAKE_DIR = 1u << 7,
    LL_FS_MAKE_REG = 1u << 8,
    LL_FS_MAKE_SOCK = 1u << 9,
    LL_FS_REFER = 1u << 13,
    LL_FS_TRUNCATE = 1u << 14
};

enum ll_net { LL_NET_BIND = 1u << 0, LL_NET_CONNECT = 1u << 1 };
enum ll_scope { LL_SCOPE_ABSTRACT_SOCKET = 1u << 0, LL_SCOPE_SIGNAL = 1u << 1 };

#define LL_FILE_RIGHTS (LL_FS_EXECUTE | LL_FS_WRITE_FILE | LL_FS_READ_FILE | LL_FS_TRUNCATE)
#define LL_READ_RIGHTS (LL_FS_READ_FILE | LL_FS_READ_DIR)
#define LL_WRITE_RIGHTS                                                                            \
    (LL_READ_RIGHTS | LL_FS_WRITE_FILE | LL_FS_REMOVE_DIR | LL_FS_REMOVE_FILE | LL_FS_MAKE_DIR |   \
     LL_FS_MAKE_REG | LL_FS_MAKE_SOCK | LL_FS_REFER | LL_FS_TRUNCATE)

/* All the file rights that a version of Landlock knows. */
static const uint64_t fs_known[LL_ABI_MAX + 1] = {0,      0x1fff, 0x3fff, 0x7fff,
                                                  0x7fff, 0xffff, 0xffff};

struct ll_ruleset {
    uint64_t fs;
    uint64_t net;
    uint64_t scoped;
};

struct ll_path {
    uint64_t allowed;
    int32_t fd;
} __attribute__((packed));

struct ll_port {
    uint64_t allowed;
    uint64_t port;
};

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule       445
#define SYS_landlock_restrict_self  446
#endif

int sandbox_landlock_abi(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LL_CREATE_VERSION);
    return abi > 0 ? (int)abi : 0;
}

const char *sandbox_call_name(int number)
{
    static char name[64];
    char *got = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
    struct buf b = BUF_OVER(name);

    buf_put(&b, span_cstr(got));
    free(got);
    return b.n != 0 ? buf_cstr(&b) : NULL;
}

static void say_weak(const struct sandbox_row *row, span text)
{
    struct log_line l = log_begin(LOG_SANDBOX_WEAK, LOG_WARNING);
    log_cstr(&l, KEY_PROCESS, row->name);
    log_str(&l, KEY_TEXT, text);
    log_end(&l);
}

static bool may_call(const struct sandbox_row *row, int number)
{
    for (const struct sandbox_call *const *list = row->lists; *list != NULL; list++) {
        for (const struct sandbox_call *c = *list; c->number >= 0; c++) {
            if (c->number == number)
                return true;
        }
    }
    return false;
}

/* Landlock took its time to learn of ports: Linux 6.7. */
static void say_if_ports_are_open(const struct sandbox_row *row, int abi)
{
    if (abi < LL_NET_ABI && !row->tcp_connect && may_call(row, SYS_connect))
        say_weak(row, SPAN("the Landlock of this kernel knows no ports: TCP goes to any"));
}

/* What is taken away: everything that this version knows, granted back by rules. */
static struct ll_ruleset ruleset_of(const struct sandbox_row *row, int abi)
{
    struct ll_ruleset r = {.fs = fs_known[abi < LL_ABI_MAX ? abi : LL_ABI_MAX]};

    if (abi >= LL_NET_ABI)
        r.net = (row->tcp_bind ? 0u : LL_NET_BIND) | (row->tcp_connect ? 0u : LL_NET_CONNECT);
    if (abi >= LL_SCOPES_ABI)
        r.scoped = LL_SCOPE_ABSTRACT_SOCKET | LL_SCOPE_SIGNAL;
    return r;
}

static size_t ruleset_size(int abi)
{
    if (abi >= LL_SCOPES_ABI)
        return sizeof(struct ll_ruleset);
    return abi >= LL_NET_ABI ? offsetof(struct ll_ruleset, scoped)
                             : offsetof(struct ll_ruleset, net);
}

static bool add_path(int set, const struct sandbox_grant *g, uint64_t known)
{
    struct stat st = {0};
    struct ll_path p = {.fd = g->fd};

    p.allowed = (g->kind == SANDBOX_WRITE ? LL_WRITE_RIGHTS : LL_READ_RIGHTS) & known;
    if (fstat(g->fd, &st) == 0 && !S_ISDIR(st.st_mode))
        p.allowed &= LL_FILE_RIGHTS;
    return syscall(SYS_landlock_add_rule, set, LL_RULE_PATH, &p, 0) == 0;
}

static bool add_port(int set, const struct sandbox_grant *g, const struct ll_ruleset *r)
{
    struct ll_port p = {.allowed = LL_NET_CONNECT, .port = g->port};

    if ((r->net & LL_NET_CONNECT) == 0)
        return true;
    return syscall(SYS_landlock_add_rule, set, LL_RULE_PORT, &p, 0) == 0;
}

static enum err landlock_enter(const struct sandbox_row *row, const struct sandbox_grant *grants,
                               size_t grant_count, struct diag *d)
{
    int abi = sandbox_landlock_abi();
    struct ll_ruleset r = ruleset_of(row, abi);

    say_if_ports_are_open(row, abi);
    if (abi == 0) {
        say_weak(row, SPAN("no Landlock in this kernel: files are guarded by seccomp alone"));
        return ERR_OK;
    }
    int set = (int)syscall(SYS_landlock_create_ruleset, &r, ruleset_size(abi), 0);
    bool good = set >= 0;
    for (size_t i = 0; good && i < grant_count; i++)
        good = grants[i].kind == SANDBOX_CONNECT ? add_port(set, &grants[i], &r)
                                                 : add_path(set, &grants[i], r.fs);
    good = good && syscall(SYS_landlock_restrict_self, set, 0) == 0;
    enum err e = good ? ERR_OK : diag_set(d, ERR_DENIED, errno, "Landlock refuses its rules");
    if (set >= 0)
        close(set);
    return e;
}

/* One rule; a call that this kernel's library does not know is left out (and so is forbidden). */
static int add_call(scmp_filter_ctx filter, const struct sandbox_call *c)
{
    struct scmp_arg_cmp cmp = {
        .arg = c->arg, .op = SCMP_CMP_MASKED_EQ, .datum_a = c->mask, .datum_b = c->value};

    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, c->number, c->conditional ? 1 : 0, &cmp);
}

static int add_lists(scmp_filter_ctx filter, const struct sandbox_row *row)
{
    int e = 0;

    for (const struct sandbox_call *const *list = row->lists; e == 0 && *list != NULL; list++) {
        for (const struct sandbox_call *c = *list; e == 0 && c->number >= 0; c++)
            e = add_call(filter, c);
    }
    return e;
}

static enum err seccomp_enter(const struct sandbox_row *row, struct diag *d)
{
    if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0) {
        say_weak(row, SPAN("no seccomp in this kernel: system calls are not restricted"));
        return ERR_OK;
    }
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (filter == NULL)
        return diag_set(d, ERR_NOMEM, 0, "no memory for the system call filter");
    /* A tree instead of a line: half a dozen comparisons a call, wherever it stands. */
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    int e = add_lists(filter, row);
    if (e == 0)
        e = seccomp_load(filter);
    seccomp_release(filter);
    if (e != 0)
        return diag_set(d, ERR_DENIED, -e, "the system call filter of %s is refused", row->name);
    return ERR_OK;
}

static void set_limits(void)
{
    const struct rlimit none = {0, 0};

    setrlimit(RLIMIT_CORE, &none);
    setrlimit(RLIMIT_NPROC, &none);
}

enum err sandbox_enter(const struct sandbox_row *row, const struct sandbox_grant *grants,
                       size_t grant_count, struct diag *d)
{
    tzset(); /* libc reads the time zone at the first need of a date: before the files are gone */
    set_limits();
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return diag_set(d, ERR_DENIED, errno, "no_new_privs is refused");
    enum err e = landlock_enter(row, grants, grant_count, d);
    return e == ERR_OK ? seccomp_enter(row, d) : e;
}
