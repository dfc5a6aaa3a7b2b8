/* SPDX-License-Identifier: ISC */
/* The loop, and what sits on it: listeners, connections, addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/conn.h"
#include "net/listen.h"
#include "os/clock.h"
#include "os/log.h"

static struct loop *loop;
static char order[64];
static struct buf said;

static int set_up(void **state)
{
    (void)state;
    said = BUF_OVER(order);
    loop = loop_new();
    return loop == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    loop_free(loop);
    return 0;
}

static void assert_said(const char *text)
{
    if (!span_eq(buf_span(&said), span_cstr(text)))
        fail_msg("said %.*s instead of %s", SPAN_ARG(buf_span(&said)), text);
}

static void say(void *arg)
{
    buf_put(&said, span_cstr(arg));
}

static struct loop_task first, second, again, last;
static unsigned left;

static void defer_more(void *arg)
{
    say(arg);
    if (left-- > 0)
        loop_defer(loop, &again);
}

static void a_turn_has_its_order(void **state)
{
    static char a[] = "a", b[] = "b", c[] = "c", e[] = "e", h[] = "h";
    struct loop_hook hook;
    (void)state;
    left = 2;
    loop_add_hook(loop, &hook, say, h);
    loop_task_init(&first, say, a);
    loop_task_init(&second, say, b);
    loop_task_init(&again, defer_more, c);
    loop_task_init(&last, say, e);
    loop_defer_end(loop, &last);
    loop_defer(loop, &again);
    loop_defer(loop, &first);
    loop_defer(loop, &first); /* once */
    loop_defer(loop, &second);
    loop_task_cancel(loop, &second);
    loop_turn(loop, -1);
    assert_said("cacceh");
}

static void timers_come_in_time_and_stop(void **state)
{
    static char a[] = "a", b[] = "b", c[] = "c", d[] = "d";
    struct loop_timer t[4];
    char *words[4] = {a, b, c, d};
    (void)state;
    int64_t begun = clock_mono_ms();
    for (size_t i = 0; i < COUNT(t); i++)
        loop_timer_init(&t[i], loop, say, words[i]);
    loop_timer_set(&t[0], 300);
    loop_timer_set_common(&t[1], 20);
    loop_timer_set(&t[2], 10);
    loop_timer_at(&t[3], clock_mono_ms() + 400);
    loop_timer_stop(&t[2]);
    while (said.n < 3 && clock_mono_ms() < begun + 60000)
        loop_turn(loop, 100);
    assert_said("bad");
    assert_true(clock_mono_ms() - begun >= 399);
}

static void on_signal(void *arg, int number)
{
    (void)arg;
    buf_put_u64(&said, (uint64_t)number);
}

static void signals_come_from_the_loop(void **state)
{
    static const int signals[] = {SIGUSR1, 0};
    (void)state;
    assert_true(loop_signals(loop, signals, on_signal, NULL));
    raise(SIGUSR1);
    assert_said("");
    loop_turn(loop, 1000);
    assert_said("10");
}

static const struct {
    const char *text;
    const char *shown; /* NULL: malformed */
} texts[] = {
    {"127.0.0.1:25", "127.0.0.1:25"},
    {"[2001:db8::1]:2525", "[2001:db8::1]:2525"},
    {"[::ffff:192.0.2.1]:25", "192.0.2.1:25"},
    {"0.0.0.0:0", "0.0.0.0:0"},
    {"unix:/run/x", "unix:/run/x"},
    {"unix:", NULL},
    {"127.0.0.1", NULL},
    {"127.0.0.1:65536", NULL},
    {"127.0.0.1:-1", NULL},
    {"::1:25", NULL},
    {"[127.0.0.1]:25", NULL},
    {"localhost:25", NULL},
    {"", NULL},
    {"[]:25", NULL},
    {"[:25", NULL},
};

static void addresses_are_read_whole_or_not_at_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct net_addr a;
        struct diag d = {0};
        char mem[NET_ADDR_TEXT_BYTES];
        struct buf b = BUF_OVER(mem);
        enum err e = net_addr_parse(span_cstr(texts[i].text), &a, &d);
        if ((e == ERR_OK) != (texts[i].shown != NULL))
            fail_msg("\"%s\": %s", texts[i].text, err_text(e));
        assert_int_equal(d.set, e != ERR_OK);
        if (e != ERR_OK)
            continue;
        net_addr_put(&b, &a);
        assert_string_equal(buf_cstr(&b), texts[i].shown);
    }
}

/* A server that greets and a client that reads it. */
static struct listener listener;
static struct conn client;
static enum conn_event last_event;
static unsigned events, accepted;
static struct net_addr client_seen;

static void on_accept(void *arg, int fd, const struct net_addr *from)
{
    (void)arg;
    client_seen = *from;
    accepted++;
    assert_int_equal(write(fd, "220 hi", 6), 6);
    close(fd);
}

static void on_conn(void *arg, struct conn *c, enum conn_event ev, unsigned ready)
{
    char mem[64];
    size_t n = 0;
    (void)arg;
    (void)ready;
    events++;
    last_event = ev;
    if (ev == CONN_CONNECTED)
        conn_want(c, LOOP_READ);
    if (ev == CONN_READY) {
        if (conn_read(c, mem, sizeof mem, &n) != ERR_OK)
            conn_close(c);
        buf_put(&said, span_of(mem, n));
    }
}

static int listen_on(const char *text, struct net_addr *out_addr)
{
    int fd = -1;
    struct diag d = {0};
    assert_int_equal(net_addr_parse(span_cstr(text), out_addr, &d), ERR_OK);
    assert_int_equal(listen_open(out_addr, 0600, &fd, &d), ERR_OK);
    assert_int_equal(listen_where(fd, out_addr), ERR_OK);
    return fd;
}

static void talk(const char *text, const char *from_text)
{
    struct net_addr at;
    struct net_addr from = {0};
    int fd = listen_on(text, &at);
    const struct conn_target target = {&at, from_text != NULL ? &from : NULL, 2000};
    if (from_text != NULL)
        assert_int_equal(net_addr_parse(span_cstr(from_text), &from, NULL), ERR_OK);
    buf_reset(&said);
    assert_true(listener_start(&listener, loop, fd, on_accept, NULL));
    assert_true(conn_connect(&client, loop, &target, on_conn, NULL));
    for (unsigned i = 0; i < 50 && client.fd >= 0; i++)
        loop_turn(loop, 100);
    assert_said("220 hi");
    if (from_text != NULL)
        assert_true(span_eq(net_addr_octets(&client_seen), net_addr_octets(&from)));
    listener_stop(&listener);
    close(fd);
}

static void connections_are_made_over_each_family(void **state)
{
    (void)state;
    talk("127.0.0.1:0", NULL);
    talk("127.0.0.1:0", "127.0.0.2:0");
    talk("[::1]:0", NULL);
    talk("unix:/tmp/herald-test-socket", NULL);
    talk("unix:/tmp/herald-test-socket", NULL); /* the stale one is replaced */
    unlink("/tmp/herald-test-socket");
}

static void a_unix_socket_has_the_permissions_that_were_asked_for(void **state)
{
    static const mode_t masks[] = {0, 022, 077, 0777};
    static const mode_t modes[] = {0600, 0660, 0666};
    const char *path = "/tmp/herald-test-mode";
    mode_t before = umask(0);
    struct net_addr at;
    struct stat st;
    int fd = -1;

    (void)state;
    assert_int_equal(net_addr_parse(SPAN("unix:/tmp/herald-test-mode"), &at, NULL), ERR_OK);
    for (size_t i = 0; i < COUNT(masks) * COUNT(modes); i++) {
        umask(masks[i / COUNT(modes)]);
        assert_int_equal(listen_open(&at, modes[i % COUNT(modes)], &fd, NULL), ERR_OK);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, modes[i % COUNT(modes)]);
        assert_int_equal(umask(0), masks[i / COUNT(modes)]);
        close(fd);
    }
    umask(before);
    unlink(path);
}

static void a_refused_connection_is_told_from_the_loop(void **state)
{
    struct net_addr at;
    int fd = listen_on("127.0.0.1:0", &at);
    const struct conn_target target = {&at, NULL, 2000};
    (void)state;
    close(fd);
    events = 0;
    if (conn_connect(&client, loop, &target, on_conn, NULL)) {
        assert_int_equal(events, 0);
        loop_turn(loop, 1000);
        assert_int_equal(last_event, CONN_REFUSED);
        conn_close(&client);
    }
    assert_int_equal(client.error, ECONNREFUSED);
}

static void a_deadline_passes(void **state)
{
    int fds[2];
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    assert_true(conn_accept(&client, loop, fds[0], on_conn, NULL));
    conn_timeout(&client, 20);
    events = 0;
    loop_turn(loop, 1000);
    assert_int_equal(events, 1);
    assert_int_equal(last_event, CONN_TIMEOUT);
    conn_close(&client);
    conn_close(&client);
    close(fds[1]);
}

/* No descriptor left: accepting waits, does not spin, and goes on when there is one again. */
static void accepting_survives_a_lack_of_descriptors(void **state)
{
    struct net_addr at;
    struct rlimit old;
    int fd = listen_on("127.0.0.1:0", &at);
    int caller = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)state;
    accepted = 0;
    assert_true(listener_start(&listener, loop, fd, on_accept, NULL));
    assert_int_equal(connect(caller, &at.u.any, at.len), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    struct rlimit none = {3, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    for (unsigned i = 0; i < 3; i++)
        loop_turn(loop, 20);
    assert_int_equal(accepted, 0);
    assert_true(listener.failing);
    assert_int_equal(listener.io.want, 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    for (unsigned i = 0; i < 50 && accepted == 0; i++)
        loop_turn(loop, 20);
    assert_int_equal(accepted, 1);
    listener_stop(&listener);
    close(caller);
    close(fd);
}

static void note_timer(void *arg)
{
    char **at = arg;
    *(*at)++ = 'x';
}

static void timers_go_by_the_clock_of_a_test(void **state)
{
    char room[8] = "";
    char *at = room;
    struct loop_timer sooner;
    struct loop_timer later;
    struct loop_timer never;
    (void)state;
    clock_set(1000, 0);
    loop_use_clock(loop);
    loop_timer_init(&sooner, loop, note_timer, &at);
    loop_timer_init(&later, loop, note_timer, &at);
    loop_timer_init(&never, loop, note_timer, &at);
    loop_timer_set(&later, 60000);
    loop_timer_set_common(&sooner, 30000);
    loop_timer_at(&never, 1000 + 40000);
    assert_int_equal(loop_next_due_ms(loop), 31000);
    clock_advance(29999);
    loop_turn(loop, 0);
    assert_int_equal(at - room, 0);
    clock_advance(1);
    loop_turn(loop, 0);
    assert_int_equal(at - room, 1);
    loop_timer_stop(&never);
    clock_advance(100000);
    loop_turn(loop, 5);
    assert_int_equal(at - room, 2);
    assert_int_equal(loop_next_due_ms(loop), INT64_MAX);
    clock_unset();
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(a_turn_has_its_order),
        WITH(timers_come_in_time_and_stop),
        WITH(timers_go_by_the_clock_of_a_test),
        WITH(signals_come_from_the_loop),
        cmocka_unit_test(addresses_are_read_whole_or_not_at_all),
        WITH(connections_are_made_over_each_family),
        WITH(a_unix_socket_has_the_permissions_that_were_asked_for),
        WITH(a_refused_connection_is_told_from_the_loop),
        WITH(a_deadline_passes),
        WITH(accepting_survives_a_lack_of_descriptors),
    };
    log_open(open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_JSON, LOG_DEBUG);
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
