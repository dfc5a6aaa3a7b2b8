/* SPDX-License-Identifier: ISC */
#include "message/mailbox.h"

#include "../guard.h"

/* What is read, apart by blanks; "!" at the end: there it is bad. */
static const struct {
    const char *value, *read;
} cases[] = {
    {"alice@example.net", "alice@example.net"},
    {" <alice@example.net>\r\n", "alice@example.net"},
    {"Alice Smith <alice@example.net>", "alice@example.net"},
    {"\"Smith, Alice\" <alice@example.net>", "alice@example.net"},
    {"\"bob@example.net\" <alice@example.net>", "alice@example.net"},
    {"bob@example.net <alice@example.net>", "!"},
    {"=?utf-8?q?bob=40example.net?= <alice@example.net>", "alice@example.net"},
    {"John Q. Public\r\n <alice@example.net>", "alice@example.net"},
    {"(bob@example.net) alice@example.net (x (y) \\) z)", "alice@example.net"},
    {"a@b.example, C <c@d.example>", "a@b.example c@d.example"},
    {"a@b.example,,c@d.example,", "a@b.example c@d.example"},
    {"Us: a@b.example, C <c@d.example>;", "a@b.example c@d.example"},
    {"Us: a@b.example;, c@d.example", "a@b.example c@d.example"},
    {"undisclosed-recipients:;", ""},
    {"", ""},
    {" \t ", ""},
    {"\"john doe\"@example.net", "\"john doe\"@example.net"},
    {"<\"a>b\"@example.net>", "\"a>b\"@example.net"},
    {"a@[192.0.2.1]", "a@[192.0.2.1]"},
    {"j\xc3\xb6rg@example.net", "j\xc3\xb6rg@example.net"},
    {"alice", "!"},
    {"Alice Smith", "!"},
    {"alice@example.net bob@example.net", "!"},
    {"alice@example.net<bob@example.net>", "!"},
    {"<alice@example.net><bob@example.net>", "!"},
    {"<alice@example.net", "!"},
    {"<@relay.example:alice@example.net>", "!"},
    {"<>", "!"},
    {"alice @example.net", "!"},
    {"alice(x)@example.net", "!"},
    {"alice@(x)example.net", "!"},
    {"<alice(x)@example.net>", "!"},
    {"alice@example.net;", "!"},
    {"Us: a@b.example", "!"},
    {"Us: Them: a@b.example;;", "!"},
    {"\"alice@example.net", "!"},
    {"(alice@example.net", "!"},
    {"alice@", "!"},
    {"@example.net", "!"},
    {"a@[192.0.2.1", "!"},
    {"a@b@c.example", "!"},
    {"Alice <alice@example.net> <bob@example.net>", "!"},
    {"Alice <alice@example.net> x", "!"},
    {"\"a \\\" b\" <alice@example.net>", "alice@example.net"},
    {"\"a\\\"@b.example", "!"},
    {"<\"a@b.example>", "!"},
    {"a@b.example (x", "!"},
    {"a (x", "!"},
};

static void addresses_of_a_field(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char memory[256];
        struct buf b = BUF_OVER(memory);
        struct mailbox_walk w = mailbox_walk_over(guard_copy(span_cstr(cases[i].value)));
        struct path path;
        enum mailbox_next next;

        while ((next = mailbox_next(&w, &path)) == MAILBOX_ONE) {
            if (b.n != 0)
                buf_putc(&b, ' ');
            buf_put(&b, path.text);
        }
        if (next == MAILBOX_BAD)
            buf_putc(&b, '!');
        assert_int_equal(mailbox_next(&w, &path), next);
        if (!span_eq(buf_span(&b), span_cstr(cases[i].read)))
            fail_msg("%s: got '%.*s', want '%s'", cases[i].value, SPAN_ARG(buf_span(&b)),
                     cases[i].read);
    }
}

static void comments_do_not_nest_for_ever(void **state)
{
    char memory[3 * MAILBOX_DEPTH_MAX + 32];
    struct path path;

    (void)state;
    for (unsigned depth = MAILBOX_DEPTH_MAX; depth <= MAILBOX_DEPTH_MAX + 1; depth++) {
        struct buf b = BUF_OVER(memory);
        struct mailbox_walk w;

        for (unsigned i = 0; i < depth; i++)
            buf_putc(&b, '(');
        for (unsigned i = 0; i < depth; i++)
            buf_putc(&b, ')');
        buf_put(&b, SPAN("a@b.example"));
        w = mailbox_walk_over(guard_copy(buf_span(&b)));
        assert_int_equal(mailbox_next(&w, &path),
                         depth > MAILBOX_DEPTH_MAX ? MAILBOX_BAD : MAILBOX_ONE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_of_a_field),
        cmocka_unit_test(comments_do_not_nest_for_ever),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
