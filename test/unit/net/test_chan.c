/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/pack.h"
#include "net/chan.h"
#include "os/clock.h"
#include "os/log.h"

enum { SMALL = 1, LARGE = 2, WITH_FD = 3, TYPES = 4 };

#define LARGE_MAX 400000
#define FLAG_FD   1

static const struct chan_type types[TYPES] = {
    [SMALL] = {"small", 16, false},
    [LARGE] = {"large", LARGE_MAX, false},
    [WITH_FD] = {"with fd", 16, true},
};

/* What a receiving end saw; text is "type:tag:length " for each frame. */
static struct {
    struct heap_buf text;
    struct heap_buf bodies;
    unsigned frames;
    unsigned fds;
    unsigned rooms;
    int end; /* -1: not ended */
    bool close_in_frame;
} seen;

static struct loop *loop;
static struct chan in;
static struct chan out;

static int send_fails; /* 0, or the errno of the next sendmsg */

/* In libc's place. */
ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
    int sys = send_fails;

    send_fails = 0;
    if (sys == 0)
        return syscall(SYS_sendmsg, fd, m, flags);
    errno = sys;
    return -1;
}

static void on_frame(void *arg, struct chan *c, struct chan_frame *f)
{
    char text[64];
    struct buf b = BUF_OVER(text);
    (void)arg;
    buf_printf(&b, "%u:%u:%zu ", (unsigned)f->type, (unsigned)f->tag, f->body.n);
    assert_true(heap_put(&seen.text, buf_span(&b)));
    assert_true(heap_put(&seen.bodies, f->body));
    seen.frames++;
    seen.fds += f->fd >= 0;
    if (seen.close_in_frame)
        chan_close(c);
}

static void on_closed(void *arg, struct chan *c, enum chan_end why)
{
    (void)arg;
    assert_false(chan_is_open(c));
    seen.end = (int)why;
}

static void on_room(void *arg, struct chan *c)
{
    (void)arg;
    (void)c;
    seen.rooms++;
}

static void ignore(void *arg, struct chan *c, struct chan_frame *f)
{
    (void)arg;
    (void)c;
    (void)f;
}

static unsigned open_fds(void)
{
    unsigned n = 0;
    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static int null_fd(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void receive_on(int fd)
{
    const struct chan_conf conf = {"test", types, TYPES, on_frame, on_closed, NULL, NULL, false};
    assert_int_equal(chan_open(&in, loop, fd, &conf), ERR_OK);
}

static void send_on(int fd)
{
    const struct chan_conf conf = {"test", types, TYPES, ignore, NULL, on_room, NULL, false};
    assert_int_equal(chan_open(&out, loop, fd, &conf), ERR_OK);
}

static void pair(int fds[2])
{
    assert_int_equal(chan_pair(fds), ERR_OK);
}

static void put(enum err expect, uint16_t type, uint32_t tag, span body, int fd)
{
    assert_int_equal(chan_send(&out, type, tag, SPAN_NONE, body, fd), expect);
}

static void turns(unsigned n)
{
    while (n-- > 0)
        loop_turn(loop, 0);
}

static int set_up(void **state)
{
    (void)state;
    loop = loop_new();
    memset(&seen, 0, sizeof seen);
    seen.end = -1;
    heap_init(&seen.text, 1 << 20);
    heap_init(&seen.bodies, 64 << 20);
    return loop == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    chan_close(&in);
    chan_close(&out);
    heap_finish(&seen.text);
    heap_finish(&seen.bodies);
    loop_free(loop);
    return 0;
}

static void assert_seen(const char *text)
{
    span got = heap_span(&seen.text);
    if (!span_eq(got, span_cstr(text)))
        fail_msg("seen \"%.*s\" instead of \"%s\"", SPAN_ARG(got), text);
}

static void raw_frame(struct buf *b, uint32_t length, uint16_t type, uint16_t flags)
{
    pack_u32(b, length);
    pack_u16(b, type);
    pack_u16(b, flags);
    pack_u32(b, 7);
}

static void write_raw(int fd, span s)
{
    if (s.n != 0)
        assert_int_equal(write(fd, s.p, s.n), s.n);
}

static void frames_come_in_order_with_their_bodies(void **state)
{
    int fds[2];
    (void)state;
    pair(fds);
    receive_on(fds[0]);
    send_on(fds[1]);
    assert_int_equal(chan_send(&out, SMALL, 1, SPAN("he"), SPAN("ad"), -1), ERR_OK);
    put(ERR_OK, SMALL, 2, SPAN_NONE, -1);
    put(ERR_OK, LARGE, 3, SPAN("x"), -1);
    turns(3);
    assert_seen("1:1:4 1:2:0 2:3:1 ");
    assert_true(span_eq(heap_span(&seen.bodies), SPAN("headx")));
}

static void a_split_at_any_octet_changes_nothing(void **state)
{
    char mem[64];
    struct buf b = BUF_OVER(mem);
    unsigned before = open_fds();
    (void)state;
    raw_frame(&b, 5, SMALL, 0);
    buf_put(&b, SPAN("hello"));
    raw_frame(&b, 3, LARGE, 0);
    buf_put(&b, SPAN("xyz"));
    for (size_t at = 0; at <= b.n; at++) {
        int fds[2];
        pair(fds);
        receive_on(fds[0]);
        heap_reset(&seen.text);
        heap_reset(&seen.bodies);
        write_raw(fds[1], span_of(mem, at));
        turns(2);
        write_raw(fds[1], span_of(mem + at, b.n - at));
        turns(2);
        assert_seen("1:7:5 2:7:3 ");
        assert_true(span_eq(heap_span(&seen.bodies), SPAN("helloxyz")));
        chan_close(&in);
        close(fds[1]);
    }
    assert_int_equal(open_fds(), before);
}

static void octet_by_octet_is_the_same(void **state)
{
    char mem[64];
    struct buf b = BUF_OVER(mem);
    int fds[2];
    (void)state;
    raw_frame(&b, 5, SMALL, 0);
    buf_put(&b, SPAN("hello"));
    raw_frame(&b, 0, SMALL, 0);
    pair(fds);
    receive_on(fds[0]);
    for (size_t i = 0; i < b.n; i++) {
        write_raw(fds[1], span_of(mem + i, 1));
        turns(1);
    }
    assert_seen("1:7:5 1:7:0 ");
    close(fds[1]);
}

static void descriptors_travel_with_their_frames(void **state)
{
    int fds[2];
    unsigned before = open_fds();
    (void)state;
    pair(fds);
    receive_on(fds[0]);
    send_on(fds[1]);
    for (unsigned i = 0; i < 20; i++) {
        put(ERR_OK, SMALL, i, SPAN("a"), -1);
        put(ERR_OK, WITH_FD, i, SPAN("b"), null_fd());
    }
    turns(60);
    assert_int_equal(seen.frames, 40);
    assert_int_equal(seen.fds, 20);
    assert_int_equal(seen.end, -1);
    chan_close(&in);
    chan_close(&out);
    assert_int_equal(open_fds(), before);
}

static void what_the_kernel_cannot_take_now_goes_later(void **state)
{
    static const int passing[] = {EAGAIN, EINTR, ENOBUFS, ENOMEM, ETOOMANYREFS};
    int fds[2];

    (void)state;
    pair(fds);
    receive_on(fds[0]);
    send_on(fds[1]);
    for (size_t i = 0; i < COUNT(passing); i++) {
        put(ERR_OK, WITH_FD, 7, SPAN("x"), null_fd());
        send_fails = passing[i];
        turns(4);
        assert_int_equal(send_fails, 0);
        assert_int_equal(seen.frames, i + 1);
        assert_int_equal(seen.fds, i + 1);
    }
}

static void queued_descriptors_are_closed_with_the_channel(void **state)
{
    int fds[2];
    unsigned before = open_fds();
    (void)state;
    pair(fds);
    send_on(fds[1]);
    for (unsigned i = 0; i < CHAN_FDS_MAX; i++)
        put(ERR_OK, WITH_FD, i, SPAN_NONE, null_fd());
    put(ERR_LIMIT, WITH_FD, 0, SPAN_NONE, null_fd());
    chan_close(&out);
    put(ERR_CLOSED, WITH_FD, 0, SPAN_NONE, null_fd());
    close(fds[0]);
    assert_int_equal(open_fds(), before);
}

static const struct {
    const char *name;
    uint32_t length;
    uint16_t type;
    uint16_t flags;
} bad[] = {
    {"too long", 17, SMALL, 0},
    {"far too long", UINT32_MAX, LARGE, 0},
    {"no such type", 0, 0, 0},
    {"type beyond the table", 0, TYPES, 0},
    {"unknown flag", 0, SMALL, 2},
    {"descriptor where none belongs", 0, SMALL, FLAG_FD},
    {"descriptor that is missing", 0, WITH_FD, FLAG_FD},
};

static void a_malformed_frame_closes_the_channel(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        char mem[64];
        struct buf b = BUF_OVER(mem);
        int fds[2];
        raw_frame(&b, 0, SMALL, 0);
        raw_frame(&b, bad[i].length, bad[i].type, bad[i].flags);
        raw_frame(&b, 0, SMALL, 0);
        pair(fds);
        seen.end = -1;
        heap_reset(&seen.text);
        receive_on(fds[0]);
        write_raw(fds[1], buf_span(&b));
        turns(2);
        if (seen.end != CHAN_MALFORMED)
            fail_msg("%s: ended %d", bad[i].name, seen.end);
        assert_seen("1:7:0 ");
        close(fds[1]);
    }
}

/* Send s with `count` descriptors that no frame announces. */
static void send_with_fds(int fd, span s, size_t count)
{
    const int sent[8] = {2, 2, 2, 2, 2, 2, 2, 2};
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof sent)];
    } control;
    struct iovec part = {(void *)(uintptr_t)s.p, s.n};
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room};
    memset(&control, 0, sizeof control);
    m.msg_controllen = CMSG_SPACE(count * sizeof(int));
    control.align.cmsg_len = CMSG_LEN(count * sizeof(int));
    control.align.cmsg_level = SOL_SOCKET;
    control.align.cmsg_type = SCM_RIGHTS;
    memcpy(CMSG_DATA(&control.align), sent, count * sizeof(int));
    assert_int_equal(sendmsg(fd, &m, 0), s.n);
}

static void descriptors_without_a_frame_close_the_channel(void **state)
{
    unsigned before = open_fds();
    (void)state;
    for (size_t count = 1; count <= 8; count++) {
        char mem[64];
        struct buf b = BUF_OVER(mem);
        int fds[2];
        raw_frame(&b, 0, SMALL, 0);
        pair(fds);
        seen.end = -1;
        receive_on(fds[0]);
        send_with_fds(fds[1], buf_span(&b), count);
        turns(2);
        assert_int_equal(seen.end, CHAN_MALFORMED);
        close(fds[1]);
    }
    assert_int_equal(open_fds(), before);
}

static void half_a_frame_and_then_death(void **state)
{
    char mem[64];
    struct buf b = BUF_OVER(mem);
    int fds[2];
    (void)state;
    raw_frame(&b, 0, SMALL, 0);
    raw_frame(&b, 9, SMALL, 0);
    pair(fds);
    receive_on(fds[0]);
    write_raw(fds[1], buf_span(&b));
    close(fds[1]);
    turns(3);
    assert_seen("1:7:0 ");
    assert_int_equal(seen.end, CHAN_PEER_GONE);
}

static void closing_inside_the_callback_is_safe(void **state)
{
    int fds[2];
    (void)state;
    pair(fds);
    seen.close_in_frame = true;
    receive_on(fds[0]);
    send_on(fds[1]);
    for (unsigned i = 0; i < 3; i++)
        put(ERR_OK, SMALL, i, SPAN("abc"), -1);
    turns(3);
    assert_int_equal(seen.frames, 1);
    assert_int_equal(seen.end, -1);
}

static void sending_to_the_dead_ends_the_channel(void **state)
{
    int fds[2];
    (void)state;
    pair(fds);
    send_on(fds[1]);
    close(fds[0]);
    put(ERR_OK, SMALL, 1, SPAN("abc"), -1);
    turns(3);
    assert_false(chan_is_open(&out));
}

static void a_slow_reader_is_told_of_and_gets_everything(void **state)
{
    static char body[LARGE_MAX];
    unsigned sent = 0;
    int fds[2];
    (void)state;
    pair(fds);
    receive_on(fds[0]);
    chan_hold(&in, true);
    send_on(fds[1]);
    while (!chan_is_full(&out)) {
        memset(body, (char)sent, sizeof body);
        put(ERR_OK, LARGE, sent++, span_of(body, sizeof body), -1);
    }
    turns(5);
    assert_int_equal(seen.frames, 0);
    assert_int_equal(seen.rooms, 0);
    chan_hold(&in, false);
    turns(2000);
    assert_int_equal(seen.frames, sent);
    assert_int_equal(seen.rooms, 1);
    assert_false(chan_is_full(&out));
    span all = heap_span(&seen.bodies);
    assert_int_equal(all.n, sent * sizeof body);
    for (unsigned i = 0; i < sent; i++)
        assert_int_equal((unsigned char)all.p[i * sizeof body + sizeof body / 2], i);
}

static void a_queue_has_an_end(void **state)
{
    static char body[LARGE_MAX];
    enum err e = ERR_OK;
    int fds[2];
    (void)state;
    pair(fds);
    send_on(fds[1]);
    for (unsigned i = 0; e == ERR_OK && i < 1000; i++)
        e = chan_send(&out, LARGE, i, SPAN_NONE, span_of(body, sizeof body), -1);
    assert_int_equal(e, ERR_LIMIT);
    assert_true(chan_queued(&out) <= CHAN_QUEUE_BYTES);
    put(ERR_OK, SMALL, 0, SPAN("a"), -1);
    close(fds[0]);
}

#define FAST_COUNT 20000u

NORETURN static void send_fast(int fd)
{
    static char body[10240];
    unsigned sent = 0;
    loop = loop_new();
    send_on(fd);
    while (sent < FAST_COUNT || chan_queued(&out) != 0) {
        while (sent < FAST_COUNT && !chan_is_full(&out)) {
            put(ERR_OK, LARGE, sent, span_of(body, sizeof body), -1);
            sent++;
        }
        loop_turn(loop, 10);
    }
    _exit(0);
}

/* Between two processes: how many 10 KB frames a second. Printed; only a standstill fails. */
static void frames_are_fast(void **state)
{
    int fds[2];
    (void)state;
    pair(fds);
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[0]);
        send_fast(fds[1]);
    }
    close(fds[1]);
    receive_on(fds[0]);
    int64_t begun = clock_mono_ms();
    while (seen.end < 0) {
        heap_reset(&seen.text);
        heap_reset(&seen.bodies);
        loop_turn(loop, 100);
    }
    int64_t took = clock_mono_ms() - begun + 1;
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(seen.frames, FAST_COUNT);
    print_message("%lld frames of 10 KB a second\n", (long long)FAST_COUNT * 1000 / took);
    assert_true(took < 20000);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(frames_come_in_order_with_their_bodies),
        WITH(a_split_at_any_octet_changes_nothing),
        WITH(octet_by_octet_is_the_same),
        WITH(descriptors_travel_with_their_frames),
        WITH(what_the_kernel_cannot_take_now_goes_later),
        WITH(queued_descriptors_are_closed_with_the_channel),
        WITH(a_malformed_frame_closes_the_channel),
        WITH(descriptors_without_a_frame_close_the_channel),
        WITH(half_a_frame_and_then_death),
        WITH(closing_inside_the_callback_is_safe),
        WITH(sending_to_the_dead_ends_the_channel),
        WITH(a_slow_reader_is_told_of_and_gets_everything),
        WITH(a_queue_has_an_end),
        WITH(frames_are_fast),
    };
    log_open(open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_JSON, LOG_DEBUG);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
