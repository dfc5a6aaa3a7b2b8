/* SPDX-License-Identifier: ISC */
#include "../guard.h"
#include "smtp/xclient.h"

static const struct {
    const char *text;
    enum smtp_xclient_verb verb;
    enum smtp_xclient_fault fault;
    const char *want; /* what is said, in the order of the attributes */
} rows[] = {
    {"ADDR=192.0.2.1", SMTP_XCLIENT, SMTP_XCLIENT_FINE, "ADDR 192.0.2.1 0;"},
    {"addr=192.0.2.1 port=1025", SMTP_XCLIENT, SMTP_XCLIENT_FINE, "ADDR 192.0.2.1 1025;PORT 1025;"},
    {"ADDR=IPV6:2001:db8::1", SMTP_XCLIENT, SMTP_XCLIENT_FINE, "ADDR 2001:db8::1 0;"},
    {"ADDR=ipv6:::ffff:192.0.2.1", SMTP_XCLIENT, SMTP_XCLIENT_FINE, "ADDR 192.0.2.1 0;"},
    {"ADDR=2001:db8::1", SMTP_XCLIENT, SMTP_XCLIENT_FINE, "ADDR 2001:db8::1 0;"},
    {"  NAME=mx.example.net   HELO=[192.0.2.1]  ", SMTP_XCLIENT, SMTP_XCLIENT_FINE,
     "NAME mx.example.net;HELO [192.0.2.1];"},
    {"NAME=[UNAVAILABLE] ADDR=[unavailable]", SMTP_XCLIENT, SMTP_XCLIENT_FINE, "NAME -;ADDR -;"},
    {"NAME=[TEMPUNAVAIL]", SMTP_XCLIENT, SMTP_XCLIENT_FINE, "NAME ?;"},
    {"LOGIN=a+20b+C3+A4 PROTO=esmtp", SMTP_XCLIENT, SMTP_XCLIENT_FINE,
     "PROTO esmtp;LOGIN a b\xC3\xA4;"},
    {"DESTADDR=192.0.2.25 DESTPORT=25", SMTP_XCLIENT, SMTP_XCLIENT_FINE,
     "DESTADDR 192.0.2.25;DESTPORT 25;"},
    {"SOURCE=LOCAL IDENT=QID+2B1", SMTP_XFORWARD, SMTP_XCLIENT_FINE, "IDENT QID+1;SOURCE LOCAL;"},
    {"PROTO=LMTP", SMTP_XFORWARD, SMTP_XCLIENT_FINE, "PROTO LMTP;"},
    {"", SMTP_XCLIENT, SMTP_XCLIENT_EMPTY, ""},
    {"   ", SMTP_XCLIENT, SMTP_XCLIENT_EMPTY, ""},
    {"ADDR", SMTP_XCLIENT, SMTP_XCLIENT_FORM, ""},
    {"=192.0.2.1", SMTP_XCLIENT, SMTP_XCLIENT_FORM, ""},
    {"IDENT=1", SMTP_XCLIENT, SMTP_XCLIENT_UNKNOWN, ""},
    {"LOGIN=a", SMTP_XFORWARD, SMTP_XCLIENT_UNKNOWN, ""},
    {"REVERSE_NAME=a", SMTP_XCLIENT, SMTP_XCLIENT_UNKNOWN, ""},
    {"ADDR=192.0.2.1 ADDR=192.0.2.2", SMTP_XCLIENT, SMTP_XCLIENT_REPEATED, ""},
    {"NAME=[UNAVAILABLE] NAME=a.example", SMTP_XCLIENT, SMTP_XCLIENT_REPEATED, ""},
    {"ADDR=192.0.2.256", SMTP_XCLIENT, SMTP_XCLIENT_BAD, ""},
    {"ADDR=IPV6:192.0.2.1", SMTP_XCLIENT, SMTP_XCLIENT_BAD, ""},
    {"ADDR=", SMTP_XCLIENT, SMTP_XCLIENT_BAD, ""},
    {"PORT=65536", SMTP_XCLIENT, SMTP_XCLIENT_BAD, ""},
    {"PORT=-1", SMTP_XCLIENT, SMTP_XCLIENT_BAD, ""},
    {"PROTO=LMTP", SMTP_XCLIENT, SMTP_XCLIENT_BAD, ""},
    {"NAME=a..example", SMTP_XCLIENT, SMTP_XCLIENT_BAD, ""},
    {"NAME=a+0D+0Ab", SMTP_XCLIENT, SMTP_XCLIENT_BAD, ""},
    {"HELO=a+0D+0AMAIL", SMTP_XCLIENT, SMTP_XCLIENT_BAD, ""},
    {"HELO=a+00b", SMTP_XCLIENT, SMTP_XCLIENT_BAD, ""},
    {"LOGIN=a+FF", SMTP_XCLIENT, SMTP_XCLIENT_BAD, ""},
    {"LOGIN=a+2", SMTP_XCLIENT, SMTP_XCLIENT_BAD, ""},
    {"LOGIN=a+", SMTP_XCLIENT, SMTP_XCLIENT_BAD, ""},
    {"LOGIN=a+GG", SMTP_XCLIENT, SMTP_XCLIENT_BAD, ""},
    {"LOGIN=a=b", SMTP_XCLIENT, SMTP_XCLIENT_BAD, ""},
};

static void show(struct buf *b, const struct smtp_xclient *x)
{
    static const char *const names[] = {"NAME",  "ADDR",     "PORT",     "PROTO", "HELO",
                                        "LOGIN", "DESTADDR", "DESTPORT", "IDENT", "SOURCE"};

    for (unsigned i = 0; i < SMTP_XCLIENT_ATTRS; i++) {
        if (x->known[i] == SMTP_XCLIENT_UNSAID)
            continue;
        buf_put(b, span_cstr(names[i]));
        buf_putc(b, ' ');
        if (x->known[i] != SMTP_XCLIENT_SAID) {
            buf_putc(b, x->known[i] == SMTP_XCLIENT_UNAVAILABLE ? '-' : '?');
        } else if (i == SMTP_XCLIENT_ADDR) {
            ip_addr_put(b, x->addr);
            buf_printf(b, " %u", x->port);
        } else if (i == SMTP_XCLIENT_DESTADDR) {
            ip_addr_put(b, x->destaddr);
        } else {
            buf_put(b, x->value[i]);
        }
        buf_putc(b, ';');
    }
}

static void each_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char room[512], shown[512];
        struct buf memory = BUF_OVER(room), b = BUF_OVER(shown);
        struct smtp_xclient x = {0};
        enum smtp_xclient_fault fault =
            smtp_xclient_parse(guard_copy(span_cstr(rows[i].text)), rows[i].verb, &memory, &x);

        if (fault != rows[i].fault)
            fail_msg("'%s': %s", rows[i].text, smtp_xclient_fault_text(fault));
        show(&b, &x);
        assert_span_equal(buf_span(&b), span_cstr(rows[i].want));
    }
}

static void a_value_is_bounded(void **state)
{
    char text[5 + SMTP_XCLIENT_VALUE_BYTES + 1], room[1024];
    struct buf memory = BUF_OVER(room);
    struct smtp_xclient x;

    (void)state;
    memset(text, 'x', sizeof(text));
    memcpy(text, "HELO=", 5);
    assert_int_equal(
        smtp_xclient_parse(guard_copy(span_of(text, sizeof(text))), SMTP_XCLIENT, &memory, &x),
        SMTP_XCLIENT_BAD);
    assert_int_equal(
        smtp_xclient_parse(guard_copy(span_of(text, sizeof(text) - 1)), SMTP_XCLIENT, &memory, &x),
        SMTP_XCLIENT_FINE);
    memory = buf_over(room, 3);
    assert_int_equal(smtp_xclient_parse(SPAN("HELO=four"), SMTP_XCLIENT, &memory, &x),
                     SMTP_XCLIENT_BAD);
}

/* The announced lists are the table's. */
static void what_is_announced_is_read(void **state)
{
    (void)state;
    for (unsigned verb = SMTP_XCLIENT; verb <= SMTP_XFORWARD; verb++) {
        span list = smtp_xclient_attributes((enum smtp_xclient_verb)verb);
        size_t count = 0;
        span name;

        for (; span_split(&list, ' ', &name); count++) {
            char text[64], room[64];
            struct buf b = BUF_OVER(text), memory = BUF_OVER(room);
            struct smtp_xclient x;

            buf_put(&b, name);
            buf_put(&b, SPAN("=[UNAVAILABLE]"));
            assert_int_equal(
                smtp_xclient_parse(buf_span(&b), (enum smtp_xclient_verb)verb, &memory, &x),
                SMTP_XCLIENT_FINE);
        }
        assert_int_equal(count, verb == SMTP_XCLIENT ? 8 : 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row),
        cmocka_unit_test(a_value_is_bounded),
        cmocka_unit_test(what_is_announced_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
