/* SPDX-License-Identifier: ISC */
#include "../guard.h"
#include "explain/reply.h"

static const struct {
    const char *text;
    unsigned code;
    const char *enhanced;
    const char *reply;
} cases[] = {
    {"550 5.7.1 no", 550, "5.7.1", "550 5.7.1 no"},
    {"550 Access denied - Invalid HELO name (See RFC2821 4.1.1.1)", 550, "",
     "550 Access denied - Invalid HELO name (See RFC2821 4.1.1.1)"},
    {"550 Access denied - (See RFC2821 4.1.3)", 550, "", "550 Access denied - (See RFC2821 4.1.3)"},
    {"550 no (#5.5.0)", 550, "5.5.0", "550 no (#5.5.0)"},
    {"550-5.7.1 a\n550 5.7.1 b\nmore", 550, "5.7.1", "550-5.7.1 a\n550 5.7.1 b"},
    {"<u@x.org>: host mx.x.org[198.51.100.5] said: 504 5.5.2 <a>: bad (in reply to RCPT TO)", 504,
     "5.5.2", "504 5.5.2 <a>: bad"},
    {"postfix/smtpd[550]: NOQUEUE: reject: RCPT from unknown[192.0.2.8]:455: 450 4.7.1 no", 450,
     "4.7.1", "450 4.7.1 no"},
    {"SMTPRecipientsRefused: {'u@x.org': (504, b'5.5.2 <web>: no')}", 504, "5.5.2",
     "5.5.2 <web>: no"},
    {"{\"response\":\"550 no\",\"responseCode\":550}", 550, "", "550 no\",\"responseCode\":550}"},
    {"The server response was: 5.7.57 SMTP; no", 0, "5.7.57", "5.7.57 SMTP; no"},
    {"connect to mx.example.org[198.51.100.4]:25: Connection timed out", 0, "", ""},
    {"version 5.7.1 of 450 bytes", 0, "", ""},
    {"", 0, "", ""},
};

static void replies_are_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reply_found r;

        reply_find(guard_copy(span_cstr(cases[i].text)), &r);
        assert_int_equal(r.code, cases[i].code);
        assert_span_equal(r.enhanced, span_cstr(cases[i].enhanced));
        assert_span_equal(r.text, span_cstr(cases[i].reply));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(replies_are_found)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
