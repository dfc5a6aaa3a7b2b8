/* SPDX-License-Identifier: ISC */
#include "message/authres.h"

#include "../guard.h"

static const struct {
    struct authres a;
    const char *text;
} rows[] = {
    {{.host = SPAN_INIT("mx.example.org"),
      .iprev = SPAN_INIT("pass"),
      .address = SPAN_INIT("192.0.2.1"),
      .ptr = SPAN_INIT("mail.example.net"),
      .spf_helo = SPAN_INIT("pass"),
      .greeting = SPAN_INIT("mail.example.net"),
      .spf_from = SPAN_INIT("softfail"),
      .mail_from = SPAN_INIT("bob+x@example.net")},
     "Authentication-Results: mx.example.org; iprev=pass policy.iprev=192.0.2.1\r\n"
     "\t(mail.example.net); spf=pass smtp.helo=mail.example.net; spf=softfail\r\n"
     "\tsmtp.mailfrom=bob+x@example.net\r\n"},
    /* No token holds a colon. */
    {{.host = SPAN_INIT("mx.example.org"),
      .iprev = SPAN_INIT("permerror"),
      .address = SPAN_INIT("2001:db8::1"),
      .spf_helo = SPAN_INIT("none"),
      .greeting = SPAN_INIT("[IPv6:2001:db8::1]")},
     "Authentication-Results: mx.example.org; iprev=permerror\r\n"
     "\tpolicy.iprev=\"2001:db8::1\"; spf=none smtp.helo=\"[IPv6:2001:db8::1]\"\r\n"},
    /* Nothing from outside ends its value or its line. */
    {{.host = SPAN_INIT("mx.example.org"),
      .iprev = SPAN_INIT("temperror"),
      .address = SPAN_INIT("192.0.2.1"),
      .ptr = SPAN_INIT("evil)\r\nX-Bad: 1"),
      .spf_helo = SPAN_INIT("none"),
      .greeting = SPAN_INIT("a\"; spf=pass\r\nX-Bad: 1\x80\\"),
      .spf_from = SPAN_INIT("none"),
      .mail_from = SPAN_INIT("\"a b\"@c.example")},
     "Authentication-Results: mx.example.org; iprev=temperror\r\n"
     "\tpolicy.iprev=192.0.2.1; spf=none smtp.helo=\"a\\\"; spf=pass??X-Bad: 1?\\\\\";\r\n"
     "\tspf=none smtp.mailfrom=\"\\\"a b\\\"@c.example\"\r\n"},
};

static void the_field(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[AUTHRES_MAX_BYTES];
        struct buf b = BUF_OVER(text);

        authres_put(&b, &rows[i].a);
        assert_false(b.overflow);
        assert_span_equal(buf_span(&b), span_cstr(rows[i].text));
    }
}

static void the_longest_field_fits(void **state)
{
    char text[AUTHRES_MAX_BYTES], quotes[4096];
    struct buf b = BUF_OVER(text);
    struct authres a = {
        .iprev = SPAN("temperror"), .spf_helo = SPAN("permerror"), .spf_from = SPAN("permerror")};

    (void)state;
    memset(quotes, '"', sizeof(quotes));
    a.host = a.address = a.ptr = a.greeting = a.mail_from = span_of(quotes, sizeof(quotes));
    authres_put(&b, &a);
    assert_false(b.overflow);
}

static const struct {
    const char *name, *value;
    bool claims;
} claims[] = {
    {"Authentication-Results", " mx.example.org; spf=pass", true},
    {"AUTHENTICATION-results", " MX.example.org 1; none", true},
    {"Authentication-Results", "\r\n\t(a (b\\)) c) mx.example.org;", true},
    {"Authentication-Results", " \"mx.example.org\"; none", true},
    {"Authentication-Results", "mx.example.org", true},
    {"Authentication-Results", " mx.example.org.evil.example; none", false},
    {"Authentication-Results", " other.example; x=mx.example.org", false},
    {"Authentication-Results", "", false},
    {"Authentication-Results", " (mx.example.org", false},
    {"X-Authentication-Results", " mx.example.org; none", false},
};

static void who_claims_to_be_us(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(claims); i++)
        if (authres_claims(span_cstr(claims[i].name), guard_copy(span_cstr(claims[i].value)),
                           SPAN("mx.example.org")) != claims[i].claims)
            fail_msg("%s:%s", claims[i].name, claims[i].value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_field),
        cmocka_unit_test(the_longest_field_fits),
        cmocka_unit_test(who_claims_to_be_us),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
