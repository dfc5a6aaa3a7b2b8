/* SPDX-License-Identifier: ISC */
#include "message/received.h"

#include "../guard.h"

#define ID 0x123456789abcdef
#define AT 1795294680000

static const struct {
    struct received r;
    const char *text;
} rows[] = {
    {{.greeting = SPAN_INIT("mail.example.net"),
      .ptr = SPAN_INIT("mail.example.net"),
      .address = SPAN_INIT("192.0.2.1"),
      .host = SPAN_INIT("mx.example.org"),
      .with = SPAN_INIT("ESMTP"),
      .id = ID,
      .recipient = SPAN_INIT("alice@example.org"),
      .wall_ms = AT},
     "Received: from mail.example.net (mail.example.net [192.0.2.1]) by\r\n"
     "\tmx.example.org (herald) with ESMTP id 028T5CY4TQKFF for <alice@example.org>;\r\n"
     "\tSat, 21 Nov 2026 20:58:00 +0000\r\n"},
    {{.greeting = SPAN_INIT("[IPv6:2001:db8::1]"),
      .address = SPAN_INIT("IPv6:2001:db8::1"),
      .host = SPAN_INIT("mx.example.org"),
      .with = SPAN_INIT("SMTP"),
      .id = ID,
      .wall_ms = AT},
     "Received: from [IPv6:2001:db8::1] (unknown [IPv6:2001:db8::1]) by\r\n"
     "\tmx.example.org (herald) with SMTP id 028T5CY4TQKFF; Sat, 21 Nov 2026 20:58:00\r\n"
     "\t+0000\r\n"},
    {{.greeting = SPAN_INIT("mail.example.net"),
      .address = SPAN_INIT("192.0.2.1"),
      .host = SPAN_INIT("mx.example.org"),
      .with = SPAN_INIT("ESMTPS"),
      .id = ID,
      .tls_cipher = SPAN_INIT("TLS_AES_256_GCM_SHA384"),
      .tls_version = SPAN_INIT("TLSv1.3"),
      .recipient = SPAN_INIT("alice@example.org"),
      .wall_ms = AT},
     "Received: from mail.example.net (unknown [192.0.2.1]) by mx.example.org\r\n"
     "\t(herald) with ESMTPS id 028T5CY4TQKFF for <alice@example.org> tls\r\n"
     "\tTLS_AES_256_GCM_SHA384 (TLSv1.3); Sat, 21 Nov 2026 20:58:00 +0000\r\n"},
    {{.greeting = SPAN_INIT("a.example"),
      .address = SPAN_INIT("192.0.2.1"),
      .host = SPAN_INIT("mx.example.org"),
      .with = SPAN_INIT("ESMTPS"),
      .id = ID,
      .tls_cipher = SPAN_INIT("a b\r\nX-Bad: 1"),
      .tls_version = SPAN_INIT("TLSv1.3"),
      .wall_ms = AT},
     "Received: from a.example (unknown [192.0.2.1]) by mx.example.org (herald) with\r\n"
     "\tESMTPS id 028T5CY4TQKFF; Sat, 21 Nov 2026 20:58:00 +0000\r\n"},
    /* What could act is shown in a comment, or not at all. */
    {{.greeting = SPAN_INIT("x) by evil (\r\nX-Bad: \x1b[1m"),
      .ptr = SPAN_INIT("evil\r\nX-Bad: 1"),
      .address = SPAN_INIT("192.0.2.1"),
      .host = SPAN_INIT("mx.example.org"),
      .with = SPAN_INIT("ESMTP"),
      .id = ID,
      .recipient = SPAN_INIT("a@b>\r\nX-Bad: 1"),
      .wall_ms = AT},
     "Received: from unknown (unknown [192.0.2.1]) (greeting x? by evil\r\n"
     "\t??x0d?x0aX-Bad: ?x1b[1m) by mx.example.org (herald) with ESMTP id\r\n"
     "\t028T5CY4TQKFF; Sat, 21 Nov 2026 20:58:00 +0000\r\n"},
    {{.greeting = SPAN_INIT(""),
      .host = SPAN_INIT("mx.example.org"),
      .with = SPAN_INIT("local"),
      .id = ID,
      .wall_ms = AT},
     "Received: from localhost by mx.example.org (herald) with local id\r\n"
     "\t028T5CY4TQKFF; Sat, 21 Nov 2026 20:58:00 +0000\r\n"},
};

static void received_fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[RECEIVED_MAX_BYTES];
        struct buf b = BUF_OVER(text);
        span rest, line;

        received_put(&b, &rows[i].r);
        assert_false(b.overflow);
        assert_span_equal(buf_span(&b), span_cstr(rows[i].text));
        for (rest = buf_span(&b); span_line(&rest, &line);)
            assert_true(line.n <= 78);
    }
}

/* The longest of everything fits in what the header promises, and no line reaches 998. */
static void the_longest(void **state)
{
    static char name[255], greeting[4096], address[254];
    struct received r = {.with = SPAN("ESMTPSA"), .id = UINT64_MAX, .wall_ms = AT};
    char text[RECEIVED_MAX_BYTES];
    struct buf b = BUF_OVER(text);
    span rest, line;

    (void)state;
    memset(name, 'n', sizeof name);
    memset(greeting, '\x80', sizeof greeting);
    memset(address, 'a', sizeof address);
    r.greeting = span_of(greeting, sizeof greeting);
    r.ptr = r.host = r.address = span_of(name, 254);
    r.recipient = span_of(address, sizeof address);
    received_put(&b, &r);
    assert_false(b.overflow);
    for (rest = buf_span(&b); span_line(&rest, &line);)
        assert_true(line.n <= 998);
}

static void the_other_fields(void **state)
{
    static const struct {
        const char *address, *text;
    } paths[] = {
        {"a@b.example", "Return-Path: <a@b.example>\r\n"},
        {"", "Return-Path: <>\r\n"},
        {"\"a b>\\\"\"@c", "Return-Path: <\"a b>\\\"\"@c>\r\n"},
        {"a\r\nX: 1@b", "Return-Path: <>\r\n"},
        {"a> <b@c", "Return-Path: <>\r\n"},
    };
    char text[200];
    struct buf b = BUF_OVER(text);

    (void)state;
    for (size_t i = 0; i < COUNT(paths); i++) {
        buf_reset(&b);
        received_put_return_path(&b, guard_copy(span_cstr(paths[i].address)));
        assert_span_equal(buf_span(&b), span_cstr(paths[i].text));
    }
    buf_reset(&b);
    received_put_delivered_to(&b, SPAN("bob@example.net"));
    assert_span_equal(buf_span(&b), SPAN("Delivered-To: bob@example.net\r\n"));
    buf_reset(&b);
    received_put_delivered_to(&b, SPAN("bob\n@example.net"));
    assert_int_equal(b.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(received_fields),
        cmocka_unit_test(the_longest),
        cmocka_unit_test(the_other_fields),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
