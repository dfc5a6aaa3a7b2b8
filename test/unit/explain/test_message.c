/* SPDX-License-Identifier: ISC */
#include "../guard.h"
#include "explain/message.h"

#define HEADER "From: MAILER-DAEMON@x.example\nSubject: failed\nMIME-Version: 1.0\n"

static const struct {
    const char *name;
    const char *in;
    const char *out; /* line ends and blanks at the end left out */
} cases[] = {
    {"what is no message stays", "550 5.7.1 no\nnext", "550 5.7.1 no\nnext"},
    {"a plain message", HEADER "\n550 no\n", "550 no"},
    {"quoted-printable with soft breaks",
     HEADER
     "Content-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\n550 Helo comm=\n"
     "and rejec=74ed=20\n",
     "550 Helo command rejected"},
    {"base64", HEADER "Content-Transfer-Encoding: base64\n\nNTUwIEhlbG8g\nYmFkCg==\n",
     "550 Helo bad"},
    {"HTML",
     HEADER
     "Content-Type: text/html; charset=utf-8\n\n<html><style>p{}</style><p class=3D\"x\">550 "
     "&lt;web&gt;:<b> Helo</b>&nbsp;bad</p></html>\n",
     "550 <web>: Helo bad"},
    {"parts: text and machine part, not the original",
     HEADER
     "Content-Type: multipart/report; report-type=delivery-status;\n boundary=\"b 1\"\n\npreamble\n"
     "--b 1\n\nwords\n--b 1\nContent-Type: message/delivery-status\n\nDiagnostic-Code: smtp;\n"
     "    550 5.7.1\n no\n--b 1\nContent-Type: message/rfc822\n\nSubject: spam\n--b 1--\nend\n",
     "words\n\nDiagnostic-Code: smtp; 550 5.7.1 no"},
    {"nested parts, CRLF",
     "From: a@b\r\nTo: b@c\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n"
     "Content-Type: multipart/alternative; boundary=i\r\n\r\n--i\r\n\r\ninner\r\n--i--\r\n--o\r\n"
     "Content-Type: text/plain\r\n\r\nouter\r\n--o--\r\n",
     "inner\n\nouter"},
    {"HTML that was pasted", "Error<br>550 Helo<p>bad</p>", "Error\n550 Helo\nbad"},
    {"a boundary that is never closed",
     HEADER "Content-Type: multipart/mixed; boundary=x\n\n--x\n\nbody", "body"},
};

static span trimmed(span s)
{
    while (s.n > 0 && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == ' '))
        s.n--;
    while (s.n > 0 && s.p[0] == '\n')
        s = span_skip(s, 1);
    return s;
}

static void messages_are_read(void **state)
{
    static char memory[8192];

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf b = BUF_OVER(memory);
        span got = trimmed(message_text(guard_copy(span_cstr(cases[i].in)), &b));

        if (!span_eq(got, span_cstr(cases[i].out)))
            fail_msg("%s: '%.*s'", cases[i].name, SPAN_ARG(got));
    }
}

/* However many parts and levels, the text never outgrows the input. */
static void limits_hold(void **state)
{
    static char in[200000], out[sizeof in + MESSAGE_SPARE_BYTES];
    struct buf message = BUF_OVER(in), b = BUF_OVER(out);

    (void)state;
    buf_put(&message, SPAN(HEADER "Content-Type: multipart/mixed; boundary=b\n\n"));
    while (buf_room(&message) > 64)
        buf_put(&message, SPAN("--b\nContent-Type: multipart/mixed; boundary=b\n\nx\n"));
    assert_true(message_text(guard_copy(buf_span(&message)), &b).n <= message.n);
    assert_false(b.overflow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_read),
        cmocka_unit_test(limits_hold),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
