/* SPDX-License-Identifier: ISC */
/* What dialogues cannot show; those are in test/transcript. */
#include "../guard.h"
#include "smtp/client.h"

static struct smtp_client client;
static char room[4096];
static struct buf out;

static enum err begin(span name)
{
    static struct smtp_client_conf conf;

    conf = (struct smtp_client_conf){.name = name, .use = UINT32_MAX};
    out = BUF_OVER(room);
    return smtp_client_init(&client, &conf, &out);
}

static const struct {
    span name;
    enum err want;
} names[] = {
    {SPAN_INIT("mx.example.net"), ERR_OK},
    {SPAN_INIT("[192.0.2.1]"), ERR_OK},
    {SPAN_INIT("[IPv6:2001:db8::1]"), ERR_OK},
    {SPAN_INIT(""), ERR_CONF},
    {SPAN_INIT("mx.example.net\r\n"), ERR_CONF},
    {SPAN_INIT("a b"), ERR_CONF},
    {SPAN_INIT("a\0b"), ERR_CONF},
    {SPAN_INIT("b\xc3\xbc.example"), ERR_CONF},
    {SPAN_INIT("mx.example.net."), ERR_CONF},
    {SPAN_INIT("my_host.example"), ERR_CONF},
    {SPAN_INIT("[192.0.2.1] x"), ERR_CONF},
    {SPAN_INIT("[2001:db8::1]"), ERR_CONF},
    {SPAN_INIT("a\x85.example"), ERR_CONF},
};

static void greets_with_names_only(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        if (begin(guard_copy(names[i].name)) != names[i].want)
            fail_msg("%.*s", SPAN_ARG(names[i].name));
    }
}

static const struct {
    span address;
    enum err want;
} addresses[] = {
    {SPAN_INIT("a@b.example"), ERR_OK},
    {SPAN_INIT("\"a b\"@b.example"), ERR_OK},
    {SPAN_INIT("\"a>\"@b.example"), ERR_OK},
    {SPAN_INIT("a@b.example\r\nRSET"), ERR_SYNTAX},
    {SPAN_INIT("a\r@b.example"), ERR_SYNTAX},
    {SPAN_INIT("a\n@b.example"), ERR_SYNTAX},
    {SPAN_INIT("\"a\n\"@b.example"), ERR_SYNTAX},
    {SPAN_INIT("a\0@b.example"), ERR_SYNTAX},
    {SPAN_INIT("a\x7f@b.example"), ERR_SYNTAX},
    {SPAN_INIT("a\x85@b.example"), ERR_SYNTAX},
    {SPAN_INIT("\xc3\xa4@b.example"), ERR_SYNTAX},
    {SPAN_INIT("a>@b.example"), ERR_SYNTAX},
    {SPAN_INIT("a@b.example> SIZE=1"), ERR_SYNTAX},
    {SPAN_INIT("a b@b.example"), ERR_SYNTAX},
    {SPAN_INIT("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@b.example"),
     ERR_LIMIT},
};

static void ready(void)
{
    struct smtp_client_event ev;

    assert_int_equal(begin(SPAN("out.example")), ERR_OK);
    smtp_client_feed(&client, SPAN("220 mx\r\n"));
    assert_false(smtp_client_next(&client, &ev));
    smtp_client_feed(&client, SPAN("250-mx Hello out.example [192.0.2.1]\r\n250 PIPELINING\r\n"));
    assert_true(smtp_client_next(&client, &ev));
    assert_int_equal(ev.kind, SMTP_CLIENT_READY);
    buf_reset(&out);
}

/* Nothing that an address holds can become a command (CVE-2020-8794 and its kin). */
static void takes_addresses_only(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(addresses); i++) {
        for (int sender = 0; sender < 2; sender++) {
            struct smtp_client_rcpt rcpt = {.address = SPAN("r@b.example")};
            struct smtp_client_mail mail = {
                .sender = SPAN("s@b.example"), .rcpts = &rcpt, .rcpt_count = 1};
            struct smtp_client_event ev;

            ready();
            *(sender ? &mail.sender : &rcpt.address) = guard_copy(addresses[i].address);
            if (smtp_client_mail(&client, &mail) != addresses[i].want)
                fail_msg("%.*s", SPAN_ARG(addresses[i].address));
            (void)smtp_client_next(&client, &ev);
            assert_int_equal(out.n > 0, addresses[i].want == ERR_OK);
        }
    }
}

static void keeps_evidence(void **state)
{
    (void)state;
    ready();
    assert_span_equal(smtp_client_hello(&client), SPAN("mx Hello out.example [192.0.2.1]"));
    assert_span_equal(smtp_client_banner(&client), SPAN("mx"));
    assert_int_equal(client.offered, SMTP_EXT_PIPELINING);
    assert_true(smtp_client_deadline(&client, 5) == INT64_MAX);
}

static void aborts_without_a_dot(void **state)
{
    struct smtp_client_rcpt rcpt = {.address = SPAN("r@b.example")};
    struct smtp_client_mail mail = {.sender = SPAN(""), .rcpts = &rcpt, .rcpt_count = 1};
    struct smtp_client_event ev;

    (void)state;
    ready();
    assert_int_equal(smtp_client_mail(&client, &mail), ERR_OK);
    assert_false(smtp_client_next(&client, &ev));
    buf_reset(&out);
    smtp_client_feed(&client, SPAN("250 a\r\n250 b\r\n354 c\r\n"));
    while (smtp_client_next(&client, &ev) && ev.kind != SMTP_CLIENT_WANTS_BODY)
        continue;
    assert_int_equal(ev.kind, SMTP_CLIENT_WANTS_BODY);
    assert_true(rcpt.accepted);
    assert_true(smtp_client_deadline(&client, 5) == 5 + 180 * 1000);
    assert_int_equal(smtp_client_body(&client, SPAN("half")), 4);
    smtp_client_abort(&client);
    assert_true(smtp_client_next(&client, &ev));
    assert_int_equal(ev.kind, SMTP_CLIENT_CLOSED);
    assert_ptr_equal(ev.mail, &mail);
    assert_false(ev.maybe_delivered);
    assert_span_equal(buf_span(&out), SPAN("half"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greets_with_names_only),
        cmocka_unit_test(takes_addresses_only),
        cmocka_unit_test(keeps_evidence),
        cmocka_unit_test(aborts_without_a_dot),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
