/* SPDX-License-Identifier: ISC */
/* Handshakes and octets: both roles against each other, and each against what is no TLS. */
#include "tls_rig.h"

static struct rig_pair own;
static struct tls_pair own_pair;
static struct tls_server_conf server_conf;
static struct tls_side *server_side, *client_side;

static int open_sides(void **state)
{
    (void)state;
    own = rig_pair("mx.herald.test");
    own_pair = rig_pair_of("mx.herald.test", &own);
    server_conf = (struct tls_server_conf){.pairs = &own_pair, .pair_count = 1};
    server_side = rig_server(&server_conf);
    client_side = rig_client(&(struct tls_client_conf){.ca = own_pair.chain});
    rig_open();
    return 0;
}

static int close_sides(void **state)
{
    (void)state;
    rig_close();
    tls_side_free(server_side);
    tls_side_free(client_side);
    rig_pair_free(&own);
    return 0;
}

static const struct tls_target to_mx = {SPAN_INIT("mx.herald.test"), true};

static void shaken(void)
{
    rig_shake(server_side, client_side, &to_mx);
    assert_int_equal(server.progress, TLS_DONE);
    assert_int_equal(client.progress, TLS_DONE);
}

static void handshake_and_octets_both_ways(void **state)
{
    struct tls_facts facts;

    (void)state;
    assert_false(tls_is_on(&server.c));
    shaken();
    assert_true(tls_is_on(&server.c));
    assert_null(tls_fault(&server.c));
    rig_say(&client, SPAN("EHLO there\r\n"));
    rig_say(&server, SPAN("250 here\r\n"));
    rig_run();
    assert_true(span_eq(heap_span(&server.in), SPAN("EHLO there\r\n")));
    assert_true(span_eq(heap_span(&client.in), SPAN("250 here\r\n")));
    tls_facts(&server.c, &facts);
    assert_string_equal(facts.protocol, "TLSv1.3");
    assert_string_equal(facts.cipher, "TLS_AES_128_GCM_SHA256");
    assert_int_equal(facts.bits, 128);
    assert_int_equal(facts.trust, TLS_ANONYMOUS);
    assert_true(span_eq(facts.server_name, SPAN("mx.herald.test")));
    tls_facts(&client.c, &facts);
    assert_int_equal(facts.trust, TLS_VERIFIED);
}

/* Much more than sockets hold, both ways at once, read and written in every size. */
static void bulk_goes_through_in_any_piece(void **state)
{
    static const struct {
        size_t octets, read_at_once, write_at_once;
    } rows[] = {
        {300000, 0, 0}, {300000, 100, 0}, {300000, 0, 777}, {3000, 1, 1}, {200000, 4096, 65000}};
    char *p = malloc(300000);

    (void)state;
    assert_non_null(p);
    for (size_t i = 0; i < 300000; i++)
        p[i] = (char)(i * 31 >> 3);
    shaken();
    for (size_t i = 0; i < COUNT(rows); i++) {
        span s = span_of(p, rows[i].octets);

        client.read_at_once = server.read_at_once = rows[i].read_at_once;
        client.write_at_once = server.write_at_once = rows[i].write_at_once;
        rig_say(&client, s);
        rig_say(&server, s);
        for (unsigned turn = 0; turn < 20000 && (client.in.n < s.n || server.in.n < s.n); turn++)
            loop_turn(rig_loop, 1);
        assert_true(span_eq(heap_span(&server.in), s));
        assert_true(span_eq(heap_span(&client.in), s));
        heap_reset(&server.in);
        heap_reset(&client.in);
    }
    free(p);
}

/* Who does not read blocks the other, and what it takes later is all there and in order. */
static void a_full_socket_is_waited_for(void **state)
{
    size_t n = 700000;
    char *p = malloc(n);

    (void)state;
    assert_non_null(p);
    for (size_t i = 0; i < n; i++)
        p[i] = (char)(i * 7 >> 5);
    shaken();
    client.deaf = true;
    conn_want(&client.c, 0);
    rig_say(&server, span_of(p, n));
    rig_run();
    assert_true(server.out.n > 0);
    client.deaf = false;
    conn_want(&client.c, LOOP_READ);
    for (unsigned turn = 0; turn < 20000 && client.in.n < n; turn++)
        loop_turn(rig_loop, 1);
    assert_true(span_eq(heap_span(&client.in), span_of(p, n)));
    free(p);
}

/* What is written is the user's no longer only when the socket has it. */
static void the_last_octets_are_out_before_they_count(void **state)
{
    size_t total = 0, n, seen;
    char p[20000];

    (void)state;
    memset(p, 'x', sizeof(p));
    shaken();
    client.deaf = true;
    conn_want(&client.c, 0);
    do {
        n = 0;
        assert_int_equal(conn_write(&server.c, span_of(p, sizeof(p)), &n), ERR_OK);
        total += n;
    } while (n > 0);
    conn_close(&server.c);
    client.deaf = false;
    conn_want(&client.c, LOOP_READ);
    for (seen = 0; client.end == ERR_OK;) {
        loop_turn(rig_loop, 1);
        seen += client.in.n;
        heap_reset(&client.in);
    }
    assert_true(seen >= total);
}

static void close_notify_is_the_end(void **state)
{
    size_t n = 1;
    char c;

    (void)state;
    shaken();
    rig_say(&client, SPAN("bye"));
    conn_close(&client.c);
    rig_run();
    assert_true(span_eq(heap_span(&server.in), SPAN("bye")));
    assert_int_equal(server.end, ERR_CLOSED);
    assert_string_equal(tls_fault(&server.c), "closed by the other side");
    assert_int_equal(conn_read(&server.c, &c, 1, &n), ERR_CLOSED);
    assert_int_equal(n, 0);
}

static void an_end_without_notice_is_a_fault(void **state)
{
    (void)state;
    shaken();
    assert_int_equal(shutdown(client.c.fd, SHUT_RDWR), 0);
    rig_run();
    assert_int_equal(server.end, ERR_TLS);
    assert_string_equal(tls_fault(&server.c), "unexpected eof while reading");
}

static void plain_octets_after_the_handshake_are_a_fault(void **state)
{
    static const char words[] = "QUIT\r\nand more than a header of a record";

    (void)state;
    shaken();
    assert_true(send(client.c.fd, words, sizeof(words), 0) > 0);
    rig_run();
    assert_int_equal(server.end, ERR_TLS);
    assert_int_equal(server.in.n, 0);
    assert_non_null(tls_fault(&server.c));
    /* And it stays so. */
    rig_say(&server, SPAN("250 ok\r\n"));
    assert_int_equal(server.out.n, 8);
}

static void what_is_no_handshake_fails(void **state)
{
    static const struct {
        span octets;
        const char *fault;
    } rows[] = {
        {SPAN_INIT("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "http request"},
        {SPAN_INIT("EHLO mx.example.org\r\n"), "wrong version number"},
        {SPAN_INIT("\x16\x03\x01\xff\xff\x01\x02\x03"), "packet length too long"},
        {SPAN_INIT("\x16\x03\x01\x00\x05\x0e\x00\x00\x01\x00"), "unexpected message"},
        {SPAN_INIT(
             "\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10 an SSLv2 hello has 46 octets in all "),
         "unknown protocol"},
    };

    (void)state;
    rig_close();
    for (size_t i = 0; i < COUNT(rows); i++) {
        rig_open();
        assert_true(tls_start_server(&server.c, server_side));
        server.shakes = true;
        rig_go(&server, 0);
        assert_int_equal(server.progress, TLS_UNDER_WAY);
        rig_say(&client, rows[i].octets);
        rig_run();
        if (server.progress != TLS_FAILED || tls_fault(&server.c) == NULL)
            fail_msg("row %zu did not fail", i);
        if (strcmp(tls_fault(&server.c), rows[i].fault) != 0)
            fail_msg("row %zu: %s", i, tls_fault(&server.c));
        rig_close();
    }
    rig_open();
}

static void a_handshake_cut_short_fails(void **state)
{
    (void)state;
    assert_true(tls_start_server(&server.c, server_side));
    server.shakes = true;
    rig_go(&server, 0);
    rig_say(&client, SPAN("\x16\x03\x01\x00"));
    rig_run();
    assert_int_equal(server.progress, TLS_UNDER_WAY);
    conn_close(&client.c);
    rig_run();
    assert_int_equal(server.progress, TLS_FAILED);
    assert_string_equal(tls_fault(&server.c), "unexpected eof while reading");
}

/* The same client's octets, one at a time. */
static void a_handshake_octet_by_octet(void **state)
{
    char octets[8192];
    int fds[2];

    (void)state;
    /* client -> far end of a second pair -> one octet a turn -> server */
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    conn_close(&client.c);
    rig_close();
    rig_open();
    int to_server = dup(client.c.fd);
    conn_close(&client.c);
    rig_end_open(&client, fds[0]);
    assert_true(tls_start_server(&server.c, server_side));
    assert_true(tls_start_client(&client.c, client_side, &to_mx));
    server.shakes = client.shakes = true;
    rig_go(&server, 0);
    rig_go(&client, 0);
    for (unsigned i = 0; i < 20000 && (server.progress == TLS_UNDER_WAY || client.in.n < 4); i++) {
        ssize_t n = recv(fds[1], octets, 1, 0);

        if (n > 0)
            assert_int_equal(send(to_server, octets, 1, 0), 1);
        n = recv(to_server, octets, 1, 0);
        if (n > 0)
            assert_int_equal(send(fds[1], octets, 1, 0), 1);
        if (server.progress == TLS_DONE && server.out.n == 0 && client.in.n == 0)
            rig_say(&server, SPAN("220 "));
        loop_turn(rig_loop, 0);
    }
    assert_int_equal(server.progress, TLS_DONE);
    assert_int_equal(client.progress, TLS_DONE);
    assert_true(span_starts(heap_span(&client.in), SPAN("220 ")));
    close(to_server);
    close(fds[1]);
}

static void an_idle_end_is_not_woken(void **state)
{
    unsigned wakes;

    (void)state;
    shaken();
    rig_say(&client, SPAN("NOOP\r\n"));
    rig_run();
    /* The head of a record alone: nothing to tell the user, nothing to spin about. */
    assert_int_equal(send(client.c.fd, "\x17\x03\x03", 3, 0), 3);
    rig_run();
    wakes = server.wakes;
    for (int i = 0; i < 20; i++)
        loop_turn(rig_loop, 1);
    assert_int_equal(server.wakes, wakes);
}

static void closing_in_the_middle_is_clean(void **state)
{
    (void)state;
    assert_true(tls_start_server(&server.c, server_side));
    assert_true(tls_start_client(&client.c, client_side, &to_mx));
    assert_int_equal(tls_handshake(&client.c), TLS_UNDER_WAY);
    conn_close(&client.c);
    assert_int_not_equal(tls_handshake(&server.c), TLS_DONE);
    conn_close(&server.c);
    conn_close(&server.c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define CASE(f) cmocka_unit_test_setup_teardown(f, open_sides, close_sides)
        CASE(handshake_and_octets_both_ways),
        CASE(bulk_goes_through_in_any_piece),
        CASE(a_full_socket_is_waited_for),
        CASE(the_last_octets_are_out_before_they_count),
        CASE(close_notify_is_the_end),
        CASE(an_end_without_notice_is_a_fault),
        CASE(plain_octets_after_the_handshake_are_a_fault),
        CASE(what_is_no_handshake_fails),
        CASE(a_handshake_cut_short_fails),
        CASE(a_handshake_octet_by_octet),
        CASE(an_idle_end_is_not_woken),
        CASE(closing_in_the_middle_is_clean),
    };
    return cmocka_run_group_tests_name("net tls", tests, NULL, NULL);
}
