/* SPDX-License-Identifier: ISC */
#include "guard/milter.h"

#include "play.h"

#define P(text)                                                                                    \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

/* Packets are written without their length; a session is the packets up to the first empty one. */
struct packet {
    const char *p;
    size_t n;
};

#define OPEN  P("O\0\0\0\6\0\0\1\377\0\37\377\377")
#define TAKEN P("O\0\0\0\6\0\0\0\1\0\0\3\160")
#define GO    P("c")

static const struct {
    const char *name;
    struct packet in[12], out[12];
    const char *told;
    bool ended;
} sessions[] = {
    {"a message, with its field",
     {OPEN,
      P("DC{client_addr}\0"
        "192.0.2.9\0"),
      P("Cmail.example\0004\1\2"
        "192.0.2.1\0"),
      P("Ha.example\0"), P("M<b@c.example>\0SIZE=5\0"), P("R<d@e.example>\0"), P("T"), P("E"),
      P("Q")},
     {TAKEN, GO, GO, GO, GO, GO, P("i\0\0\0\0X-Seen\0a;\n\tb=c\0"), GO},
     "1 192.0.2.1 ehlo a.example <>\n2 192.0.2.1 ehlo a.example <b@c.example>\n"
     "3 192.0.2.1 ehlo a.example <b@c.example>\n5 192.0.2.1 ehlo a.example <b@c.example>\n",
     true},
    {"a refusal in lines, percent signs doubled",
     {OPEN, P("Chost\0006\0\0IPv6:2001:db8::1\0"), P("Hbad\0")},
     {TAKEN, GO, P("y550-5.7.1 No 100%%\r\n550 5.7.1 ?go away\0")},
     "1 2001:db8::1 ehlo bad <>\n",
     false},
    {"a deferral",
     {OPEN, P("Hslow\0")},
     {TAKEN, P("y451 4.4.3 Later\0")},
     "1  ehlo slow <>\n",
     false},
    {"version 2 without the right to add",
     {P("O\0\0\0\2\0\0\0\0\0\0\0\177"), P("Chost\0U"), P("Ha\0"), P("E")},
     {P("O\0\0\0\2\0\0\0\0\0\0\0\160"), GO, GO, GO},
     "1  ehlo a <>\n5  ehlo a <>\n",
     false},
    {"a later version than ours",
     {P("O\0\0\0\7\0\0\0\0\0\0\0\0")},
     {P("O\0\0\0\6\0\0\0\0\0\0\0\0")},
     "",
     false},
    {"the address by the macro alone",
     {OPEN,
      P("DC{client_addr}\0"
        "192.0.2.9\0j\0mx\0"),
      P("Chost\0U"), P("Ha\0")},
     {TAKEN, GO, GO},
     "1 192.0.2.9 ehlo a <>\n",
     false},
    {"who logged in, until the next message",
     {OPEN, P("Ha\0"), P("DM{auth_authen}\0joe\0"), P("M<>\0"), P("A"), P("DM{auth_authen}\0\0"),
      P("M<>\0")},
     {TAKEN, GO, GO, GO},
     "1  ehlo a <>\n2  ehlo a auth <>\n2  ehlo a <>\n",
     false},
    {"another name, and another client on the same connection",
     {OPEN,
      P("Chost\0004\0\0"
        "192.0.2.1\0"),
      P("Ha\0"), P("Hb\0"), P("K"),
      P("Chost\0004\0\0"
        "192.0.2.2\0"),
      P("Hc\0")},
     {TAKEN, GO, GO, GO, GO, GO},
     "1 192.0.2.1 ehlo a <>\n1 192.0.2.1 ehlo b changed <>\n1 192.0.2.2 ehlo c <>\n",
     false},
    {"no more a login in the next message, whose macros do not name it",
     {OPEN, P("Ha\0"), P("DM{auth_authen}\0joe\0"), P("M<>\0"), P("DM{mail_host}\0x\0"),
      P("M<>\0")},
     {TAKEN, GO, GO, GO},
     "1  ehlo a <>\n2  ehlo a auth <>\n2  ehlo a <>\n",
     false},
    {"nothing of a message after its end",
     {OPEN, P("Ha\0"), P("DM{auth_authen}\0joe\0"), P("M<b@c.example>\0"), P("E"),
      P("R<d@e.example>\0")},
     {TAKEN, GO, GO, P("i\0\0\0\0X-Seen\0a;\n\tb=c\0"), GO, GO},
     "1  ehlo a <>\n2  ehlo a auth <b@c.example>\n5  ehlo a auth <b@c.example>\n3  ehlo a <>\n",
     false},
    {"nothing of a client that is gone",
     {OPEN,
      P("Chost\0004\0\0"
        "192.0.2.1\0"),
      P("Ha\0"), P("K"), P("Hb\0")},
     {TAKEN, GO, GO, GO},
     "1 192.0.2.1 ehlo a <>\n1  ehlo b <>\n",
     false},
    {"a client on a Unix socket, its address by the macro",
     {OPEN,
      P("DC{client_addr}\0"
        "192.0.2.9\0"),
      P("Chost\0L\0\0/run/x\0"), P("Ha\0")},
     {TAKEN, GO, GO},
     "1 192.0.2.9 ehlo a <>\n",
     false},
    {"what was declined and comes all the same",
     {OPEN, P("LSubject\0x\0"), P("N"), P("Bbody"), P("UXYZ\0")},
     {TAKEN, GO, GO, GO, GO},
     "",
     false},
    {"a greeting without its NUL",
     {OPEN, P("Ha.example")},
     {TAKEN, GO},
     "1  ehlo a.example <>\n",
     false},
    {"before the negotiation", {P("Ha\0")}, {{NULL, 0}}, "", true},
    {"version 1", {P("O\0\0\0\1\0\0\0\0\0\0\0\0")}, {{NULL, 0}}, "", true},
    {"a short negotiation", {P("O\0\0\0\6")}, {{NULL, 0}}, "", true},
    {"an unknown command", {OPEN, P("Z")}, {TAKEN}, "", true},
};

static span packed(struct buf *b, const struct packet *packets)
{
    for (size_t i = 0; i < 12 && packets[i].n != 0; i++) {
        buf_put(b, SPAN("\0\0\0"));
        buf_putc(b, (char)packets[i].n);
        buf_put(b, span_of(packets[i].p, packets[i].n));
    }
    return buf_span(b);
}

static void test_sessions(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(sessions); i++) {
        char in[1024], out[1024];
        struct buf in_buf = BUF_OVER(in), out_buf = BUF_OVER(out);

        print_message("%s\n", sessions[i].name);
        play_everywhere(GUARD_MILTER, packed(&in_buf, sessions[i].in), span_cstr(sessions[i].told),
                        packed(&out_buf, sessions[i].out), sessions[i].ended);
    }
}

static void test_lengths(void **state)
{
    static const struct {
        const char *head;
        enum guard_need need;
    } heads[] = {
        {"\0\0\0\0O", GUARD_END},         {"\0\1\20\0O", GUARD_MORE}, {"\0\1\20\1O", GUARD_END},
        {"\377\377\377\377O", GUARD_END}, {"QUIT\r", GUARD_END},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(heads); i++) {
        char memory[64];
        struct buf out = BUF_OVER(memory);
        struct guard_milter m;
        struct guard_question q;
        size_t used;

        guard_milter_init(&m, true);
        assert_int_equal(
            guard_milter_read(&m, guard_copy(span_of(heads[i].head, 5)), &used, &q, &out),
            heads[i].need);
    }
}

/* What is too long is cut, or counts as not said. */
static void test_long_names(void **state)
{
    static char packet[5 + 4096];
    char memory[64];
    struct buf out = BUF_OVER(memory);
    struct guard_milter m;
    struct guard_question q;
    size_t used;

    (void)state;
    guard_milter_init(&m, true);
    m.negotiated = true;
    memset(packet, 'x', sizeof(packet));
    memcpy(packet, "\0\0\20\1H", 5);
    assert_int_equal(guard_milter_read(&m, span_of(packet, sizeof(packet)), &used, &q, &out),
                     GUARD_ASK);
    assert_int_equal(q.greeting.n, GUARD_MILTER_GREETING_BYTES);
    packet[4] = 'M';
    assert_int_equal(guard_milter_read(&m, span_of(packet, sizeof(packet)), &used, &q, &out),
                     GUARD_ASK);
    assert_int_equal(q.sender.n, 0);
    assert_int_equal(used, sizeof(packet));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_long_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
