/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/fault.h"
#include "os/file.h"

static char path[] = "/tmp/herald-file-XXXXXX";
static int dir = -1;

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(path) == NULL || file_open_dir(AT_FDCWD, path, &dir) != ERR_OK;
}

static int tear_down(void **state)
{
    (void)state;
    unlinkat(dir, "a", 0);
    unlinkat(dir, "a.new", 0);
    unlinkat(dir, "b", 0);
    unlinkat(dir, "x/y/z", AT_REMOVEDIR);
    unlinkat(dir, "x/y", AT_REMOVEDIR);
    unlinkat(dir, "x", AT_REMOVEDIR);
    close(dir);
    return rmdir(path);
}

static void assert_content(const char *name, const char *text)
{
    struct heap_buf b;
    heap_init(&b, 1000);
    assert_int_equal(file_load(dir, name, &b), ERR_OK);
    assert_true(span_eq(heap_span(&b), span_cstr(text)));
    heap_finish(&b);
}

static void a_replaced_file_is_the_old_or_the_new(void **state)
{
    (void)state;
    assert_int_equal(file_replace(dir, "a", SPAN("old"), 0600), ERR_OK);
    fault_begin(FAULT_COUNT, 0, 0);
    assert_int_equal(file_replace(dir, "a", SPAN("old"), 0600), ERR_OK);
    unsigned calls = fault_end();
    assert_true(calls >= 6);
    static const enum fault_kind kinds[] = {FAULT_FAIL, FAULT_STOP};
    for (unsigned k = 1; k <= calls * COUNT(kinds); k++) {
        assert_int_equal(file_replace(dir, "a", SPAN("old"), 0600), ERR_OK);
        fault_begin(kinds[k % COUNT(kinds)], (k + 1) / 2, ENOSPC);
        enum err e = file_replace(dir, "a", SPAN("new"), 0600);
        assert_true(fault_happened());
        fault_end();
        struct heap_buf b;
        heap_init(&b, 1000);
        assert_int_equal(file_load(dir, "a", &b), ERR_OK);
        bool is_new = span_eq(heap_span(&b), SPAN("new"));
        assert_true(is_new || span_eq(heap_span(&b), SPAN("old")));
        if (e == ERR_OK)
            assert_true(is_new);
        heap_finish(&b);
    }
}

/* Who may read a file is the administrator's to say, and stays so; owners only root can give away.
 */
static void a_rewritten_file_keeps_owner_and_mode(void **state)
{
    uid_t owner = geteuid() == 0 ? 12345 : geteuid();
    struct stat st;

    (void)state;
    unlinkat(dir, "b", 0);
    assert_int_equal(file_rewrite(dir, "b", SPAN("old"), 0600), ERR_OK);
    assert_int_equal(fstatat(dir, "b", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(fchmodat(dir, "b", 0640, 0), 0);
    assert_int_equal(fchownat(dir, "b", owner, (gid_t)-1, 0), 0);
    assert_int_equal(file_rewrite(dir, "b", SPAN("new"), 0600), ERR_OK);
    assert_int_equal(fstatat(dir, "b", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(st.st_uid, owner);
    assert_content("b", "new");
    assert_int_equal(fchmodat(dir, "b", 0644, 0), 0);
    assert_int_equal(file_rewrite(dir, "b", SPAN("new"), 0600), ERR_OK);
    assert_int_equal(fstatat(dir, "b", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_uid, owner);
    unlinkat(dir, "b", 0);
}

static void short_writes_are_finished(void **state)
{
    int fd = -1;
    (void)state;
    assert_int_equal(file_create(dir, "b", 0600, &fd), ERR_OK);
    for (unsigned k = 1; k <= 3; k++) {
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        fault_begin(FAULT_SHORT, k, 0);
        fault_only("write");
        assert_int_equal(file_write_all(fd, SPAN("hello")), ERR_OK);
        fault_end();
        assert_content("b", "hello");
    }
    file_close(&fd);
    assert_int_equal(fd, -1);
}

static void an_interrupted_write_goes_on_and_a_full_disk_is_told(void **state)
{
    int fd = -1;
    (void)state;
    assert_int_equal(file_open_unnamed(dir, 0600, &fd), ERR_OK);
    fault_begin(FAULT_FAIL, 1, EINTR);
    assert_int_equal(file_write_all(fd, SPAN("x")), ERR_OK);
    fault_end();
    fault_begin(FAULT_FAIL, 1, ENOSPC);
    assert_int_equal(file_write_all(fd, SPAN("x")), ERR_NOSPACE);
    fault_end();
    fault_begin(FAULT_FAIL, 1, EIO);
    assert_int_equal(file_sync(fd), ERR_IO);
    assert_int_equal(fault_end(), 1);
    file_close(&fd);
}

static void an_unnamed_file_gets_its_name_once(void **state)
{
    int fd = -1;
    int again = -1;
    (void)state;
    unlinkat(dir, "b", 0);
    assert_int_equal(file_open_unnamed(dir, 0600, &fd), ERR_OK);
    assert_int_equal(file_write_all(fd, SPAN("named")), ERR_OK);
    assert_int_equal(file_link(fd, dir, "b"), ERR_OK);
    assert_int_equal(file_link(fd, dir, "b"), ERR_EXISTS);
    assert_content("b", "named");
    assert_int_equal(file_create(dir, "b", 0600, &again), ERR_EXISTS);
    file_close(&fd);
    assert_int_equal(file_remove(dir, "b"), ERR_OK);
    assert_int_equal(file_remove(dir, "b"), ERR_ABSENT);
}

static void links_are_not_followed_and_parents_are_made(void **state)
{
    int fd = -1;
    (void)state;
    assert_int_equal(symlinkat("/etc/passwd", dir, "b"), 0);
    assert_int_not_equal(file_open_read(dir, "b", &fd), ERR_OK);
    assert_int_equal(unlinkat(dir, "b", 0), 0);
    assert_int_equal(file_make_dir(dir, "x/y/z", &fd), ERR_OK);
    file_close(&fd);
    assert_int_equal(file_make_dir(dir, "x/y/z", &fd), ERR_OK);
    assert_int_equal(file_sync_dir(fd), ERR_OK);
    file_close(&fd);
}

static void reading_has_a_limit(void **state)
{
    struct heap_buf b;
    char four[4];
    int fd = -1;
    (void)state;
    assert_int_equal(file_replace(dir, "a", SPAN("12345"), 0600), ERR_OK);
    heap_init(&b, 4);
    assert_int_equal(file_load(dir, "a", &b), ERR_LIMIT);
    heap_finish(&b);
    heap_init(&b, 5);
    assert_int_equal(file_load(dir, "a", &b), ERR_OK);
    heap_finish(&b);
    assert_int_equal(file_open_read(dir, "a", &fd), ERR_OK);
    assert_int_equal(file_read_at(fd, four, 4, 1), ERR_OK);
    assert_memory_equal(four, "2345", 4);
    assert_int_equal(file_read_at(fd, four, 4, 2), ERR_CORRUPT);
    file_close(&fd);
}

static void a_lock_is_for_one(void **state)
{
    int one = -1;
    int two = -1;
    (void)state;
    assert_int_equal(file_open_dir(dir, ".", &one), ERR_OK);
    assert_int_equal(file_open_dir(dir, ".", &two), ERR_OK);
    assert_int_equal(file_lock(one, false), ERR_OK);
    assert_int_equal(file_lock(two, false), ERR_BUSY);
    file_close(&one);
    assert_int_equal(file_lock(two, false), ERR_OK);
    file_close(&two);
}

static void a_fault_can_end_the_process(void **state)
{
    int status = 0;
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        fault_begin(FAULT_EXIT, 2, 0);
        (void)!file_replace(dir, "a", SPAN("never"), 0600);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == FAULT_EXIT_STATUS);
}

static void a_heap_buf_keeps_its_maximum(void **state)
{
    struct heap_buf h;
    (void)state;
    heap_init(&h, 1000);
    for (unsigned i = 0; i < 1000; i++)
        assert_true(heap_put(&h, SPAN("x")));
    assert_false(heap_put(&h, SPAN("x")));
    assert_true(h.failed);
    heap_drop(&h, 1);
    assert_false(heap_put(&h, SPAN("x"))); /* sticky */
    heap_reset(&h);
    for (unsigned i = 0; i < 5000; i++) {
        assert_true(heap_put(&h, SPAN("abc")));
        assert_true(h.cap <= 1000);
        if (h.n > 500) {
            assert_true(span_starts(heap_span(&h), SPAN("abcabc")));
            heap_drop(&h, 498);
        }
    }
    heap_finish(&h);
    assert_null(h.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_replaced_file_is_the_old_or_the_new),
        cmocka_unit_test(a_rewritten_file_keeps_owner_and_mode),
        cmocka_unit_test(short_writes_are_finished),
        cmocka_unit_test(an_interrupted_write_goes_on_and_a_full_disk_is_told),
        cmocka_unit_test(an_unnamed_file_gets_its_name_once),
        cmocka_unit_test(links_are_not_followed_and_parents_are_made),
        cmocka_unit_test(reading_has_a_limit),
        cmocka_unit_test(a_lock_is_for_one),
        cmocka_unit_test(a_fault_can_end_the_process),
        cmocka_unit_test(a_heap_buf_keeps_its_maximum),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
