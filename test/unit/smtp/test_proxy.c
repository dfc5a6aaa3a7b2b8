/* SPDX-License-Identifier: ISC */
#include "../guard.h"
#include "smtp/proxy.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4        "\xC0\x00\x02\x01\xC0\x00\x02\x19\x04\x01\x00\x19"
#define V6_A      "\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x01"
#define V6_B      "\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x19"
#define MAPPED    "\0\0\0\0\0\0\0\0\0\0\xFF\xFF\xC0\x00\x02\x01"
#define TEN       "          "

struct row {
    const char *name;
    span in;
    enum smtp_proxy_step step;
    const char *source; /* "": nobody is named */
    unsigned source_port;
    unsigned destination_port;
    size_t n;
};

static const struct row rows[] = {
    {"nothing yet", SPAN_INIT(""), SMTP_PROXY_MORE, "", 0, 0, 0},
    {"one octet", SPAN_INIT("P"), SMTP_PROXY_MORE, "", 0, 0, 0},
    {"TCP4", SPAN_INIT("PROXY TCP4 192.0.2.1 192.0.2.25 1025 25\r\nEHLO"), SMTP_PROXY_DONE,
     "192.0.2.1", 1025, 25, 41},
    {"TCP6", SPAN_INIT("PROXY TCP6 2001:db8::1 2001:db8::19 65535 0\r\n"), SMTP_PROXY_DONE,
     "2001:db8::1", 65535, 0, 45},
    {"a mapped address is IPv4", SPAN_INIT("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n"),
     SMTP_PROXY_DONE, "192.0.2.1", 1, 2, 37},
    {"UNKNOWN", SPAN_INIT("PROXY UNKNOWN\r\n"), SMTP_PROXY_DONE, "", 0, 0, 15},
    {"UNKNOWN with more", SPAN_INIT("PROXY UNKNOWN ffff:f 1 \t65536\r\n"), SMTP_PROXY_DONE, "", 0,
     0, 31},
    {"the CR is there", SPAN_INIT("PROXY UNKNOWN\r"), SMTP_PROXY_MORE, "", 0, 0, 0},
    {"UNKNOWNS", SPAN_INIT("PROXY UNKNOWNS\r\n"), SMTP_PROXY_BAD, "", 0, 0, 0},
    {"a bare LF", SPAN_INIT("PROXY UNKNOWN\n"), SMTP_PROXY_BAD, "", 0, 0, 0},
    {"nothing but the mark", SPAN_INIT("PROXY \r\n"), SMTP_PROXY_BAD, "", 0, 0, 0},
    {"UDP4", SPAN_INIT("PROXY UDP4 192.0.2.1 192.0.2.25 1025 25\r\n"), SMTP_PROXY_BAD, "", 0, 0, 0},
    {"lower case", SPAN_INIT("proxy TCP4"), SMTP_PROXY_BAD, "", 0, 0, 0},
    {"SMTP", SPAN_INIT("EHLO proxy\r\n"), SMTP_PROXY_BAD, "", 0, 0, 0},
    {"nearly", SPAN_INIT("PROXX"), SMTP_PROXY_BAD, "", 0, 0, 0},
    {"IPv6 as TCP4", SPAN_INIT("PROXY TCP4 ::1 ::1 1 2\r\n"), SMTP_PROXY_BAD, "", 0, 0, 0},
    {"IPv4 as TCP6", SPAN_INIT("PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n"), SMTP_PROXY_BAD, "", 0, 0,
     0},
    {"two blanks", SPAN_INIT("PROXY TCP4 192.0.2.1  192.0.2.25 1025 25\r\n"), SMTP_PROXY_BAD, "", 0,
     0, 0},
    {"a port too large", SPAN_INIT("PROXY TCP4 192.0.2.1 192.0.2.25 65536 25\r\n"), SMTP_PROXY_BAD,
     "", 0, 0, 0},
    {"a port with a zero", SPAN_INIT("PROXY TCP4 192.0.2.1 192.0.2.25 025 25\r\n"), SMTP_PROXY_BAD,
     "", 0, 0, 0},
    {"no last port", SPAN_INIT("PROXY TCP4 192.0.2.1 192.0.2.25 25\r\n"), SMTP_PROXY_BAD, "", 0, 0,
     0},
    {"a word too many", SPAN_INIT("PROXY TCP4 192.0.2.1 192.0.2.25 25 25 1\r\n"), SMTP_PROXY_BAD,
     "", 0, 0, 0},
    {"a NUL", SPAN_INIT("PROXY TCP4 192.0.2.1\0 192.0.2.25 25 25\r\n"), SMTP_PROXY_BAD, "", 0, 0,
     0},
    {"106 octets and no end", SPAN_INIT("PROXY UNKNOWN   " TEN TEN TEN TEN TEN TEN TEN TEN TEN),
     SMTP_PROXY_MORE, "", 0, 0, 0},
    {"107 octets", SPAN_INIT("PROXY UNKNOWN  " TEN TEN TEN TEN TEN TEN TEN TEN TEN "\r\n"),
     SMTP_PROXY_DONE, "", 0, 0, 107},
    {"108 octets", SPAN_INIT("PROXY UNKNOWN   " TEN TEN TEN TEN TEN TEN TEN TEN TEN "\r\n"),
     SMTP_PROXY_BAD, "", 0, 0, 0},

    {"binary: the mark alone", SPAN_INIT(SIGNATURE), SMTP_PROXY_MORE, "", 0, 0, 0},
    {"binary: another mark", SPAN_INIT("\r\n\r\nEHLO"), SMTP_PROXY_BAD, "", 0, 0, 0},
    {"binary: TCP4", SPAN_INIT(SIGNATURE "\x21\x11\0\x0C" V4 "EHLO"), SMTP_PROXY_DONE, "192.0.2.1",
     1025, 25, 28},
    {"binary: TCP4, one octet short",
     SPAN_INIT(SIGNATURE "\x21\x11\0\x0C\xC0\0\2\1\xC0\0\2\3\4\1\0"), SMTP_PROXY_MORE, "", 0, 0, 0},
    {"binary: TCP6", SPAN_INIT(SIGNATURE "\x21\x21\0\x24" V6_A V6_B "\0\7\0\x19"), SMTP_PROXY_DONE,
     "2001:db8::1", 7, 25, 52},
    {"binary: a mapped address", SPAN_INIT(SIGNATURE "\x21\x21\0\x24" MAPPED MAPPED "\0\7\0\x19"),
     SMTP_PROXY_DONE, "192.0.2.1", 7, 25, 52},
    {"binary: TLVs", SPAN_INIT(SIGNATURE "\x21\x11\0\x14" V4 "\x04\0\0\x20\0\2ab"), SMTP_PROXY_DONE,
     "192.0.2.1", 1025, 25, 36},
    {"binary: a TLV that goes beyond", SPAN_INIT(SIGNATURE "\x21\x11\0\x11" V4 "\x04\0\3ab"),
     SMTP_PROXY_BAD, "", 0, 0, 0},
    {"binary: half a TLV", SPAN_INIT(SIGNATURE "\x21\x11\0\x0E" V4 "\x04\0"), SMTP_PROXY_BAD, "", 0,
     0, 0},
    {"binary: too short for its family", SPAN_INIT(SIGNATURE "\x21\x21\0\x0C" V4), SMTP_PROXY_BAD,
     "", 0, 0, 0},
    {"binary: LOCAL", SPAN_INIT(SIGNATURE "\x20\0\0\0QUIT"), SMTP_PROXY_DONE, "", 0, 0, 16},
    {"binary: LOCAL with an address", SPAN_INIT(SIGNATURE "\x20\x11\0\x0C" V4), SMTP_PROXY_DONE, "",
     0, 0, 28},
    {"binary: unspecified", SPAN_INIT(SIGNATURE "\x21\0\0\2xx"), SMTP_PROXY_DONE, "", 0, 0, 18},
    {"binary: version 1", SPAN_INIT(SIGNATURE "\x11"), SMTP_PROXY_BAD, "", 0, 0, 0},
    {"binary: command 2", SPAN_INIT(SIGNATURE "\x22\x11\0\x0C" V4), SMTP_PROXY_BAD, "", 0, 0, 0},
    {"binary: UDP4", SPAN_INIT(SIGNATURE "\x21\x12\0\x0C" V4), SMTP_PROXY_BAD, "", 0, 0, 0},
    {"binary: family 4", SPAN_INIT(SIGNATURE "\x21\x41\0\x0C" V4), SMTP_PROXY_BAD, "", 0, 0, 0},
    {"binary: transport 3", SPAN_INIT(SIGNATURE "\x21\x13\0\x0C" V4), SMTP_PROXY_BAD, "", 0, 0, 0},
    {"binary: longer than we take", SPAN_INIT(SIGNATURE "\x21\x11\x0F\xF1"), SMTP_PROXY_BAD, "", 0,
     0, 0},
};

static void check(const struct row *r, enum smtp_proxy_step step, const struct smtp_proxy *p)
{
    char memory[IP_TEXT_BYTES];
    struct buf text = BUF_OVER(memory);

    if (step != r->step)
        fail_msg("%s: step %d (%s)", r->name, (int)step, p->bad != NULL ? p->bad : "");
    if (step != SMTP_PROXY_DONE)
        return;
    ip_addr_put(&text, p->source);
    assert_span_equal(buf_span(&text), span_cstr(r->source));
    if (p->source_port != r->source_port || p->destination_port != r->destination_port ||
        p->n != r->n)
        fail_msg("%s: ports %u %u, %zu octets", r->name, p->source_port, p->destination_port, p->n);
}

static void each_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct smtp_proxy p = {0};
        enum smtp_proxy_step step = smtp_proxy_read(guard_copy(rows[i].in), &p);

        check(&rows[i], step, &p);
    }
}

/* Whatever is said of the whole is said of no beginning of it, but that more is wanted. */
static void a_beginning_wants_more(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t most = rows[i].step == SMTP_PROXY_DONE ? rows[i].n : 0;

        for (size_t n = 0; n < most; n++) {
            struct smtp_proxy p;

            if (smtp_proxy_read(guard_copy(span_head(rows[i].in, n)), &p) != SMTP_PROXY_MORE)
                fail_msg("%s: %zu octets are enough", rows[i].name, n);
        }
    }
}

static void a_long_one(void **state)
{
    static char in[SMTP_PROXY_MAX_BYTES] = SIGNATURE "\x21\x31\x0F\xF0";
    struct smtp_proxy p = {0};

    (void)state;
    /* Behind the paths of a Unix socket one TLV that fills the rest. */
    in[16 + 216 + 1] = (char)((sizeof(in) - 16 - 216 - 3) >> 8);
    in[16 + 216 + 2] = (char)((sizeof(in) - 16 - 216 - 3) & 255);
    assert_int_equal(smtp_proxy_read(guard_copy(span_of(in, sizeof(in))), &p), SMTP_PROXY_DONE);
    assert_int_equal(p.n, sizeof(in));
    assert_int_equal(p.source.family, IP_NONE);
    assert_int_equal(smtp_proxy_read(guard_copy(span_of(in, sizeof(in) - 1)), &p), SMTP_PROXY_MORE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row),
        cmocka_unit_test(a_beginning_wants_more),
        cmocka_unit_test(a_long_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
