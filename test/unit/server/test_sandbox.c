/* SPDX-License-Identifier: ISC */
/* Under the real table: what each kind of process may do, and what kills it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"
#include "os/random.h"
#include "server/sandbox_table.h"

#define KILLED (-1)
#define ANY    (-2)

static char granted[] = "/tmp/herald-sandbox-XXXXXX";

static int do_open(void)
{
    return open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0 ? 0 : errno;
}

static int do_write_granted(void)
{
    int dir = open(granted, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = dir >= 0 ? openat(dir, "x", O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    return fd >= 0 && write(fd, "x", 1) == 1 && fsync(fd) == 0 ? 0 : errno;
}

static int do_socket(void)
{
    return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0 ? 0 : errno;
}

static int do_unix(void)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0 ? 0 : errno;
}

static int do_netlink(void)
{
    return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0) >= 0 ? 0 : errno;
}

static int do_exec(void)
{
    char *const argv[] = {NULL};
    execve("/bin/true", argv, argv);
    return errno;
}

static int do_fork(void)
{
    return fork() >= 0 ? 0 : errno;
}

static int do_trace(void)
{
    return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 ? 0 : errno;
}

static int do_kill(void)
{
    return kill(getppid(), 0) == 0 ? 0 : errno;
}

static int do_executable(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p != MAP_FAILED ? 0 : errno;
}

static int do_ordinary(void)
{
    void *p = malloc(4 << 20);
    int fds[1] = {fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)};
    bool ok = p != NULL && fds[0] >= 0 && os_random_u64() != 0 && clock_wall_ms() > 0;
    free(p);
    log_text(LOG_TRACE, LOG_WARNING, SPAN("a line"));
    return ok ? 0 : EIO;
}

/* TCP to a port that nobody granted, on loopback: Landlock says EACCES, else it is refused. */
static int do_connect(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return connect(fd, (const struct sockaddr *)&to, sizeof to) == 0 ? 0 : errno;
}

static const struct {
    const char *name;
    int (*act)(void);
    int expect[PROC_KIND_COUNT]; /* errno, 0: allowed, KILLED */
} table[] = {
    /*                                  smtpd  resolver  auth  queue  relay  deliver  guard */
    {"ordinary work", do_ordinary, {0, 0, 0, 0, 0, 0, 0}},
    {"open a file", do_open, {KILLED, KILLED, KILLED, EACCES, KILLED, EACCES, KILLED}},
    {"write where granted", do_write_granted, {KILLED, KILLED, KILLED, 0, KILLED, 0, KILLED}},
    {"make a socket", do_socket, {KILLED, 0, 0, KILLED, 0, KILLED, KILLED}},
    {"make a Unix socket", do_unix, {KILLED, KILLED, KILLED, KILLED, 0, KILLED, KILLED}},
    {"make a netlink socket", do_netlink, {KILLED, KILLED, KILLED, KILLED, KILLED, KILLED, KILLED}},
    {"connect", do_connect, {KILLED, EACCES, EACCES, KILLED, ECONNREFUSED, KILLED, KILLED}},
    {"execute", do_exec, {KILLED, KILLED, KILLED, KILLED, KILLED, KILLED, KILLED}},
    {"fork", do_fork, {KILLED, KILLED, KILLED, KILLED, KILLED, KILLED, KILLED}},
    {"trace", do_trace, {KILLED, KILLED, KILLED, KILLED, KILLED, KILLED, KILLED}},
    {"signal another", do_kill, {KILLED, KILLED, KILLED, KILLED, KILLED, KILLED, KILLED}},
    {"executable memory", do_executable, {KILLED, KILLED, KILLED, KILLED, KILLED, KILLED, KILLED}},
};

static void remove_written(void)
{
    int dir = open(granted, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    unlinkat(dir, "x", 0);
    close(dir);
}

/* Exit status of a process that entered the row and acted; KILLED when its sandbox killed it. */
static int act_as(unsigned kind, int (*act)(void), uid_t uid)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        int dir = open(granted, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        const struct sandbox_grant grant = {SANDBOX_WRITE, dir, 0};
        struct diag d = {0};
        log_open(open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_JSON, LOG_DEBUG);
        if (uid != geteuid() && setresuid(uid, uid, uid) != 0)
            _exit(255);
        if (sandbox_enter(&sandbox_table[kind], &grant, 1, &d) != ERR_OK)
            _exit(254);
        _exit(act());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    remove_written();
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        return KILLED;
    return WIFEXITED(status) ? WEXITSTATUS(status) : ANY;
}

static void check_all(uid_t uid)
{
    for (size_t i = 0; i < COUNT(table); i++) {
        for (unsigned kind = 0; kind < PROC_KIND_COUNT; kind++) {
            int got = act_as(kind, table[i].act, uid);
            if (got != table[i].expect[kind])
                fail_msg("%s, %s: %d instead of %d", sandbox_table[kind].name, table[i].name, got,
                         table[i].expect[kind]);
        }
    }
}

static void each_process_may_do_its_own_and_no_more(void **state)
{
    (void)state;
    check_all(geteuid());
}

static void the_same_without_root(void **state)
{
    (void)state;
    if (geteuid() == 0)
        check_all(65534);
}

static void forbidden_calls_have_names(void **state)
{
    (void)state;
    assert_string_equal(sandbox_call_name(SYS_openat), "openat");
    assert_null(sandbox_call_name(100000));
}

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(granted) != NULL && chmod(granted, 0777) == 0 ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    return rmdir(granted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_process_may_do_its_own_and_no_more),
        cmocka_unit_test(the_same_without_root),
        cmocka_unit_test(forbidden_calls_have_names),
    };
    if (sandbox_landlock_abi() < 4)
        return 77; /* the table expects Landlock to guard TCP */
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
