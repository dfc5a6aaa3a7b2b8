/* SPDX-License-Identifier: ISC */
#include "guard/policy.h"

#include "play.h"

#define HEAD "request=smtpd_access_policy\n"
#define YES  "action=DUNNO\n\n"
#define SEEN "action=PREPEND X-Seen: a; b=c\n\n"

static const struct {
    const char *name, *in, *told, *out;
    bool ended;
} dialogues[] = {
    {"an EHLO at RCPT",
     HEAD
     "protocol_state=RCPT\nprotocol_name=ESMTP\nclient_address=192.0.2.1\nhelo_name=a.example\n"
     "sender=b@c.example\ninstance=1.2.3\nunknown=\n\n",
     "3 192.0.2.1 ehlo a.example <b@c.example>\n", SEEN, false},
    {"a HELO after an EHLO",
     HEAD "protocol_state=HELO\nprotocol_name=ESMTP\nhelo_name=x.example\n\n",
     "1  helo x.example <>\n", YES, false},
    {"an EHLO before the protocol is known",
     HEAD "protocol_state=EHLO\nprotocol_name=SMTP\nhelo_name=x.example\n\n",
     "1  ehlo x.example <>\n", YES, false},
    {"two requests on one connection",
     HEAD "protocol_state=MAIL\nprotocol_name=SMTP\nhelo_name=bad\n\n" HEAD
          "protocol_state=DATA\nhelo_name=slow\nclient_address=2001:db8::1\n\n",
     "2  helo bad <>\n4 2001:db8::1 ehlo slow <>\n",
     "action=550 5.7.1 No 100% ?go away\n\naction=451 4.4.3 Later\n\n", false},
    {"CONNECT, VRFY, ETRN are nothing",
     HEAD "protocol_state=CONNECT\n\n" HEAD "protocol_state=VRFY\n\n" HEAD
          "protocol_state=ETRN\n\n",
     "0  ehlo  <>\n0  ehlo  <>\n0  ehlo  <>\n", YES YES YES, false},
    {"END-OF-MESSAGE takes no field", HEAD "protocol_state=END-OF-MESSAGE\nhelo_name=a.example\n\n",
     "5  ehlo a.example <>\n", YES, false},
    {"somebody who logged in",
     HEAD "protocol_state=MAIL\nhelo_name=a\nsasl_username=joe\nsasl_sender=\n\n",
     "2  ehlo a auth <>\n", YES, false},
    {"somebody who logged in without a name",
     HEAD "protocol_state=MAIL\nhelo_name=a\nsasl_username=\nsasl_method=EXTERNAL\n\n",
     "2  ehlo a auth <>\n", YES, false},
    {"CRLF for LF", "request=smtpd_access_policy\r\nprotocol_state=MAIL\r\nhelo_name=a\r\n\r\n",
     "2  ehlo a <>\n", YES, false},
    {"of a name that comes twice the last counts",
     HEAD "protocol_state=MAIL\nhelo_name=a\nhelo_name=b=c\n\n", "2  ehlo b=c <>\n", YES, false},
    {"text behind a literal", HEAD "protocol_state=MAIL\nhelo_name=[192.0.2.1]?my?pc\n\n",
     "2  ehlo [192.0.2.1] <>\n", YES, false},
    {"the Unix socket of a local client",
     HEAD "protocol_state=MAIL\nhelo_name=a\nclient_address=unknown\n\n", "2  ehlo a <>\n", YES,
     false},
    {"a line without an equals sign", HEAD "helo_name\n\n", "", "", true},
    {"an empty request", "\n", "", "", true},
    {"another request", "request=other\nprotocol_state=RCPT\n\n", "", "", true},
    {"a web browser", "GET / HTTP/1.0\r\n\r\n", "", "", true},
    {"half a request", HEAD "helo_name=a\n", "", "", false},
};

static void test_dialogues(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(dialogues); i++) {
        print_message("%s\n", dialogues[i].name);
        play_everywhere(GUARD_POLICY, span_cstr(dialogues[i].in), span_cstr(dialogues[i].told),
                        span_cstr(dialogues[i].out), dialogues[i].ended);
    }
}

static void test_limits(void **state)
{
    static char memory[2 * GUARD_POLICY_REQUEST_BYTES];
    struct buf b = BUF_OVER(memory);
    struct guard_question q;
    size_t used;

    (void)state;
    buf_put(&b, SPAN(HEAD));
    for (unsigned i = 1; i < GUARD_POLICY_ATTRS_MAX; i++)
        buf_put(&b, SPAN("a=\n"));
    assert_int_equal(guard_policy_read(buf_span(&b), &used, &q), GUARD_MORE);
    buf_put(&b, SPAN("a=\n\n"));
    assert_int_equal(guard_policy_read(buf_span(&b), &used, &q), GUARD_END);
    buf_reset(&b);
    buf_put(&b, SPAN("request="));
    while (b.n < GUARD_POLICY_REQUEST_BYTES)
        buf_putc(&b, 'x');
    assert_int_equal(guard_policy_read(buf_span(&b), &used, &q), GUARD_MORE);
    buf_putc(&b, 'x');
    assert_int_equal(guard_policy_read(buf_span(&b), &used, &q), GUARD_END);
    /* So it is when all of it is there. */
    buf_reset(&b);
    buf_put(&b, SPAN(HEAD "a="));
    while (b.n < GUARD_POLICY_REQUEST_BYTES - 2)
        buf_putc(&b, 'x');
    buf_put(&b, SPAN("\n\n"));
    assert_int_equal(guard_policy_read(buf_span(&b), &used, &q), GUARD_ASK);
    b.n -= 2;
    buf_put(&b, SPAN("xx\n\n"));
    assert_int_equal(guard_policy_read(buf_span(&b), &used, &q), GUARD_END);
}

/* A line of SMTP has 512 octets: whole lines of the text, as many as fit. */
static void test_long_text(void **state)
{
    char text[1200], memory[2048];
    struct buf b = BUF_OVER(memory);
    struct guard_answer a = {GUARD_REFUSE, 550, SPAN("5.7.1"), span_of(text, 600), SPAN_NONE};

    (void)state;
    memset(text, 'x', sizeof(text));
    guard_policy_put(&b, &a);
    assert_int_equal(b.n, sizeof("action=550 5.7.1 \n\n") - 1 + GUARD_TEXT_MAX_BYTES);
    buf_reset(&b);
    text[200] = text[398] = '\n';
    guard_policy_put(&b, &a);
    assert_int_equal(b.n, sizeof("action=550 5.7.1 \n\n") - 1 + 398);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dialogues),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_long_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
