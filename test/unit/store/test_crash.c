/* SPDX-License-Identifier: ISC */
/*
 * Stop, or fail, at the k-th call for every k, and look at what a restart finds.
 *
 * LMDB calls the C library itself; its writes and syncs are led through the same table as
 * ours, by functions of this program that take the place of the library's.
 */
#include "temp.h"

#include <errno.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "os/fault.h"
#include "store/maildir.h"

/* True while the table itself calls the kernel: then no detour. */
static bool inside;

ssize_t lmdb_pwrite(int fd, const void *p, size_t n, off_t at) __asm__("pwrite");
ssize_t lmdb_pwrite(int fd, const void *p, size_t n, off_t at)
{
    return os_calls->pwrite(fd, p, n, at); /* ours is pwrite64 */
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    ssize_t sum = 0;

    for (int i = 0; i < count; i++) {
        ssize_t n = os_calls->write(fd, parts[i].iov_base, parts[i].iov_len);

        if (n < 0)
            return sum > 0 ? sum : n;
        sum += n;
        if ((size_t)n < parts[i].iov_len)
            break;
    }
    return sum;
}

int fdatasync(int fd)
{
    int rc;

    if (inside)
        return (int)syscall(SYS_fdatasync, fd);
    inside = true;
    rc = os_calls->fdatasync(fd);
    inside = false;
    return rc;
}

static const struct temp_message first = {
    .id = 1, .body = SPAN_INIT("first\r\n"), .due_q = 1000, .dest = SPAN_INIT("mx:a.test")};
static const struct temp_message filed = {
    .id = 2, .body = SPAN_INIT("filed\r\n"), .due_q = 1000, .in_file = true};
static const struct temp_message third = {.id = 3, .body = SPAN_INIT("third\r\n"), .due_q = 1000};
static const struct temp_message later = {
    .id = 3, .body = SPAN_INIT("third\r\n"), .due_q = 9000, .dest = SPAN_INIT("mx:b.test")};

/* What was answered for; a commit that failed may be there or not, but not in part. */
struct answers {
    bool put;     /* 1 and 2 in one batch */
    bool changed; /* 1 done, 3 added */
    bool moved;   /* 2 done, 3 deferred */
    bool tried_changed;
    bool tried_moved;
};

static enum err batch_put(struct store *s)
{
    enum err e = store_begin(s);

    if (e == ERR_OK)
        e = temp_put(s, &first);
    if (e == ERR_OK)
        e = temp_put(s, &filed);
    if (e == ERR_OK)
        return store_commit(s);
    store_abort(s);
    return e;
}

static enum err batch_change(struct store *s)
{
    enum err e = store_begin(s);

    if (e == ERR_OK)
        e = store_done(s, 1);
    if (e == ERR_OK)
        e = temp_put(s, &third);
    if (e == ERR_OK)
        return store_commit(s);
    store_abort(s);
    return e;
}

static enum err batch_move(struct store *s)
{
    enum err e = store_begin(s);

    if (e == ERR_OK)
        e = store_done(s, 2);
    if (e == ERR_OK)
        e = store_update(s, temp_record(&later));
    if (e == ERR_OK)
        return store_commit(s);
    store_abort(s);
    return e;
}

static struct answers work(void)
{
    struct answers a = {0};
    struct store *s;

    if (store_open(temp_path("queue"), STORE_CREATE, &s, NULL) != ERR_OK)
        return a;
    a.put = batch_put(s) == ERR_OK;
    a.tried_changed = a.put;
    if (a.put)
        a.changed = batch_change(s) == ERR_OK;
    a.tried_moved = a.changed;
    if (a.changed)
        a.moved = batch_move(s) == ERR_OK;
    store_close(s);
    return a;
}

static bool whole(struct store *s, const struct temp_message *m)
{
    span record;
    span body = m->body;
    struct record r;
    int fd = -1;

    if (store_get(s, m->id, &record) != ERR_OK)
        return false;
    assert_int_equal(record_get(record, &r), ERR_OK);
    if (m->in_file) {
        assert_int_equal(store_body_open(s, m->id, &fd), ERR_OK);
        close(fd);
    } else {
        assert_int_equal(store_body(s, m->id, &body), ERR_OK);
        assert_span_equal(body, m->body);
    }
    return true;
}

/* The rows of doc/design/queue.md: a batch is there whole or not at all, and an answered one is
 * there. */
static void judge(const struct answers *a)
{
    struct store *s = temp_open();
    struct store_report report;
    bool one, two, three;

    assert_int_equal(store_recover(s, NULL, NULL), ERR_OK);
    one = whole(s, &first);
    two = whole(s, &filed);
    three = whole(s, &third);
    if (a->put && !a->tried_changed)
        assert_true(one && two && !three);
    if (!a->put)
        assert_true(one == two && !three);
    if (a->tried_changed)
        assert_true(one != three);
    if (a->changed)
        assert_true(!one && three);
    if (a->tried_changed && !a->tried_moved)
        assert_true(two);
    if (a->moved)
        assert_true(!two && three);
    store_close(s);
    assert_int_equal(store_check(temp_path("queue"), false, &report, NULL), ERR_OK);
    assert_int_equal(report.messages, (unsigned)one + two + three);
    assert_int_equal(report.corrupt + report.body_missing + report.index_wrong + report.unreadable,
                     0);
    assert_int_equal(report.spool_orphans, 0);
}

static unsigned run(enum fault_kind kind, unsigned k, int sys)
{
    struct answers a;
    unsigned calls;

    assert_int_equal(temp_setup(NULL), 0);
    fault_begin(kind, k, sys);
    a = work();
    calls = fault_end();
    if (kind == FAULT_COUNT)
        assert_true(a.put && a.changed && a.moved);
    judge(&a);
    assert_int_equal(temp_teardown(NULL), 0);
    return calls;
}

static void every_call(enum fault_kind kind, int sys)
{
    unsigned calls = run(FAULT_COUNT, 0, 0);

    assert_true(calls > 30);
    for (unsigned k = 1; k <= calls; k++)
        (void)run(kind, k, sys);
}

static void a_stop_at_any_call_loses_nothing_answered(void **state)
{
    (void)state;
    every_call(FAULT_STOP, EIO);
}

static void an_error_at_any_call_loses_nothing_answered(void **state)
{
    (void)state;
    every_call(FAULT_FAIL, EIO);
}

static void a_full_disk_at_any_call_loses_nothing_answered(void **state)
{
    (void)state;
    every_call(FAULT_FAIL, ENOSPC);
}

static void a_short_write_at_any_call_loses_nothing_answered(void **state)
{
    (void)state;
    every_call(FAULT_SHORT, 0);
}

/* ---- Maildir: what has the verdict ERR_OK is in new/, whole; nothing else is in new/ ---- */

#define DELIVERIES 3

static unsigned deliver(enum fault_kind kind, unsigned k, int sys, unsigned *out_ok)
{
    struct maildir *m;
    enum err verdicts[DELIVERIES];
    size_t n = 0, at;
    unsigned calls;

    assert_int_equal(maildir_new("host", &m), ERR_OK);
    fault_begin(kind, k, sys);
    for (int i = 0; i < DELIVERIES; i++) {
        struct maildir_message msg = {.path = temp_path(i == 2 ? "m/b" : "m/a"),
                                      .sender = SPAN("s@x.test"),
                                      .mailbox = SPAN("a@x.test"),
                                      .body = SPAN("Subject: x\r\n\r\nbody\r\n"),
                                      .fd = -1};

        if (maildir_add(m, &msg, &at) == ERR_OK)
            n++;
    }
    maildir_finish(m, verdicts, n);
    calls = fault_end();
    *out_ok = 0;
    for (size_t i = 0; i < n; i++)
        *out_ok += verdicts[i] == ERR_OK;
    maildir_free(m);
    return calls;
}

static unsigned found_in_new;

static int count_new(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)ftw;
    if (type != FTW_F || strstr(path, "/new/") == NULL)
        return 0;
    assert_int_equal(st->st_size, strlen("Return-Path: <s@x.test>\nDelivered-To: a@x.test\n"
                                         "Subject: x\n\nbody\n"));
    found_in_new++;
    return 0;
}

static unsigned deliveries_found(void)
{
    found_in_new = 0;
    (void)nftw(temp_dir, count_new, 16, FTW_PHYS);
    return found_in_new;
}

static void deliver_at_every_call(enum fault_kind kind, int sys)
{
    unsigned ok, calls;

    assert_int_equal(temp_setup(NULL), 0);
    calls = deliver(FAULT_COUNT, 0, 0, &ok);
    assert_int_equal(ok, DELIVERIES);
    assert_int_equal(deliveries_found(), DELIVERIES);
    assert_int_equal(temp_teardown(NULL), 0);
    for (unsigned k = 1; k <= calls; k++) {
        assert_int_equal(temp_setup(NULL), 0);
        (void)deliver(kind, k, sys, &ok);
        assert_true(deliveries_found() >= ok);
        assert_int_equal(temp_teardown(NULL), 0);
    }
}

static void a_stop_at_any_call_keeps_what_was_delivered(void **state)
{
    (void)state;
    deliver_at_every_call(FAULT_STOP, EIO);
}

static void a_failure_at_any_call_keeps_what_was_delivered(void **state)
{
    (void)state;
    deliver_at_every_call(FAULT_FAIL, ENOSPC);
    deliver_at_every_call(FAULT_SHORT, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stop_at_any_call_loses_nothing_answered),
        cmocka_unit_test(an_error_at_any_call_loses_nothing_answered),
        cmocka_unit_test(a_full_disk_at_any_call_loses_nothing_answered),
        cmocka_unit_test(a_short_write_at_any_call_loses_nothing_answered),
        cmocka_unit_test(a_stop_at_any_call_keeps_what_was_delivered),
        cmocka_unit_test(a_failure_at_any_call_keeps_what_was_delivered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
