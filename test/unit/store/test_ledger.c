/* SPDX-License-Identifier: ISC */
#include "temp.h"

#include <dirent.h>
#include <errno.h>

#include "os/fault.h"
#include "os/file.h"
#include "store/ledger.h"

#define NOW  INT64_C(1700000000000)
#define HOUR (3600 * INT64_C(1000))
#define DAY  (24 * HOUR)

static const struct ledger_conf small = {LEDGER_SIZE_MIN, 30 * DAY};

static int dir_fd = -1;

static int begin(void **state)
{
    if (temp_setup(state) != 0)
        return -1;
    return file_open_dir(AT_FDCWD, temp_dir, &dir_fd) == ERR_OK ? 0 : -1;
}

static int end(void **state)
{
    file_close(&dir_fd);
    return temp_teardown(state);
}

static struct ledger *open_ledger(const struct ledger_conf *conf)
{
    struct diag d = {0};
    struct ledger *l = NULL;

    assert_int_equal(ledger_open(dir_fd, conf, &l, &d), ERR_OK);
    return l;
}

/* A session that greeted as nameNUMBER.example; `fill` octets more. */
static bool add(struct ledger *l, uint64_t number, size_t fill)
{
    static char text[LEDGER_TEXT_BYTES];
    char notes[LEDGER_RECORD_BYTES], packed[LEDGER_RECORD_BYTES], name[64], id[8];
    struct buf n = BUF_OVER(notes), b = BUF_OVER(packed), message = BUF_OVER(id);
    struct ledger_record r = {
        .kind = LEDGER_SESSION,
        .id = ((uint64_t)NOW << 22) + number,
        .last_id = ((uint64_t)NOW << 22) + number,
        .count = 1,
        .time_ms = NOW,
        .client = {.family = IP_V4, .octet = {198, 51, 100, (uint8_t)number}},
    };

    memset(text, 'x', sizeof(text));
    snprintf(name, sizeof(name), "name%u.example", (unsigned)number);
    pack_u64(&message, r.id + 1000000);
    ledger_note_put(&n, &(struct ledger_note){LEDGER_GREETING, LEDGER_EHLO, 250, span_cstr(name)});
    ledger_note_put(&n, &(struct ledger_note){LEDGER_MESSAGE, 0, 250, buf_span(&message)});
    for (; fill > 0; fill -= min_size(fill, sizeof(text)))
        ledger_note_put(&n, &(struct ledger_note){LEDGER_REPLY, 0, 550,
                                                  span_of(text, min_size(fill, sizeof(text)))});
    r.notes = buf_span(&n);
    ledger_record_put(&b, &r);
    assert_false(b.overflow);
    return ledger_add(l, buf_span(&b), &r);
}

struct seen {
    unsigned count;
    uint64_t last; /* number */
};

static bool see(void *arg, const struct ledger_record *r)
{
    struct seen *s = arg;

    s->count++;
    s->last = r->id - ((uint64_t)NOW << 22);
    return true;
}

static struct seen read_by(const struct ledger_query *q, struct ledger_reading *out)
{
    struct seen s = {0};

    assert_int_equal(ledger_read(dir_fd, q, see, &s, out), ERR_OK);
    return s;
}

static unsigned count_all(void)
{
    struct ledger_query all = {0};
    struct ledger_reading counts;

    return read_by(&all, &counts).count;
}

static void what_was_committed_is_found_by_every_index(void **state)
{
    struct ledger *l = open_ledger(&small);
    struct ledger_query q = {.by_key = true,
                             .key = ledger_key(LEDGER_BY_NAME, SPAN("NAME7.example"))};
    struct ledger_reading counts;

    (void)state;
    for (uint64_t i = 0; i < 20; i++) {
        assert_true(add(l, i, 0));
        assert_int_equal(ledger_commit(l, NOW + (int64_t)i), ERR_OK);
    }
    assert_true(add(l, 20, 0)); /* not committed */
    assert_int_equal(count_all(), 20);
    assert_int_equal(read_by(&q, &counts).last, 7);
    assert_true(counts.blocks == 1 && counts.records == 1 && counts.damaged == 0);
    q.key = ledger_key_client((struct ip_addr){.family = IP_V4, .octet = {198, 51, 100, 9}});
    assert_int_equal(read_by(&q, &counts).last, 9);
    q = (struct ledger_query){.id = ((uint64_t)NOW << 22) + 11};
    assert_int_equal(read_by(&q, &counts).last, 11);
    assert_true(counts.records == 1);
    q.id += 1000000; /* its message */
    assert_int_equal(read_by(&q, &counts).last, 11);
    q.id = 1;
    assert_int_equal(read_by(&q, &counts).count, 0);
    ledger_close(l);
}

static uint64_t bytes_on_disk(void)
{
    struct ledger *l = open_ledger(&small);
    uint64_t n = ledger_bytes(l);

    ledger_close(l);
    return n;
}

static void the_oldest_goes_when_there_is_no_room(void **state)
{
    struct ledger *l = open_ledger(&small);

    (void)state;
    for (uint64_t i = 0; i < 4000; i++) {
        if (!add(l, i, 3000)) {
            assert_int_equal(ledger_commit(l, NOW + (int64_t)i), ERR_OK);
            assert_true(add(l, i, 3000));
        }
        assert_true(ledger_bytes(l) <= small.size_bytes);
    }
    assert_int_equal(ledger_commit(l, NOW + 4000), ERR_OK);
    ledger_close(l);
    assert_true(bytes_on_disk() <= small.size_bytes);
    assert_true(bytes_on_disk() > small.size_bytes * 9 / 10);
    assert_in_range(count_all(), 1000, 1400);
}

static void what_is_too_old_goes(void **state)
{
    static const struct ledger_conf day = {LEDGER_SIZE_MIN, DAY};
    struct ledger *l = open_ledger(&day);
    struct ledger_query q = {.id = (uint64_t)NOW << 22};
    struct ledger_reading counts;

    (void)state;
    for (int64_t hour = 0; hour < 100; hour++) {
        assert_true(add(l, (uint64_t)hour, 0));
        assert_int_equal(ledger_commit(l, NOW + hour * HOUR), ERR_OK);
    }
    assert_in_range(count_all(), 24, 26);
    assert_int_equal(read_by(&q, &counts).count, 0);
    /* Nothing comes, and still it goes, two segments at a time. */
    for (int i = 0; i < 20; i++)
        assert_int_equal(ledger_commit(l, NOW + 200 * HOUR), ERR_OK);
    assert_int_equal(count_all(), 1);
    ledger_close(l);
}

static unsigned count_files(void)
{
    DIR *dir = opendir(temp_dir);
    unsigned n = 0;

    assert_non_null(dir);
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
        n += entry->d_name[0] != '.';
    closedir(dir);
    return n;
}

static void many_starts_make_one_segment(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 50; i++) {
        struct ledger *l = open_ledger(&small);

        assert_true(add(l, i, 0));
        assert_int_equal(ledger_commit(l, NOW + (int64_t)i), ERR_OK);
        ledger_close(l);
    }
    assert_int_equal(count_all(), 50);
    assert_int_equal(count_files(), 1);
}

static void two_who_write_do_not_harm_each_other(void **state)
{
    struct ledger *one = open_ledger(&small);
    struct ledger *two;

    (void)state;
    assert_true(add(one, 1, 0));
    assert_int_equal(ledger_commit(one, NOW), ERR_OK);
    two = open_ledger(&small);
    for (uint64_t i = 0; i < 10; i++) {
        assert_true(add(one, 10 + i, 0) && add(two, 20 + i, 0));
        assert_int_equal(ledger_commit(one, NOW), ERR_OK);
        assert_int_equal(ledger_commit(two, NOW), ERR_OK);
    }
    ledger_close(one);
    ledger_close(two);
    assert_int_equal(count_all(), 21);
}

static void the_newest_part_is_read_alone(void **state)
{
    struct ledger *l = open_ledger(&small);
    struct seen s = {0};

    (void)state;
    for (uint64_t i = 0; i < 800; i++)
        if (!add(l, i, 3000)) {
            assert_int_equal(ledger_commit(l, NOW + (int64_t)i), ERR_OK);
            assert_true(add(l, i, 3000));
        }
    assert_int_equal(ledger_commit(l, NOW + 800), ERR_OK);
    assert_int_equal(ledger_read_newest(dir_fd, 300000, see, &s), ERR_OK);
    assert_in_range(s.count, 90, 130);
    assert_int_equal(s.last, 799);
    ledger_close(l);
}

/* Whichever call fails, later records are written, and what was written is read. */
static void a_failing_disk(void **state, enum fault_kind kind, int sys)
{
    for (unsigned k = 1;; k++) {
        struct ledger *l = NULL;
        unsigned failed = 0;
        bool happened;

        assert_int_equal(end(state), 0);
        assert_int_equal(begin(state), 0);
        fault_begin(kind, k, sys);
        if (ledger_open(dir_fd, &small, &l, NULL) != ERR_OK) {
            (void)fault_end();
            continue;
        }
        for (uint64_t i = 0; i < 3; i++) {
            assert_true(add(l, i, 100));
            if (ledger_commit(l, NOW + (int64_t)i) != ERR_OK)
                failed++;
        }
        happened = fault_happened();
        (void)fault_end();
        assert_true(add(l, 3, 100));
        assert_int_equal(ledger_commit(l, NOW + 3), ERR_OK);
        assert_int_equal(count_all(), 4 - failed);
        ledger_close(l);
        if (!happened) {
            assert_int_equal(failed, 0);
            break;
        }
        assert_true(kind == FAULT_SHORT || failed <= 3);
    }
}

static void a_full_disk(void **state)
{
    a_failing_disk(state, FAULT_FAIL, ENOSPC);
}

static void a_disk_that_fails_once(void **state)
{
    a_failing_disk(state, FAULT_FAIL, EIO);
}

static void a_disk_that_writes_half(void **state)
{
    a_failing_disk(state, FAULT_SHORT, 0);
}

static void a_disk_that_is_gone_and_comes_back(void **state)
{
    a_failing_disk(state, FAULT_STOP, EIO);
}

/* More commits than there may be segments; none of them pushes out what is there. */
static void a_disk_that_stays_full(void **state)
{
    struct ledger *l = open_ledger(&small);

    (void)state;
    assert_true(add(l, 0, 100));
    assert_int_equal(ledger_commit(l, NOW), ERR_OK);
    for (uint64_t i = 1; i < LEDGER_SEGMENTS_MAX + 10; i++) {
        assert_true(add(l, i, 100));
        fault_begin(FAULT_FAIL, 1, ENOSPC);
        fault_only("write");
        assert_int_not_equal(ledger_commit(l, NOW + (int64_t)i), ERR_OK);
        (void)fault_end();
    }
    assert_true(add(l, 1, 100));
    assert_int_equal(ledger_commit(l, NOW + HOUR), ERR_OK);
    ledger_close(l);
    assert_int_equal(count_all(), 2);
    assert_int_equal(count_files(), 2);
}

static void a_directory_that_is_gone(void **state)
{
    struct ledger *l = open_ledger(&small);
    struct ledger_reading counts;
    struct ledger_query all = {0};

    (void)state;
    assert_int_equal(remove(temp_dir), 0);
    for (uint64_t i = 0; i < 3; i++) {
        assert_true(add(l, i, 0));
        assert_int_not_equal(ledger_commit(l, NOW), ERR_OK);
        assert_int_equal(ledger_pending(l), 0);
    }
    ledger_close(l);
    assert_int_equal(ledger_read(dir_fd, &all, see, &(struct seen){0}, &counts), ERR_OK);
    assert_int_equal(mkdir(temp_dir, 0700), 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        CASE(what_was_committed_is_found_by_every_index),
        CASE(the_oldest_goes_when_there_is_no_room),
        CASE(what_is_too_old_goes),
        CASE(many_starts_make_one_segment),
        CASE(two_who_write_do_not_harm_each_other),
        CASE(the_newest_part_is_read_alone),
        CASE(a_full_disk),
        CASE(a_disk_that_fails_once),
        CASE(a_disk_that_stays_full),
        CASE(a_disk_that_writes_half),
        CASE(a_disk_that_is_gone_and_comes_back),
        CASE(a_directory_that_is_gone),
    };
#undef CASE

    return cmocka_run_group_tests(tests, NULL, NULL);
}
