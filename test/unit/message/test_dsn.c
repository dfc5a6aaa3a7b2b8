/* SPDX-License-Identifier: ISC */
#include "message/dsn.h"

#include <stdlib.h>

#include "../guard.h"

#define AT 1795294680000

static const struct dsn_recipient refused = {
    .address = SPAN_INIT("nobody@example.net"),
    .status = {5, 1, 1},
    .remote = SPAN_INIT("mx.example.net [192.0.2.1]"),
    .reply = SPAN_INIT("550-5.1.1 no such user\r\n550 5.1.1 see our page"),
};

static struct dsn sample(enum dsn_kind kind)
{
    return (struct dsn){
        .kind = kind,
        .id = 0x123456789abcdef,
        .about_id = 0x123456789abcdee,
        .host = SPAN("mx.example.org"),
        .sender = SPAN("alice@example.org"),
        .arrived_ms = AT,
        .now_ms = AT + 60000,
        .recipients = &refused,
        .n_recipients = 1,
        .original = SPAN("From: Alice\r\nSubject: =?utf-8?q?hi?=\r\n there\r\n\r\nsecret body\r\n"),
    };
}

static span build(const struct dsn *d)
{
    size_t cap = dsn_size_max(d);
    struct buf b = buf_over(malloc(cap), cap);

    assert_non_null(b.p);
    dsn_put(&b, d);
    assert_false(b.overflow);
    return buf_span(&b);
}

static const char failed[] =
    "From: Mail Delivery System <MAILER-DAEMON@mx.example.org>\r\n"
    "To: <alice@example.org>\r\n"
    "Subject: Your message could not be delivered\r\n"
    "Date: Sat, 21 Nov 2026 20:59:00 +0000\r\n"
    "Message-ID: <028T5CY4TQKFF.report@mx.example.org>\r\n"
    "Auto-Submitted: auto-replied\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: multipart/report; report-type=delivery-status;\r\n"
    "\tboundary=\"=_herald_028T5CY4TQKFF\"\r\n"
    "\r\n"
    "This is a report in MIME format.\r\n"
    "\r\n"
    "--=_herald_028T5CY4TQKFF\r\n"
    "Content-Type: text/plain; charset=us-ascii\r\n"
    "Content-Description: What happened\r\n"
    "\r\n"
    "This is the mail system at mx.example.org.\r\n"
    "\r\n"
    "The message that you sent on Sat, 21 Nov 2026 20:58:00 +0000\r\n"
    "could not be delivered to:\r\n"
    "\r\n"
    "  nobody@example.net\r\n"
    "    There is no such mailbox.\r\n"
    "    mx.example.net [192.0.2.1] said:\r\n"
    "      550-5.1.1 no such user 550 5.1.1 see our page\r\n"
    "\r\n"
    "The number of the message here is 028T5CY4TQKFE; its header stands below.\r\n"
    "\r\n"
    "--=_herald_028T5CY4TQKFF\r\n"
    "Content-Type: message/delivery-status\r\n"
    "Content-Description: The same for machines\r\n"
    "\r\n"
    "Reporting-MTA: dns; mx.example.org\r\n"
    "Arrival-Date: Sat, 21 Nov 2026 20:58:00 +0000\r\n"
    "\r\n"
    "Final-Recipient: rfc822; nobody@example.net\r\n"
    "Action: failed\r\n"
    "Status: 5.1.1\r\n"
    "Remote-MTA: dns; mx.example.net\r\n"
    "Diagnostic-Code: smtp; 550-5.1.1 no such user 550 5.1.1 see our page\r\n"
    "\r\n"
    "--=_herald_028T5CY4TQKFF\r\n"
    "Content-Type: text/rfc822-headers\r\n"
    "Content-Description: The header of the message\r\n"
    "\r\n"
    "From: Alice\r\n"
    "Subject: =?utf-8?q?hi?=\r\n"
    " there\r\n"
    "\r\n"
    "--=_herald_028T5CY4TQKFF--\r\n";

static void a_failure(void **state)
{
    struct dsn d = sample(DSN_FAILED);
    span text = build(&d), again = build(&d);

    (void)state;
    assert_span_equal(text, span_cstr(failed));
    assert_span_equal(again, text);
    free((void *)(uintptr_t)text.p);
    free((void *)(uintptr_t)again.p);
}

static void a_delay(void **state)
{
    struct dsn d = sample(DSN_DELAYED);
    struct dsn_recipient r = {.address = SPAN("bob@example.net"),
                              .original = SPAN("rfc822;robert@example.net"),
                              .action = DSN_ACTION_DELAYED,
                              .status = {4, 4, 1},
                              .words = SPAN("The server at example.net does not answer.")};
    span text;

    (void)state;
    d.recipients = &r;
    d.envelope_id = SPAN("QQ314159");
    d.retry_until_ms = AT + 432000000;
    text = build(&d);
    assert_true(span_search(text, SPAN("Action: delayed\r\nStatus: 4.4.1\r\n"
                                       "Will-Retry-Until: Thu, 26 Nov 2026 20:58:00 +0000\r\n")) <
                text.n);
    assert_true(span_search(text, SPAN("Original-Envelope-Id: QQ314159\r\n")) < text.n);
    assert_true(span_search(text, SPAN("Original-Recipient: rfc822;robert@example.net\r\n")) <
                text.n);
    assert_true(span_search(text, SPAN("    The server at example.net does not answer.\r\n")) <
                text.n);
    assert_false(span_search(text, SPAN("Remote-MTA")) < text.n);
    free((void *)(uintptr_t)text.p);
}

/* No octet from outside acts: no bare CR or LF, no NUL, no high octet, no line over 998. */
static void assert_is_mail(span text)
{
    span rest = text, line;

    while (span_line(&rest, &line)) {
        assert_true(line.n <= 998);
        assert_true(line.p[line.n] == '\r');
        for (size_t i = 0; i < line.n; i++)
            assert_true((line.p[i] >= ' ' && line.p[i] <= '~') || line.p[i] == '\t');
    }
}

static void hostile_texts(void **state)
{
    static char octets[70000];
    span hostile = span_of(octets, sizeof octets);
    struct dsn_recipient r[2] = {{.address = hostile,
                                  .original = hostile,
                                  .status = {5, 0, 0},
                                  .remote = hostile,
                                  .reply = hostile,
                                  .words = hostile},
                                 refused};
    struct dsn d = sample(DSN_FAILED);
    size_t at;

    (void)state;
    d.recipients = r;
    d.n_recipients = 2;
    d.sender = d.host = d.envelope_id = hostile;
    for (int octet = 0; octet < 256; octet++) {
        span text;

        memset(octets, octet, sizeof octets);
        memcpy(octets, "Subject: ", 9);
        d.original = hostile;
        text = build(&d);
        assert_is_mail(text);
        free((void *)(uintptr_t)text.p);
    }
    /* A header line that ends the part is left out. */
    d = sample(DSN_FAILED);
    d.original = SPAN("A: 1\r\n--=_herald_028T5CY4TQKFF--:\r\nB: 2\r\n\r\n");
    hostile = build(&d);
    at = span_search(hostile, SPAN("A: 1\r\nB: 2\r\n"));
    assert_true(at < hostile.n);
    free((void *)(uintptr_t)hostile.p);
}

static void a_header_without_limits(void **state)
{
    static char lines[400000];
    struct buf b = BUF_OVER(lines);
    struct dsn d = sample(DSN_FAILED);
    span text;

    (void)state;
    while (buf_room(&b) > 8)
        buf_put(&b, SPAN("A:\n"));
    d.original = buf_span(&b);
    text = build(&d);
    assert_true(text.n < 200000);
    assert_is_mail(text);
    free((void *)(uintptr_t)text.p);
}

static bool has(span text, const char *what)
{
    return span_search(text, span_cstr(what)) < text.n;
}

static void a_success(void **state)
{
    static const struct {
        enum dsn_action action;
        const char *want;
    } rows[] = {
        {DSN_ACTION_DELIVERED, "Action: delivered\r\nStatus: 2.0.0\r\n"},
        {DSN_ACTION_RELAYED, "Action: relayed\r\nStatus: 2.0.0\r\n"},
        {DSN_ACTION_EXPANDED, "Action: expanded\r\nStatus: 2.0.0\r\n"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct dsn d = sample(DSN_SUCCEEDED);
        struct dsn_recipient r = {
            .address = SPAN("a@b.example"), .action = rows[i].action, .status = {2, 0, 0}};
        span text;

        d.recipients = &r;
        text = build(&d);
        assert_is_mail(text);
        assert_true(has(text, rows[i].want));
        assert_true(has(text, "Subject: Your message was delivered\r\n"));
        free((void *)(uintptr_t)text.p);
    }
}

/* RFC 6533: addresses and headers in UTF-8. */
static void what_is_not_ascii(void **state)
{
    struct dsn d = sample(DSN_FAILED);
    struct dsn_recipient r = {.address = SPAN("j\xc3\xb6@b\xc3\xbc"
                                              "cher.example"),
                              .status = {5, 6, 7}};
    span text;

    (void)state;
    assert_int_equal(dsn_needs(&d), 0);
    d.recipients = &r;
    assert_int_equal(dsn_needs(&d), DSN_NEEDS_8BIT);
    d.sender = SPAN("\xc3\xa4@b.example");
    d.original = SPAN("Subject: \xc3\xa4\r\n\r\n\xff");
    assert_int_equal(dsn_needs(&d), DSN_NEEDS_8BIT | DSN_NEEDS_SMTPUTF8);
    text = build(&d);
    assert_true(has(text, "To: <\xc3\xa4@b.example>\r\n"));
    assert_true(has(text, "Content-Type: text/plain; charset=utf-8\r\n"));
    assert_true(has(text, "Content-Type: message/global-delivery-status\r\n"));
    assert_true(has(text, "Final-Recipient: utf-8; j\xc3\xb6@b\xc3\xbc"
                          "cher.example\r\n"));
    assert_true(has(text, "Content-Type: message/global-headers\r\n"));
    assert_true(has(text, "\r\n\r\nSubject: \xc3\xa4\r\n"));
    free((void *)(uintptr_t)text.p);
    /* Latin-1 is no UTF-8: in seven bits. */
    d = sample(DSN_FAILED);
    d.original = SPAN("Subject: \xe4\r\n\r\n");
    assert_int_equal(dsn_needs(&d), 0);
    text = build(&d);
    assert_is_mail(text);
    assert_true(has(text, "Subject: ?\r\n"));
    free((void *)(uintptr_t)text.p);
}

/* Addresses and ids come back octet for octet, however long (RFC 3464 2.2.1, 2.3.1; RFC 6533 3). */
static void what_is_compared(void **state)
{
    static const struct {
        span original, address;
        const char *want;
        unsigned needs;
    } rows[] = {
        {SPAN_INIT("utf-8;j\\x{F6}@b.example"), SPAN_INIT("j@b.example"),
         "Original-Recipient: utf-8;j\\x{F6}@b.example\r\n", 0},
        {SPAN_INIT("utf-8;j\xc3\xb6@b.example"), SPAN_INIT("j@b.example"),
         "Original-Recipient: utf-8;j\xc3\xb6@b.example\r\n", DSN_NEEDS_8BIT},
        {SPAN_INIT("rfc822;\"a\\\"b  c\"@b.example"), SPAN_INIT("\"a\\\"b  c\"@b.example"),
         "Original-Recipient: rfc822;\"a\\\"b  c\"@b.example\r\n"
         "Final-Recipient: rfc822; \"a\\\"b  c\"@b.example\r\n",
         0},
        {SPAN_INIT("rfc822;a\x01z"), SPAN_INIT("j@b.example"),
         "Original-Recipient: rfc822;a\\x01z\r\n", 0},
    };
    char longest[500];
    struct dsn d = sample(DSN_FAILED);
    struct dsn_recipient r = {.status = {5, 1, 1}};
    span text;

    (void)state;
    d.recipients = &r;
    d.envelope_id = SPAN("a\\b+=");
    for (size_t i = 0; i < COUNT(rows); i++) {
        r.original = rows[i].original;
        r.address = rows[i].address;
        assert_int_equal(dsn_needs(&d), rows[i].needs);
        text = build(&d);
        assert_true(has(text, rows[i].want));
        assert_true(has(text, "Original-Envelope-Id: a\\b+=\r\n"));
        free((void *)(uintptr_t)text.p);
    }
    memset(longest, 'x', sizeof(longest));
    memcpy(longest, "rfc822;", 7);
    r.original = span_of(longest, sizeof(longest));
    text = build(&d);
    assert_true(span_search(text, r.original) < text.n);
    free((void *)(uintptr_t)text.p);
}

static void the_whole_message(void **state)
{
    static const struct {
        span original;
        bool fine;
    } rows[] = {
        {SPAN_INIT("A: b\r\n\r\nhello\r\n"), true},
        {SPAN_INIT("A: b\r\n\r\nh\xe4llo"), true},
        {SPAN_INIT(""), true},
        {SPAN_INIT("A: b\r\n\r\nhel\nlo\r\n"), false},
        {SPAN_INIT("A: b\r\n\r\nhel\rlo\r\n"), false},
        {SPAN_INIT("A: b\r\n\r\nhello\r"), false},
        {SPAN_INIT("A: b\r\n\r\nhel\0lo\r\n"), false},
        {SPAN_INIT("A: b\r\n\r\n--=_herald_028T5CY4TQKFF--\r\n"), false},
    };
    static char line[1200];
    struct dsn d = sample(DSN_FAILED);
    span text;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(dsn_can_return(guard_copy(rows[i].original)), rows[i].fine);
    memset(line, 'x', sizeof(line));
    assert_true(dsn_can_return(span_of(line, 998)));
    assert_false(dsn_can_return(span_of(line, 999)));
    d.original = rows[1].original;
    d.whole = true;
    assert_int_equal(dsn_needs(&d), DSN_NEEDS_8BIT);
    text = build(&d);
    assert_true(has(text, "Content-Type: message/rfc822\r\nContent-Description: The message\r\n"
                          "Content-Transfer-Encoding: 8bit\r\n\r\nA: b\r\n\r\nh\xe4llo\r\n--"));
    free((void *)(uintptr_t)text.p);
}

static void words_for_a_status(void **state)
{
    (void)state;
    assert_string_equal(dsn_status_words((const unsigned[]){5, 1, 1}), "There is no such mailbox.");
    assert_string_equal(dsn_status_words((const unsigned[]){4, 2, 2}), "The mailbox is full.");
    assert_string_equal(dsn_status_words((const unsigned[]){5, 7, 26}),
                        "The receiving server refuses the message as a matter of policy.");
    assert_string_equal(dsn_status_words((const unsigned[]){5, 0, 0}),
                        "The receiving server refused the message.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure),          cmocka_unit_test(a_delay),
        cmocka_unit_test(hostile_texts),      cmocka_unit_test(a_header_without_limits),
        cmocka_unit_test(words_for_a_status), cmocka_unit_test(a_success),
        cmocka_unit_test(what_is_not_ascii),  cmocka_unit_test(the_whole_message),
        cmocka_unit_test(what_is_compared),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
