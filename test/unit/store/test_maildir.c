/* SPDX-License-Identifier: ISC */
#include "temp.h"

#include <dirent.h>

#include "os/file.h"
#include "store/maildir.h"

static void addresses_become_paths_that_stay_in_place(void **state)
{
    static const struct {
        span address;
        const char *want;
    } cases[] = {
        {SPAN_INIT("alice@example.test"), "/m/example.test/alice"},
        {SPAN_INIT("Alice@Example.TEST"), "/m/example.test/alice"},
        {SPAN_INIT("a.b+c@example.test"), "/m/example.test/a.b+c"},
        {SPAN_INIT("../../etc@example.test"), "/m/example.test/%2E%2E%2F.%2E%2Fetc"},
        {SPAN_INIT("..@example.test"), "/m/example.test/%2E%2E"},
        {SPAN_INIT(".@example.test"), "/m/example.test/%2E"},
        {SPAN_INIT("a/b@example.test"), "/m/example.test/a%2Fb"},
        {SPAN_INIT("a%2Fb@example.test"), "/m/example.test/a%252fb"},
        {SPAN_INIT("a..b@example.test"), "/m/example.test/a.%2Eb"},
        {SPAN_INIT("a\0b@example.test"), "/m/example.test/a%00b"},
        {SPAN_INIT("\"a b\"@[192.0.2.1]"), "/m/%5B192.0.2.1%5D/%22a%20b%22"},
        {SPAN_INIT("{domain}@x.test"), "/m/x.test/%7Bdomain%7D"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char memory[MAILDIR_PATH_BYTES];
        struct buf b = BUF_OVER(memory);

        assert_int_equal(maildir_path(SPAN("/m/{domain}/{user}"), guard_copy(cases[i].address), &b),
                         ERR_OK);
        assert_string_equal(memory, cases[i].want);
    }
}

static void long_names_are_cut_and_told_apart(void **state)
{
    char user[300], one[MAILDIR_PATH_BYTES], two[MAILDIR_PATH_BYTES];
    struct buf b1 = BUF_OVER(one), b2 = BUF_OVER(two);

    (void)state;
    memset(user, '/', sizeof(user));
    memcpy(user + sizeof(user) - 3, "a@x", 3);
    assert_int_equal(maildir_path(SPAN("{user}"), span_of(user, sizeof(user)), &b1), ERR_OK);
    user[sizeof(user) - 3] = 'b';
    assert_int_equal(maildir_path(SPAN("{user}"), span_of(user, sizeof(user)), &b2), ERR_OK);
    assert_true(b1.n <= MAILDIR_NAME_BYTES);
    assert_string_not_equal(one, two);
}

static void an_empty_part_is_no_mailbox(void **state)
{
    char memory[64];
    struct buf b = BUF_OVER(memory);

    (void)state;
    assert_int_equal(maildir_path(SPAN("/m/{domain}/{user}"), SPAN("alice"), &b), ERR_SYNTAX);
    buf_reset(&b);
    assert_int_equal(maildir_path(SPAN("/m/{user}"), SPAN("@x"), &b), ERR_SYNTAX);
}

/* The one file in a directory, read whole. */
static span only_file(const char *dir, char *out, size_t cap)
{
    struct dirent *entry;
    DIR *d = opendir(dir);
    char path[1024];
    size_t n = 0, files = 0;
    FILE *f;

    assert_non_null(d);
    while ((entry = readdir(d)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        files++;
        snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
        assert_non_null(strstr(entry->d_name, ",S="));
        f = fopen(path, "r");
        assert_non_null(f);
        n = fread(out, 1, cap, f);
        fclose(f);
    }
    closedir(d);
    assert_int_equal(files, 1);
    return span_of(out, n);
}

static void deliver_one(const struct maildir_message *msg, enum err want)
{
    struct maildir *m;
    enum err verdict = ERR_IO;
    size_t n = 9;

    assert_int_equal(maildir_new("ho/st:1", &m), ERR_OK);
    assert_int_equal(maildir_add(m, msg, &n), ERR_OK);
    assert_int_equal(n, 0);
    maildir_finish(m, &verdict, 1);
    assert_int_equal(verdict, want);
    maildir_free(m);
}

static void line_ends_become_lf_and_nothing_else_changes(void **state)
{
    static const struct {
        span in, out;
        bool binary;
    } cases[] = {
        {SPAN_INIT("A: b\r\n c\r\n\r\n\r\n\0\r\n\n\r"), SPAN_INIT("A: b\n c\n\n\r\n\0\r\n\n\r"),
         true},
        {SPAN_INIT("A: b\r\n"), SPAN_INIT("A: b\n"), true},
        {SPAN_INIT("\r\nx\r\n"), SPAN_INIT("\nx\r\n"), true},
        {SPAN_INIT("a\r\nb\r\n"), SPAN_INIT("a\nb\n"), false},
        {SPAN_INIT("a\r\r\nb"), SPAN_INIT("a\r\nb"), false},
        {SPAN_INIT("a\nb\rc\r"), SPAN_INIT("a\nb\rc\r"), false},
        {SPAN_INIT("\r\n\r\n"), SPAN_INIT("\n\n"), false},
        {SPAN_INIT("caf\xc3\xa9 \0.\r\n"), SPAN_INIT("caf\xc3\xa9 \0.\n"), false},
        {SPAN_INIT(""), SPAN_INIT(""), false},
    };
    static const span head = SPAN_INIT("Return-Path: <>\nDelivered-To: a@x.test\n");

    for (size_t i = 0; i < COUNT(cases); i++) {
        char octets[256];
        struct maildir_message msg = {.path = temp_path("m/x.test/a"),
                                      .mailbox = SPAN("a@x.test"),
                                      .body = guard_copy(cases[i].in),
                                      .binary = cases[i].binary,
                                      .fd = -1};
        span got;

        deliver_one(&msg, ERR_OK);
        got = only_file(temp_path("m/x.test/a/new"), octets, sizeof(octets));
        assert_span_equal(span_head(got, head.n), head);
        assert_span_equal(span_skip(got, head.n), cases[i].out);
        temp_teardown(state);
        temp_setup(state);
    }
}

static void a_large_body_comes_from_its_file(void **state)
{
    static char body[300000], octets[310000], want[300000];
    struct maildir_message msg = {.path = temp_path("m/a"), .mailbox = SPAN("a@x.test")};
    size_t n = 0;
    int fd = -1;
    span got;

    (void)state;
    /* CRLF in every place, so that pieces end between CR and LF too. */
    for (size_t i = 0; i + 1 < sizeof(body); i += 2)
        memcpy(body + i, i % 7 == 0 ? "\r\n" : i % 3 == 0 ? "x\r" : "\ny", 2);
    for (size_t i = 0; i < sizeof(body); i++)
        if (body[i] != '\r' || i + 1 == sizeof(body) || body[i + 1] != '\n')
            want[n++] = body[i];
    assert_int_equal(file_create(AT_FDCWD, temp_path("body"), 0600, &fd), ERR_OK);
    assert_int_equal(file_write_all(fd, span_of(body, sizeof(body))), ERR_OK);
    msg.fd = fd;
    msg.size = sizeof(body);
    deliver_one(&msg, ERR_OK);
    file_close(&fd);
    got = only_file(temp_path("m/a/new"), octets, sizeof(octets));
    assert_true(span_ends(got, span_of(want, n)));
    assert_int_equal(got.n, n + strlen("Return-Path: <>\nDelivered-To: a@x.test\n"));
}

static void directories_are_private(void **state)
{
    struct maildir_message msg = {
        .path = temp_path("m/a"), .mailbox = SPAN("a@x.test"), .body = SPAN("x"), .fd = -1};
    static const char *const names[] = {"m", "m/a", "m/a/tmp", "m/a/new", "m/a/cur"};
    struct stat st;

    (void)state;
    deliver_one(&msg, ERR_OK);
    for (size_t i = 0; i < COUNT(names); i++) {
        assert_int_equal(stat(temp_path(names[i]), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
    }
}

static void a_mailbox_that_was_removed_is_made_again(void **state)
{
    struct maildir *m;
    char octets[256];
    struct maildir_message msg = {
        .path = temp_path("m/a"), .mailbox = SPAN("a@x.test"), .body = SPAN("x"), .fd = -1};
    enum err verdict;
    size_t n;

    (void)state;
    assert_int_equal(maildir_new("host", &m), ERR_OK);
    assert_int_equal(maildir_add(m, &msg, &n), ERR_OK);
    maildir_finish(m, &verdict, 1);
    assert_int_equal(rename(temp_path("m/a"), temp_path("m/moved")), 0);
    assert_int_equal(maildir_add(m, &msg, &n), ERR_OK);
    maildir_finish(m, &verdict, 1);
    assert_int_equal(verdict, ERR_OK);
    (void)only_file(temp_path("m/a/new"), octets, sizeof(octets));
    maildir_free(m);
}

static void a_batch_has_an_end(void **state)
{
    struct maildir *m;
    struct maildir_message msg = {
        .path = temp_path("m/a"), .mailbox = SPAN("a@x.test"), .body = SPAN("x"), .fd = -1};
    enum err verdicts[MAILDIR_BATCH_MAX];
    size_t n;

    (void)state;
    assert_int_equal(maildir_new("host", &m), ERR_OK);
    for (size_t i = 0; i < MAILDIR_BATCH_MAX; i++) {
        assert_int_equal(maildir_add(m, &msg, &n), ERR_OK);
        assert_int_equal(n, i);
    }
    assert_int_equal(maildir_add(m, &msg, &n), ERR_LIMIT);
    maildir_finish(m, verdicts, MAILDIR_BATCH_MAX);
    for (size_t i = 0; i < MAILDIR_BATCH_MAX; i++)
        assert_int_equal(verdicts[i], ERR_OK);
    maildir_free(m);
}

static void what_is_not_finished_leaves_nothing(void **state)
{
    struct maildir *m;
    struct maildir_message msg = {
        .path = temp_path("m/a"), .mailbox = SPAN("a@x.test"), .body = SPAN("x"), .fd = -1};
    size_t n;

    (void)state;
    assert_int_equal(maildir_new("host", &m), ERR_OK);
    assert_int_equal(maildir_add(m, &msg, &n), ERR_OK);
    maildir_free(m);
    assert_int_equal(rmdir(temp_path("m/a/tmp")), 0);
    assert_int_equal(rmdir(temp_path("m/a/new")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_become_paths_that_stay_in_place),
        cmocka_unit_test(long_names_are_cut_and_told_apart),
        cmocka_unit_test(an_empty_part_is_no_mailbox),
        cmocka_unit_test_setup_teardown(line_ends_become_lf_and_nothing_else_changes, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(a_large_body_comes_from_its_file, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(directories_are_private, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(a_mailbox_that_was_removed_is_made_again, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(a_batch_has_an_end, temp_setup, temp_teardown),
        cmocka_unit_test_setup_teardown(what_is_not_finished_leaves_nothing, temp_setup,
                                        temp_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
