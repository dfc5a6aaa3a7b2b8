/* SPDX-License-Identifier: ISC */
#include "temp.h"

#include <sys/wait.h>

#include "os/clock.h"
#include "os/file.h"

static const struct temp_message small = {
    .id = 100, .body = SPAN_INIT("Subject: x\r\n\r\nhi\r\n"), .due_q = 1000};
static const struct temp_message large = {
    .id = 200, .body = SPAN_INIT("a body in a file\r\n"), .due_q = 1000, .in_file = true};

static void what_is_put_is_there_after_a_restart(void **state)
{
    struct store *s = temp_open();
    span record, body;
    char octets[64];
    int fd = -1;

    (void)state;
    assert_int_equal(temp_put_now(s, &small), ERR_OK);
    assert_int_equal(temp_put_now(s, &large), ERR_OK);
    store_close(s);
    s = temp_open();
    assert_int_equal(store_get(s, 100, &record), ERR_OK);
    assert_span_equal(record, temp_record(&small));
    assert_int_equal(store_body(s, 100, &body), ERR_OK);
    assert_span_equal(body, small.body);
    assert_int_equal(store_body(s, 200, &body), ERR_ABSENT);
    assert_int_equal(store_body_open(s, 200, &fd), ERR_OK);
    assert_int_equal(file_read_at(fd, octets, large.body.n, 0), ERR_OK);
    assert_span_equal(span_of(octets, large.body.n), large.body);
    file_close(&fd);
    assert_int_equal(temp_count(s), 2);
    store_close(s);
}

static void an_id_is_taken_once(void **state)
{
    struct store *s = temp_open();

    (void)state;
    assert_int_equal(store_begin(s), ERR_OK);
    assert_int_equal(temp_put(s, &small), ERR_OK);
    assert_int_equal(temp_put(s, &small), ERR_EXISTS);
    assert_int_equal(temp_put(s, &large), ERR_OK);
    assert_int_equal(temp_put(s, &large), ERR_EXISTS);
    /* The batch goes on. */
    assert_int_equal(store_commit(s), ERR_OK);
    assert_int_equal(temp_count(s), 2);
    store_close(s);
}

static bool spool_has(uint64_t id)
{
    char path[64];

    snprintf(path, sizeof(path), "queue/spool/%02x/%s", (unsigned)(id & 255), num_id_text(id).text);
    return access(temp_path(path), F_OK) == 0;
}

static void what_is_aborted_never_was(void **state)
{
    struct store *s = temp_open();

    (void)state;
    assert_int_equal(store_begin(s), ERR_OK);
    assert_int_equal(temp_put(s, &small), ERR_OK);
    assert_int_equal(temp_put(s, &large), ERR_OK);
    assert_true(spool_has(200));
    store_abort(s);
    assert_false(spool_has(200));
    assert_int_equal(temp_count(s), 0);
    store_close(s);
}

static void what_is_done_is_gone_with_its_file(void **state)
{
    struct store *s = temp_open();
    struct store_due at = {INT64_MIN, 0}, due[4];
    size_t n;

    (void)state;
    assert_int_equal(temp_put_now(s, &small), ERR_OK);
    assert_int_equal(temp_put_now(s, &large), ERR_OK);
    assert_int_equal(store_begin(s), ERR_OK);
    assert_int_equal(store_done(s, 100), ERR_OK);
    assert_int_equal(store_done(s, 200), ERR_OK);
    assert_int_equal(store_done(s, 300), ERR_ABSENT);
    assert_true(spool_has(200));
    assert_int_equal(store_commit(s), ERR_OK);
    assert_false(spool_has(200));
    assert_int_equal(temp_count(s), 0);
    assert_int_equal(store_due_next(s, &at, INT64_MAX, 4, due, &n), ERR_OK);
    assert_int_equal(n, 0);
    store_close(s);
}

/* Pages of a batch that ended up free are never written: the file is shorter than it says. */
static void a_file_that_ends_in_free_pages_is_whole(void **state)
{
    const struct {
        uint64_t keep;
        uint64_t put;
    } rows[] = {{1, 5}, {3, 40}, {10, 300}};

    (void)state;
    for (size_t row = 0; row < COUNT(rows); row++) {
        struct temp_message m = small;
        struct store *s = temp_open();
        uint64_t before = temp_count(s);

        assert_int_equal(store_begin(s), ERR_OK);
        for (uint64_t i = 0; i < rows[row].put; i++) {
            m.id = 1000 * (row + 1) + i;
            assert_int_equal(temp_put(s, &m), ERR_OK);
        }
        for (uint64_t i = rows[row].put; i-- > rows[row].keep;)
            assert_int_equal(store_done(s, 1000 * (row + 1) + i), ERR_OK);
        assert_int_equal(store_commit(s), ERR_OK);
        store_close(s);
        s = temp_open();
        assert_int_equal(temp_count(s), before + rows[row].keep);
        store_close(s);
    }
}

static void due_walks_in_order_of_time(void **state)
{
    struct store *s = temp_open();
    struct store_due at = {INT64_MIN, 0}, due[8];
    int64_t first;
    size_t n;

    (void)state;
    assert_int_equal(store_begin(s), ERR_OK);
    for (uint64_t i = 1; i <= 5; i++) {
        struct temp_message m = {.id = i, .body = SPAN("x"), .due_q = (int64_t)(1000 - i * 100)};

        assert_int_equal(temp_put(s, &m), ERR_OK);
    }
    assert_int_equal(store_commit(s), ERR_OK);
    assert_int_equal(store_due_first(s, &first), ERR_OK);
    assert_true(first == 500);
    assert_int_equal(store_due_next(s, &at, 700, 2, due, &n), ERR_OK);
    assert_int_equal(n, 2);
    assert_true(due[0].id == 5 && due[0].due_q == 500 && due[1].id == 4);
    assert_int_equal(store_due_next(s, &at, 700, 8, due, &n), ERR_OK);
    assert_int_equal(n, 1);
    assert_true(due[0].id == 3);
    assert_int_equal(store_due_next(s, &at, 700, 8, due, &n), ERR_OK);
    assert_int_equal(n, 0);
    store_close(s);
}

static void an_update_moves_the_indexes(void **state)
{
    struct store *s = temp_open();
    struct temp_message m = small;
    struct store_due at = {INT64_MIN, 0}, due[4];
    uint64_t ids[4];
    size_t n;

    (void)state;
    assert_int_equal(temp_put_now(s, &m), ERR_OK);
    m.due_q = 5000;
    m.dest = SPAN("mx:example.net");
    assert_int_equal(store_begin(s), ERR_OK);
    assert_int_equal(store_update(s, temp_record(&m)), ERR_OK);
    assert_int_equal(store_commit(s), ERR_OK);
    assert_int_equal(store_due_next(s, &at, INT64_MAX, 4, due, &n), ERR_OK);
    assert_int_equal(n, 1);
    assert_true(due[0].due_q == 5000);
    assert_int_equal(store_dest_ids(s, SPAN("mx:example.net"), 0, 4, ids, &n), ERR_OK);
    assert_int_equal(n, 1);
    assert_true(ids[0] == 100);
    assert_int_equal(store_dest_ids(s, SPAN("mx:example"), 0, 4, ids, &n), ERR_OK);
    assert_int_equal(n, 0);
    m.state = RECORD_HELD;
    m.due_q = RECORD_NEVER;
    m.dest = SPAN("hold");
    assert_int_equal(store_begin(s), ERR_OK);
    assert_int_equal(store_update(s, temp_record(&m)), ERR_OK);
    assert_int_equal(store_commit(s), ERR_OK);
    at = (struct store_due){INT64_MIN, 0};
    assert_int_equal(store_due_next(s, &at, INT64_MAX, 4, due, &n), ERR_OK);
    assert_int_equal(n, 0);
    assert_int_equal(store_dest_ids(s, SPAN("mx:example.net"), 0, 4, ids, &n), ERR_OK);
    assert_int_equal(n, 0);
    store_close(s);
}

static void one_process_has_it_at_a_time(void **state)
{
    struct store *s = temp_open(), *other = NULL;
    struct diag d = {0};
    int status;
    pid_t pid;

    (void)state;
    pid = fork();
    if (pid == 0)
        _exit(store_open(temp_path("queue"), 0, &other, &d) == ERR_BUSY && d.set ? 0 : 1);
    assert_true(waitpid(pid, &status, 0) == pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    store_close(s);
}

static void queue_time_ignores_the_wall_clock(void **state)
{
    const int64_t day = 24 * 3600 * INT64_C(1000);
    struct store *s;
    int64_t q;

    (void)state;
    clock_set(5000, 1000 * day);
    s = temp_open();
    q = store_now_q(s);
    clock_set(6000, 4650 * day); /* ten years on */
    assert_true(store_now_q(s) == q + 1000);
    clock_set(7000, 999 * day);
    assert_true(store_now_q(s) == q + 2000);
    clock_set(8000, 1000 * day);
    assert_int_equal(temp_put_now(s, &small), ERR_OK);
    store_close(s);
    /* Down for an hour: that hour passed. */
    clock_set(100, 1000 * day + day / 24);
    s = temp_open();
    assert_true(store_now_q(s) == q + 3000 + day / 24);
    assert_int_equal(store_begin(s), ERR_OK);
    assert_int_equal(store_commit(s), ERR_OK);
    q = store_now_q(s);
    store_close(s);
    /* The clock jumps while the process is down: a day is believed, no more, and never back. */
    clock_set(100, 5000 * day);
    s = temp_open();
    assert_true(store_now_q(s) == q + day);
    assert_int_equal(store_begin(s), ERR_OK);
    assert_int_equal(store_commit(s), ERR_OK);
    q = store_now_q(s);
    store_close(s);
    clock_set(100, 1000 * day);
    s = temp_open();
    assert_true(store_now_q(s) == q);
    store_close(s);
    clock_unset();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_put_is_there_after_a_restart, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(an_id_is_taken_once, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(what_is_aborted_never_was, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(what_is_done_is_gone_with_its_file, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(a_file_that_ends_in_free_pages_is_whole, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(due_walks_in_order_of_time, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(an_update_moves_the_indexes, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(one_process_has_it_at_a_time, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(queue_time_ignores_the_wall_clock, temp_setup,
                                        temp_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
