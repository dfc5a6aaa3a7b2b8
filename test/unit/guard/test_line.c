/* SPDX-License-Identifier: ISC */
#include "guard/line.h"

#include "play.h"

static const struct {
    const char *name, *in, *told, *out;
    bool ended;
} dialogues[] = {
    {"accepted", "judge 192.0.2.1 ehlo - rcpt mail.example.com\n",
     "3 192.0.2.1 ehlo mail.example.com <>\n", "accept\n", false},
    {"refused, with its lines", "judge 192.0.2.1 HELO - mail bad\n", "2 192.0.2.1 helo bad <>\n",
     "deny 550 5.7.1 No 100%\\n?go away\n", false},
    {"deferred", "judge 2001:db8::1 esmtps - data slow\r\n", "4 2001:db8::1 ehlo slow <>\n",
     "defer 451 4.4.3 Later\n", false},
    {"who logged in", "judge 192.0.2.1 esmtpa joe rcpt pc\n", "3 192.0.2.1 ehlo pc auth <>\n",
     "accept\n", false},
    {"several on one connection, names with blanks",
     "judge - smtp - helo a b\tc\njudge - local-smtp - helo x\n", "1  helo a b\tc <>\n", "accept\n",
     true},
    {"no name", "judge 192.0.2.1 ehlo - helo \njudge 192.0.2.1 ehlo - helo\n",
     "1 192.0.2.1 ehlo  <>\n1 192.0.2.1 ehlo  <>\n", "accept\naccept\n", false},
    {"with the sender of the envelope",
     "judge 192.0.2.1 ehlo - rcpt=b@c.example a.example\njudge 192.0.2.1 ehlo - mail= a.example\n"
     "judge 192.0.2.1 ehlo - RCPT=SRS0=x=b@c.example a.example\n",
     "3 192.0.2.1 ehlo a.example <b@c.example>\n2 192.0.2.1 ehlo a.example <>\n"
     "3 192.0.2.1 ehlo a.example <SRS0=x=b@c.example>\n",
     "accept\naccept\naccept\n", false},
    {"a header field goes with DATA, on one line",
     "judge 192.0.2.1 ehlo - data=b@c.example a.example\njudge 192.0.2.1 ehlo - data bad\n",
     "4 192.0.2.1 ehlo a.example <b@c.example>\n4 192.0.2.1 ehlo bad <>\n",
     "accept X-Seen: a; b=c\ndeny 550 5.7.1 No 100%\\n?go away\n", false},
    {"no address", "judge nobody ehlo - rcpt a\n", "", "", true},
    {"no stage", "judge 192.0.2.1 ehlo - end a\n", "", "", true},
    {"a sender for no stage", "judge 192.0.2.1 ehlo - =b@c.example a\n", "", "", true},
    {"no user", "judge 192.0.2.1 ehlo  rcpt a\n", "", "", true},
    {"too few words", "judge 192.0.2.1 ehlo\n", "", "", true},
    {"another word", "ask 192.0.2.1 ehlo - rcpt a\n", "", "", true},
    {"an empty line", "\n", "", "", true},
    {"half a line", "judge 192.0.2.1 ehlo - rcpt a", "", "", false},
};

static void test_dialogues(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(dialogues); i++) {
        print_message("%s\n", dialogues[i].name);
        play_everywhere(GUARD_EXIM, span_cstr(dialogues[i].in), span_cstr(dialogues[i].told),
                        span_cstr(dialogues[i].out), dialogues[i].ended);
    }
}

static void test_limit(void **state)
{
    static char memory[GUARD_LINE_MAX_BYTES + 1];
    struct guard_question q;
    size_t used = 0;

    (void)state;
    memset(memory, 'x', sizeof(memory));
    memcpy(memory, "judge - ehlo - rcpt ", 20);
    assert_int_equal(guard_line_read(span_of(memory, GUARD_LINE_MAX_BYTES - 1), &used, &q),
                     GUARD_MORE);
    assert_int_equal(guard_line_read(span_of(memory, GUARD_LINE_MAX_BYTES), &used, &q), GUARD_END);
    memory[GUARD_LINE_MAX_BYTES - 1] = '\n';
    assert_int_equal(guard_line_read(span_of(memory, sizeof(memory)), &used, &q), GUARD_ASK);
    assert_int_equal(used, GUARD_LINE_MAX_BYTES);
    assert_int_equal(q.greeting.n, GUARD_LINE_MAX_BYTES - 21);
}

/* The two octets \n of a greeting are no end of a line. */
static void test_backslash(void **state)
{
    char memory[128];
    struct buf b = BUF_OVER(memory);
    struct guard_answer a = {GUARD_REFUSE, 501, SPAN("5.5.4"), SPAN("\"a\\nb\" is none"),
                             SPAN_NONE};

    (void)state;
    guard_line_put(&b, &a);
    assert_span_equal(buf_span(&b), SPAN("deny 501 5.5.4 \"a/nb\" is none\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dialogues),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_backslash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
