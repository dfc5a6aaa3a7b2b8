/* SPDX-License-Identifier: ISC */
/* The supervisor with toy children: restart, drain, reload, sandbox, user, and dying together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "net/listen.h"
#include "os/clock.h"
#include "os/log.h"
#include "toy.h"

#define NOBODY      65534
#define PATIENCE_MS 60000

/* Shared with the supervisor's process: which configuration the next load finds. */
static char config_path[] = "/tmp/herald-toy-XXXXXX";
static const char *log_path = "/dev/null"; /* or the first argument: to see what happens */
static char config_text[64];
static char address[64];
static struct net_addr server_addr;
static pid_t server_pid;

static bool load(void *arg, struct supervisor_plan *plan, struct diag *d)
{
    int fd = open(config_path, O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, config_text, sizeof config_text - 1);
    (void)arg;
    close(fd);
    config_text[n > 0 ? n : 0] = '\0';
    if (strcmp(config_text, "bad") == 0) {
        diag_set(d, ERR_CONF, 0, "the word \"bad\" is no configuration");
        return false;
    }
    plan->config = strdup(config_text);
    plan->specs = toy_specs;
    plan->kind_count = TOY_KINDS;
    plan->listens[0].name = "toy";
    plan->listens[0].address = address;
    plan->listens[0].kind = TOY_FRONT;
    plan->listen_count = 1;
    plan->drain_ms = 2000;
    plan->user = (struct user){geteuid() == 0, NOBODY, NOBODY};
    return true;
}

static void unload(void *arg, const void *config)
{
    (void)arg;
    free((void *)(uintptr_t)config);
}

static void put_config(const char *text)
{
    int fd = open(config_path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void nap(void)
{
    usleep(5000);
}

/* What the server answers to a line; empty when the connection broke. */
static span say(const char *line)
{
    static char answer[64];
    size_t n = 0;
    ssize_t got = 0;
    const struct timeval patience = {PATIENCE_MS / 1000, 0};
    int fd = socket(server_addr.u.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, &server_addr.u.any, server_addr.len) == 0 &&
        send(fd, line, strlen(line), MSG_NOSIGNAL) > 0) {
        while (n < sizeof answer && (got = read(fd, answer + n, sizeof answer - n)) > 0)
            n += (size_t)got;
    }
    close(fd);
    return span_of(answer, n);
}

static pid_t pid_of(span text)
{
    uint64_t n = 0;
    return num_parse_u64(text, INT32_MAX, &n) ? (pid_t)n : 0;
}

/* Ask until an answer comes that is a process id and not this one. */
static pid_t other_pid(const char *line, pid_t than)
{
    int64_t end = clock_mono_ms() + PATIENCE_MS;
    pid_t pid = 0;
    while (((pid = pid_of(say(line))) == 0 || pid == than) && clock_mono_ms() < end)
        nap();
    assert_true(pid != 0 && pid != than);
    return pid;
}

/* Of an address of its own: nobody else takes the port before it is opened again. */
static void choose_port(void)
{
    struct net_addr any;
    struct buf b = buf_over(address, sizeof address - 1);
    int fd = -1;
    assert_int_equal(net_addr_parse(SPAN("127.83.86.1:0"), &any, NULL), ERR_OK);
    assert_int_equal(listen_open(&any, 0600, &fd, NULL), ERR_OK);
    assert_int_equal(listen_where(fd, &server_addr), ERR_OK);
    close(fd);
    net_addr_put(&b, &server_addr);
    address[b.n] = '\0';
}

static int start_as(uid_t uid)
{
    static const struct supervisor_conf conf = {.load = load, .unload = unload};
    put_config("first");
    assert_int_equal(chmod(config_path, 0644), 0);
    choose_port();
    server_pid = fork();
    if (server_pid == 0) {
        if (uid != geteuid() && setresuid(uid, uid, uid) != 0)
            _exit(99);
        log_open(open(log_path, O_WRONLY | O_CREAT | O_APPEND, 0666), LOG_JSON, LOG_DEBUG);
        exit(supervisor_run(&conf));
    }
    (void)other_pid("pid", 0);
    return 0;
}

static int start(void **state)
{
    (void)state;
    return start_as(geteuid());
}

static int start_unprivileged(void **state)
{
    (void)state;
    return start_as(geteuid() == 0 ? NOBODY : geteuid());
}

static int await_end(void)
{
    int status = -1;
    int64_t end = clock_mono_ms() + PATIENCE_MS;
    pid_t got = 0;
    while ((got = waitpid(server_pid, &status, WNOHANG)) == 0 && clock_mono_ms() < end)
        nap();
    assert_int_equal(got, server_pid);
    server_pid = 0;
    return status;
}

static int stop(void **state)
{
    (void)state;
    if (server_pid != 0) {
        kill(server_pid, SIGTERM);
        int status = await_end();
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    return 0;
}

static bool is_gone(pid_t pid)
{
    int64_t end = clock_mono_ms() + PATIENCE_MS;
    while (kill(pid, 0) == 0 && clock_mono_ms() < end) {
        waitpid(pid, NULL, WNOHANG);
        nap();
    }
    return kill(pid, 0) != 0 && errno == ESRCH;
}

static void a_killed_peer_is_replaced_and_joined_again(void **state)
{
    (void)state;
    pid_t first = other_pid("ask 1", 0);
    pid_t other = other_pid("ask 0", first);
    kill(first, SIGKILL);
    pid_t second = other_pid("ask 1", first);
    assert_int_not_equal(second, other);
    assert_int_equal(pid_of(say("ask 0")), other);
}

static void a_killed_asker_is_replaced_and_joined_again(void **state)
{
    (void)state;
    pid_t back = other_pid("ask 0", 0);
    pid_t first = other_pid("pid", 0);
    kill(first, SIGKILL);
    (void)other_pid("pid", first);
    assert_int_equal(other_pid("ask 0", 0), back);
}

static void a_second_death_waits_a_second(void **state)
{
    (void)state;
    pid_t first = other_pid("ask 1", 0);
    kill(first, SIGKILL);
    pid_t second = other_pid("ask 1", first);
    int64_t begun = clock_mono_ms();
    kill(second, SIGKILL);
    (void)other_pid("ask 1", second);
    assert_true(clock_mono_ms() - begun >= SUPERVISOR_BACKOFF_FIRST_MS - 50);
}

static void a_forbidden_call_kills_the_process_and_not_the_server(void **state)
{
    (void)state;
    pid_t first = other_pid("pid", 0);
    assert_int_equal(say("open").n, 0);
    assert_int_not_equal(other_pid("pid", first), first);
}

static void root_is_dropped(void **state)
{
    (void)state;
    uint64_t uid = 0;
    (void)other_pid("pid", 0);
    assert_true(num_parse_u64(say("uid"), UINT32_MAX, &uid));
    assert_int_equal(uid, geteuid() == 0 ? NOBODY : geteuid());
}

static void the_end_waits_for_work_under_way(void **state)
{
    (void)state;
    char said[8] = "";
    int fd = socket(server_addr.u.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)other_pid("pid", 0);
    assert_int_equal(connect(fd, &server_addr.u.any, server_addr.len), 0);
    assert_int_equal(write(fd, "slow", 4), 4);
    assert_int_equal(read(fd, said, 1), 1); /* it is at work */
    kill(server_pid, SIGTERM);
    assert_int_equal(recv(fd, said + 1, 4, MSG_WAITALL), 3);
    assert_string_equal(said, "slow");
    close(fd);
    int status = await_end();
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(say("pid").n, 0);
}

static void children_die_with_a_killed_supervisor(void **state)
{
    (void)state;
    pid_t front = other_pid("pid", 0);
    pid_t back = other_pid("ask 0", 0);
    kill(server_pid, SIGKILL);
    (void)await_end();
    assert_true(is_gone(front));
    assert_true(is_gone(back));
}

static void await_config(const char *text)
{
    int64_t end = clock_mono_ms() + PATIENCE_MS;
    bool heard = span_eq(say("conf"), span_cstr(text));
    /* Asked once more, an old front that still drains could be the one to answer. */
    while (!heard && clock_mono_ms() < end) {
        nap();
        heard = span_eq(say("conf"), span_cstr(text));
    }
    assert_true(heard);
}

static void a_good_configuration_replaces_all_children(void **state)
{
    (void)state;
    pid_t front = other_pid("pid", 0);
    pid_t back = other_pid("ask 0", 0);
    put_config("second");
    kill(server_pid, SIGHUP);
    await_config("second");
    assert_int_not_equal(other_pid("ask 0", back), back);
    assert_true(is_gone(front));
    assert_true(is_gone(back));
}

static void no_connection_is_refused_during_a_reload(void **state)
{
    (void)state;
    put_config("third");
    for (unsigned i = 0; i < 200; i++) {
        if (i == 20)
            kill(server_pid, SIGHUP);
        /* An answer or a connection closed by the old front, but never a refusal. */
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(fd, &server_addr.u.any, server_addr.len), 0);
        close(fd);
    }
    await_config("third");
}

static void a_bad_configuration_changes_nothing(void **state)
{
    (void)state;
    pid_t front = other_pid("pid", 0);
    put_config("bad");
    kill(server_pid, SIGHUP);
    usleep(200000);
    assert_int_equal(pid_of(say("pid")), front);
    assert_true(span_eq(say("conf"), SPAN("first")));
}

static void a_bad_configuration_at_the_start_ends_with_78(void **state)
{
    static const struct supervisor_conf conf = {.load = load, .unload = unload};
    int status = 0;
    (void)state;
    put_config("bad");
    pid_t pid = fork();
    if (pid == 0) {
        log_open(open(log_path, O_WRONLY | O_CREAT | O_APPEND, 0666), LOG_JSON, LOG_DEBUG);
        exit(supervisor_run(&conf));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 78);
}

#define WITH(test)         cmocka_unit_test_setup_teardown(test, start, stop)
#define UNPRIVILEGED(test) cmocka_unit_test_setup_teardown(test, start_unprivileged, stop)

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(config_path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(config_path);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        WITH(a_killed_peer_is_replaced_and_joined_again),
        WITH(a_killed_asker_is_replaced_and_joined_again),
        WITH(a_second_death_waits_a_second),
        WITH(a_forbidden_call_kills_the_process_and_not_the_server),
        WITH(root_is_dropped),
        WITH(the_end_waits_for_work_under_way),
        WITH(children_die_with_a_killed_supervisor),
        WITH(a_good_configuration_replaces_all_children),
        WITH(no_connection_is_refused_during_a_reload),
        WITH(a_bad_configuration_changes_nothing),
        cmocka_unit_test(a_bad_configuration_at_the_start_ends_with_78),
        UNPRIVILEGED(root_is_dropped),
        UNPRIVILEGED(a_killed_peer_is_replaced_and_joined_again),
        UNPRIVILEGED(a_forbidden_call_kills_the_process_and_not_the_server),
    };
    signal(SIGPIPE, SIG_IGN);
    if (argc > 1)
        log_path = argv[1];
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
