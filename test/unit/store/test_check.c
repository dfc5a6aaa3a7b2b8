/* SPDX-License-Identifier: ISC */
/* Half-damaged stores: what is left of them is saved, and what is damaged is kept aside. */
#include "temp.h"

#include <lmdb.h>
#include <unistd.h>

#include "store/inner.h"

#define MESSAGES 200

static char big_body[3000];

static void fill(void)
{
    struct store *s = temp_open();

    memset(big_body, 'b', sizeof(big_body));
    for (uint64_t i = 1; i <= MESSAGES; i++) {
        struct temp_message m = {.id = i,
                                 .body = span_of(big_body, i % 2 == 0 ? sizeof(big_body) : 20),
                                 .due_q = (int64_t)(1000 + i),
                                 .dest = SPAN("mx:example.net"),
                                 .in_file = i % 50 == 0};

        if (i % 20 == 1)
            assert_int_equal(store_begin(s), ERR_OK);
        assert_int_equal(temp_put(s, &m), ERR_OK);
        if (i % 20 == 0)
            assert_int_equal(store_commit(s), ERR_OK);
    }
    /* Some are gone again: their pages are free and still hold them. */
    assert_int_equal(store_begin(s), ERR_OK);
    for (uint64_t i = 1; i <= 10; i++)
        assert_int_equal(store_done(s, i), ERR_OK);
    assert_int_equal(store_commit(s), ERR_OK);
    store_close(s);
}

static struct store_report check(bool repair)
{
    struct store_report r = {0};
    struct diag d = {0};

    if (store_check(temp_path("queue"), repair, &r, &d) != ERR_OK)
        fail_msg("%s", d.text);
    return r;
}

static void a_whole_store_is_found_whole(void **state)
{
    struct store_report r;

    (void)state;
    fill();
    r = check(true);
    assert_int_equal(r.messages, MESSAGES - 10);
    assert_int_equal(r.corrupt + r.body_missing + r.index_wrong + r.unreadable + r.spool_orphans,
                     0);
    assert_false(r.repaired);
}

/* Change the environment behind the store's back. */
static void behind(const char *db, uint64_t id, span value)
{
    struct store *s = temp_open();
    struct store_key key = store_key_id(id);
    MDB_val k = store_key_val(&key);
    MDB_val v = store_val(value);
    MDB_dbi dbi;

    assert_int_equal(store_begin(s), ERR_OK);
    assert_int_equal(mdb_dbi_open(s->write, db, 0, &dbi), 0);
    if (value.n == 0)
        assert_int_equal(mdb_del(s->write, dbi, &k, NULL), 0);
    else
        assert_int_equal(mdb_put(s->write, dbi, &k, &v, 0), 0);
    assert_int_equal(store_commit(s), ERR_OK);
    store_close(s);
}

static const char *spool_path(uint64_t id)
{
    char path[64];

    snprintf(path, sizeof(path), "queue/spool/%s", store_spool_name(id).text);
    return temp_path(path);
}

static void damage_of_single_messages_is_put_aside(void **state)
{
    struct store_report r;
    struct store *s;

    (void)state;
    fill();
    behind("msg", 20, SPAN("this is no record"));
    behind("body", 22, SPAN_NONE);
    behind("body", 24, span_of(big_body, sizeof(big_body) - 1));
    assert_int_equal(unlink(spool_path(50)), 0); /* 50 */
    r = check(false);
    assert_int_equal(r.corrupt, 1);
    assert_int_equal(r.body_missing, 3);
    assert_int_equal(r.messages, MESSAGES - 14);
    r = check(true);
    assert_true(r.repaired);
    assert_int_equal(r.messages, MESSAGES - 14);
    assert_int_equal(access(temp_path(r.aside[0] ? "queue" : "none"), F_OK), 0);
    r = check(false);
    assert_int_equal(r.messages, MESSAGES - 14);
    assert_int_equal(r.corrupt + r.body_missing + r.index_wrong + r.unreadable, 0);
    s = temp_open();
    assert_int_equal(temp_count(s), MESSAGES - 14);
    store_close(s);
}

static void a_start_puts_them_aside_too(void **state)
{
    struct store_report r;
    struct store *s;
    span body;

    (void)state;
    fill();
    behind("msg", 20, SPAN("this is no record"));
    behind("body", 22, SPAN_NONE);
    assert_int_equal(rename(spool_path(50), temp_path("queue/spool/32/00000000000ZZ")), 0);
    s = temp_open();
    assert_int_equal(store_recover(s, &r, NULL), ERR_OK);
    assert_int_equal(r.corrupt, 1);
    assert_int_equal(r.body_missing, 2);
    assert_int_equal(r.messages, MESSAGES - 13);
    assert_int_equal(store_body(s, 20, &body), ERR_ABSENT);
    store_release(s);
    assert_int_equal(store_recover(s, &r, NULL), ERR_OK);
    assert_int_equal(r.corrupt + r.body_missing, 0);
    store_close(s);
}

static void wrong_indexes_are_found_and_made_anew(void **state)
{
    struct store_report r;
    struct store *s;
    struct store_key key = store_key_due(77777, 3);
    MDB_val k = store_key_val(&key), v = {0};
    struct store_due at = {INT64_MIN, 0}, due[MESSAGES];
    size_t n;

    (void)state;
    fill();
    s = temp_open();
    assert_int_equal(store_begin(s), ERR_OK);
    assert_int_equal(mdb_put(s->write, s->dbi[DB_DUE], &k, &v, 0), 0);
    key = store_key_due(1050, 50);
    k = store_key_val(&key);
    assert_int_equal(mdb_del(s->write, s->dbi[DB_DUE], &k, NULL), 0);
    assert_int_equal(mdb_drop(s->write, s->dbi[DB_DOM], 0), 0);
    assert_int_equal(store_commit(s), ERR_OK);
    store_close(s);
    r = check(true);
    assert_true(r.index_wrong >= MESSAGES - 10);
    assert_true(r.repaired);
    r = check(false);
    assert_int_equal(r.index_wrong, 0);
    s = temp_open();
    assert_int_equal(store_due_next(s, &at, INT64_MAX, MESSAGES, due, &n), ERR_OK);
    assert_int_equal(n, MESSAGES - 10);
    store_close(s);
}

static void a_newer_record_is_left_alone(void **state)
{
    static char octets[8192];
    struct temp_message m = {.id = 20, .body = SPAN("x"), .due_q = 5};
    struct store_report r;
    span record;

    (void)state;
    fill();
    record = temp_record(&m);
    memcpy(octets, record.p, record.n);
    octets[2] = RECORD_VERSION + 1;
    behind("msg", 20, span_of(octets, record.n));
    r = check(false);
    assert_int_equal(r.newer, 1);
    assert_int_equal(r.corrupt, 0);
}

static void a_newer_format_is_refused_in_words(void **state)
{
    struct store *s = temp_open();
    struct diag d = {0};
    MDB_val k = store_val(SPAN("format")), v = store_val(SPAN("\x02\0\0\0"));

    (void)state;
    assert_int_equal(store_begin(s), ERR_OK);
    assert_int_equal(mdb_put(s->write, s->dbi[DB_META], &k, &v, 0), 0);
    assert_int_equal(store_commit(s), ERR_OK);
    store_close(s);
    assert_int_equal(store_open(temp_path("queue"), STORE_CREATE, &s, &d), ERR_VERSION);
    assert_non_null(strstr(d.text, "newer"));
}

static off_t data_size(void)
{
    struct stat st;

    assert_int_equal(stat(temp_path("queue/db/data.mdb"), &st), 0);
    return st.st_size;
}

static void a_file_cut_anywhere_gives_what_is_left(void **state)
{
    (void)state;
    for (int part = 9; part >= 1; part--) {
        struct store_report r;
        struct store *s;

        assert_int_equal(temp_setup(NULL), 0);
        fill();
        assert_int_equal(truncate(temp_path("queue/db/data.mdb"), data_size() * part / 10), 0);
        assert_int_equal(store_open(temp_path("queue"), 0, &s, NULL), ERR_CORRUPT);
        r = check(true);
        assert_true(r.repaired && r.unreadable > 0);
        s = temp_open();
        assert_int_equal(temp_count(s), r.messages + r.newer);
        store_close(s);
        r = check(false);
        assert_int_equal(r.unreadable + r.corrupt + r.body_missing + r.index_wrong, 0);
        assert_int_equal(temp_teardown(NULL), 0);
    }
}

/* Each page in turn becomes garbage: whatever is not on it must be found again. */
static void garbage_in_any_page_costs_little(void **state)
{
    char garbage[4096];
    FILE *f;
    off_t pages;

    (void)state;
    memset(garbage, 0xa5, sizeof(garbage));
    assert_int_equal(temp_setup(NULL), 0);
    fill();
    pages = data_size() / (off_t)sizeof(garbage);
    assert_int_equal(temp_teardown(NULL), 0);
    for (off_t page = 0; page < pages; page += 1 + pages / 40) {
        struct store_report r;
        struct store *s;

        assert_int_equal(temp_setup(NULL), 0);
        fill();
        f = fopen(temp_path("queue/db/data.mdb"), "r+");
        assert_non_null(f);
        assert_int_equal(fseeko(f, page * (off_t)sizeof(garbage), SEEK_SET), 0);
        assert_int_equal(fwrite(garbage, sizeof(garbage), 1, f), 1);
        assert_int_equal(fclose(f), 0);
        r = check(true);
        /* A leaf of `msg` holds some 15 records; a branch or root none. */
        if (r.messages < MESSAGES - 10 - 20)
            fail_msg("page %d: %d messages", (int)page, (int)r.messages);
        s = temp_open();
        assert_int_equal(temp_count(s), r.messages);
        store_close(s);
        assert_int_equal(temp_teardown(NULL), 0);
    }
}

static void a_cut_off_mending_is_finished(void **state)
{
    struct store *s;
    struct store_report r;

    (void)state;
    fill();
    assert_int_equal(mkdir(temp_path("queue/db.new"), 0700), 0);
    assert_int_equal(rename(temp_path("queue/db"), temp_path("queue/db.new/db")), 0);
    assert_int_equal(store_open(temp_path("queue"), STORE_CREATE, &s, NULL), ERR_CORRUPT);
    r = check(true);
    assert_int_equal(r.messages, MESSAGES - 10);
    s = temp_open();
    assert_int_equal(temp_count(s), MESSAGES - 10);
    store_close(s);
}

#define T(name) cmocka_unit_test_setup_teardown(name, temp_setup, temp_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_whole_store_is_found_whole),
        T(damage_of_single_messages_is_put_aside),
        T(a_start_puts_them_aside_too),
        T(wrong_indexes_are_found_and_made_anew),
        T(a_newer_record_is_left_alone),
        T(a_newer_format_is_refused_in_words),
        cmocka_unit_test(a_file_cut_anywhere_gives_what_is_left),
        cmocka_unit_test(garbage_in_any_page_costs_little),
        T(a_cut_off_mending_is_finished),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
