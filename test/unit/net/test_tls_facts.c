/* SPDX-License-Identifier: ISC */
/* What both sides learn of each other, who is believed, which certificate is shown, who resumes. */
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "tls_rig.h"

static struct rig_pair own, other, wild;
static struct tls_pair pairs[3];

static int make_pairs(void **state)
{
    (void)state;
    own = rig_pair("mx.herald.test");
    other = rig_pair("mail.example.org");
    wild = rig_pair("wild.example.net");
    pairs[0] = rig_pair_of("", &own);
    pairs[1] = rig_pair_of("mail.example.org", &other);
    pairs[2] = rig_pair_of("*.example.net", &wild);
    return 0;
}

static int free_pairs(void **state)
{
    (void)state;
    rig_pair_free(&own);
    rig_pair_free(&other);
    rig_pair_free(&wild);
    return 0;
}

/* ---- whom a client believes ---- */

static void a_client_learns_why_not(void **state)
{
    static const struct {
        const char *name;
        bool trusts, required;
        enum tls_progress progress;
        enum tls_trust trust;
        const char *said;
    } rows[] = {
        {"mx.herald.test", true, true, TLS_DONE, TLS_VERIFIED, NULL},
        {"mx.herald.test", true, false, TLS_DONE, TLS_VERIFIED, NULL},
        {"", true, false, TLS_DONE, TLS_VERIFIED, NULL},
        {"other.herald.test", true, false, TLS_DONE, TLS_DOUBTFUL, "hostname mismatch"},
        {"other.herald.test", true, true, TLS_FAILED, TLS_DOUBTFUL, "hostname mismatch"},
        {"192.0.2.1", true, true, TLS_FAILED, TLS_DOUBTFUL, "IP address mismatch"},
        {"mx.herald.test", false, false, TLS_DONE, TLS_DOUBTFUL, "self-signed certificate"},
        {"mx.herald.test", false, true, TLS_FAILED, TLS_DOUBTFUL, "self-signed certificate"},
    };
    struct tls_side *server_side =
        rig_server(&(struct tls_server_conf){.pairs = pairs, .pair_count = 1});

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tls_client_conf conf = {.ca = rows[i].trusts ? pairs[0].chain : SPAN_NONE};
        struct tls_target to = {span_cstr(rows[i].name), rows[i].required};
        struct tls_side *side = rig_client(&conf);
        struct tls_facts facts = {0};
        const char *said;

        rig_open();
        rig_shake(server_side, side, &to);
        if (client.progress != rows[i].progress)
            fail_msg("row %zu: %s", i, tls_fault(&client.c));
        if (client.progress == TLS_DONE) {
            tls_facts(&client.c, &facts);
            assert_int_equal(facts.trust, rows[i].trust);
        }
        said = client.progress == TLS_DONE ? facts.doubt : tls_fault(&client.c);
        if ((said == NULL) != (rows[i].said == NULL) ||
            (said != NULL && strcmp(said, rows[i].said) != 0))
            fail_msg("row %zu: %s", i, said);
        rig_close();
        tls_side_free(side);
    }
    tls_side_free(server_side);
}

static void a_target_that_is_none(void **state)
{
    struct tls_side *side = rig_client(&(struct tls_client_conf){.min = TLS_1_2});

    (void)state;
    rig_open();
    assert_false(tls_start_client(&client.c, side, &(struct tls_target){SPAN_NONE, true}));
    assert_false(tls_start_client(&client.c, side, &(struct tls_target){SPAN("a\0b"), false}));
    assert_null(client.c.layer);
    rig_close();
    tls_side_free(side);
}

/* ---- which certificate is shown ---- */

static void the_name_chooses_the_certificate(void **state)
{
    static const struct {
        const char *asked, *shown, *kept;
    } rows[] = {
        {"", "mx.herald.test", ""},
        {"mail.example.org", "mail.example.org", "mail.example.org"},
        {"MAIL.Example.ORG", "mail.example.org", "mail.example.org"},
        {"x.mail.example.org", "mx.herald.test", "x.mail.example.org"},
        {"a.example.net", "wild.example.net", "a.example.net"},
        {"a.b.example.net", "mx.herald.test", "a.b.example.net"},
        {"example.net", "mx.herald.test", "example.net"},
        {"*.example.net", "mx.herald.test", ""},
        {"unknown.example", "mx.herald.test", "unknown.example"},
        {"mail.example.org\\", "mx.herald.test", ""},
        {"mail.example.org.", "mx.herald.test", ""},
        {"../../etc/passwd", "mx.herald.test", ""},
        {"a b", "mx.herald.test", ""},
    };
    struct tls_side *server_side =
        rig_server(&(struct tls_server_conf){.pairs = pairs, .pair_count = COUNT(pairs)});
    struct tls_side *side = rig_client(&(struct tls_client_conf){.min = TLS_1_2});

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tls_facts facts;
        char text[256];
        struct buf b = BUF_OVER(text);

        rig_open();
        rig_shake(server_side, side, &(struct tls_target){span_cstr(rows[i].asked), false});
        assert_int_equal(client.progress, TLS_DONE);
        assert_true(tls_peer_name(&client.c, TLS_NAME_DNS, 0, &b));
        if (!span_eq(buf_span(&b), span_cstr(rows[i].shown)))
            fail_msg("%s gets %.*s", rows[i].asked, SPAN_ARG(buf_span(&b)));
        tls_facts(&server.c, &facts);
        if (!span_eq(facts.server_name, span_cstr(rows[i].kept)))
            fail_msg("%s is kept as %.*s", rows[i].asked, SPAN_ARG(facts.server_name));
        rig_close();
    }
    tls_side_free(side);
    tls_side_free(server_side);
}

/* ---- what a client of our choice does: OpenSSL itself, without the layer ---- */

/* Shake hands with a plain OpenSSL client; the server's end is the rig's. */
static bool shake_plain(struct tls_side *server_side, SSL *ssl)
{
    int result = -1;

    rig_open();
    assert_true(tls_start_server(&server.c, server_side));
    server.shakes = true;
    loop_io_stop(&client.c.io);
    assert_int_equal(SSL_set_fd(ssl, client.c.fd), 1);
    SSL_set_connect_state(ssl);
    for (unsigned i = 0; i < RIG_TURNS && (result != 1 || server.progress == TLS_UNDER_WAY); i++) {
        if (result != 1)
            result = SSL_do_handshake(ssl);
        if (i == 0)
            rig_go(&server, 0);
        loop_turn(rig_loop, 1);
        if (server.progress == TLS_FAILED ||
            (result != 1 && SSL_get_error(ssl, result) != SSL_ERROR_WANT_READ))
            return false;
    }
    return result == 1 && server.progress == TLS_DONE;
}

static void end_plain(SSL *ssl)
{
    SSL_free(ssl);
    rig_close();
}

static void only_sound_protocols_are_spoken(void **state)
{
    static const struct {
        const char *what;
        int min, max;
        const char *ciphers;
        const char *alpn;
        bool good;
    } rows[] = {
        {"TLS 1.2", TLS1_2_VERSION, TLS1_2_VERSION, NULL, NULL, true},
        {"TLS 1.3", TLS1_3_VERSION, TLS1_3_VERSION, NULL, NULL, true},
        {"TLS 1.1", TLS1_1_VERSION, TLS1_1_VERSION, "ALL:@SECLEVEL=0", NULL, false},
        {"TLS 1.0", TLS1_VERSION, TLS1_VERSION, "ALL:@SECLEVEL=0", NULL, false},
        {"CBC", TLS1_2_VERSION, TLS1_2_VERSION, "ECDHE-ECDSA-AES256-SHA384", NULL, false},
        {"no forward secrecy", TLS1_2_VERSION, TLS1_2_VERSION, "AES256-GCM-SHA384", NULL, false},
        {"CHACHA20", TLS1_2_VERSION, TLS1_2_VERSION, "ECDHE-ECDSA-CHACHA20-POLY1305", NULL, true},
        {"ALPN smtp", TLS1_2_VERSION, TLS1_3_VERSION, NULL, "\x04smtp", true},
        {"ALPN smtp behind another", TLS1_2_VERSION, TLS1_3_VERSION, NULL, "\x02h2\x04smtp", true},
        {"ALPN http", TLS1_2_VERSION, TLS1_3_VERSION, NULL, "\x08http/1.1", false},
        {"ALPN like smtp", TLS1_2_VERSION, TLS1_3_VERSION, NULL, "\x05smtpx\x03smt", false},
    };
    struct tls_side *server_side =
        rig_server(&(struct tls_server_conf){.pairs = pairs, .pair_count = 1});

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
        SSL *ssl;

        SSL_CTX_set_min_proto_version(ctx, rows[i].min);
        SSL_CTX_set_max_proto_version(ctx, rows[i].max);
        if (rows[i].ciphers != NULL)
            assert_int_equal(SSL_CTX_set_cipher_list(ctx, rows[i].ciphers), 1);
        ssl = SSL_new(ctx);
        if (rows[i].alpn != NULL)
            assert_int_equal(SSL_set_alpn_protos(ssl, (const unsigned char *)rows[i].alpn,
                                                 (unsigned)strlen(rows[i].alpn)),
                             0);
        if (shake_plain(server_side, ssl) != rows[i].good)
            fail_msg("%s: %s", rows[i].what, tls_fault(&server.c));
        end_plain(ssl);
        SSL_CTX_free(ctx);
    }
    tls_side_free(server_side);
}

static void the_oldest_protocol_can_be_1_3(void **state)
{
    struct tls_side *server_side =
        rig_server(&(struct tls_server_conf){.pairs = pairs, .pair_count = 1, .min = TLS_1_3});
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl;

    (void)state;
    SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
    ssl = SSL_new(ctx);
    assert_false(shake_plain(server_side, ssl));
    assert_string_equal(tls_fault(&server.c), "unsupported protocol");
    end_plain(ssl);
    SSL_CTX_free(ctx);
    tls_side_free(server_side);
}

static void renegotiation_is_refused(void **state)
{
    struct tls_side *server_side =
        rig_server(&(struct tls_server_conf){.pairs = pairs, .pair_count = 1});
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl;

    (void)state;
    SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
    ssl = SSL_new(ctx);
    assert_true(shake_plain(server_side, ssl));
    conn_want(&server.c, LOOP_READ);
    assert_int_equal(SSL_renegotiate(ssl), 1);
    for (int i = 0; i < 50; i++) {
        (void)SSL_do_handshake(ssl);
        loop_turn(rig_loop, 1);
    }
    /* Told that it is not wanted, a client goes on or leaves; it has not shaken hands again. */
    assert_true(SSL_renegotiate_pending(ssl) == 1 || SSL_in_init(ssl));
    end_plain(ssl);
    SSL_CTX_free(ctx);
    tls_side_free(server_side);
}

/* ---- tickets ---- */

/* One session with the ticket of the one before (NULL: none), and the ticket it brings. */
static bool session(struct tls_side *server_side, SSL_CTX *ctx, SSL_SESSION **ticket)
{
    SSL *ssl = SSL_new(ctx);
    struct tls_facts facts;
    char octets[64];

    if (*ticket != NULL)
        assert_int_equal(SSL_set_session(ssl, *ticket), 1);
    assert_true(shake_plain(server_side, ssl));
    tls_facts(&server.c, &facts);
    /* Tickets come with the first octets. */
    rig_say(&server, SPAN("220 hello\r\n"));
    for (int i = 0; i < 50 && SSL_read(ssl, octets, sizeof(octets)) <= 0; i++)
        loop_turn(rig_loop, 1);
    assert_int_equal(SSL_session_reused(ssl), facts.resumed);
    SSL_SESSION_free(*ticket);
    *ticket = SSL_get1_session(ssl);
    SSL_shutdown(ssl);
    end_plain(ssl);
    return facts.resumed;
}

static void workers_with_one_secret_resume(void **state)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    uint8_t secret[TLS_TICKET_SECRET_BYTES] = {1, 2, 3};
    int64_t day = INT64_C(1700000000000);

    (void)state;
    for (size_t i = 0; i < COUNT(versions); i++) {
        struct tls_tickets one, two;
        struct tls_server_conf conf = {.pairs = pairs, .pair_count = 1};
        struct tls_side *worker[2];
        SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
        SSL_SESSION *ticket = NULL;

        clock_set(1000, day);
        tls_tickets_init(&one, secret, day);
        tls_tickets_init(&two, secret, day);
        conf.tickets = &one;
        worker[0] = rig_server(&conf);
        conf.tickets = &two;
        worker[1] = rig_server(&conf);
        SSL_CTX_set_max_proto_version(ctx, versions[i]);
        assert_false(session(worker[0], ctx, &ticket));
        assert_true(session(worker[0], ctx, &ticket));
        assert_true(session(worker[1], ctx, &ticket));
        /* In the next period it still is good, and a new one comes with it. */
        clock_advance(TLS_TICKET_PERIOD_MS);
        assert_true(session(worker[1], ctx, &ticket));
        clock_advance(TLS_TICKET_PERIOD_MS);
        assert_true(session(worker[0], ctx, &ticket));
        /* Two periods later nobody has its key any more. */
        clock_advance(2 * TLS_TICKET_PERIOD_MS);
        assert_false(session(worker[0], ctx, &ticket));
        clock_unset();
        SSL_SESSION_free(ticket);
        SSL_CTX_free(ctx);
        tls_side_free(worker[0]);
        tls_side_free(worker[1]);
    }
}

static void without_tickets_nobody_resumes(void **state)
{
    struct tls_side *server_side =
        rig_server(&(struct tls_server_conf){.pairs = pairs, .pair_count = 1});
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL_SESSION *ticket = NULL;

    (void)state;
    assert_false(session(server_side, ctx, &ticket));
    assert_false(session(server_side, ctx, &ticket));
    SSL_SESSION_free(ticket);
    SSL_CTX_free(ctx);
    tls_side_free(server_side);
}

static void the_secret_goes_forward_only(void **state)
{
    uint8_t secret[TLS_TICKET_SECRET_BYTES] = {9};
    struct tls_tickets t, late;
    struct tls_ticket_key first;
    bool renew = true;

    (void)state;
    tls_tickets_init(&t, secret, 0);
    first = t.now;
    tls_tickets_turn(&t, TLS_TICKET_PERIOD_MS - 1);
    assert_memory_equal(&t.now, &first, sizeof(first));
    assert_false(t.has_before);
    tls_tickets_turn(&t, TLS_TICKET_PERIOD_MS);
    assert_memory_equal(&t.before, &first, sizeof(first));
    assert_memory_not_equal(t.secret, secret, sizeof(secret));
    assert_ptr_equal(tls_tickets_find(&t, first.name, &renew), &t.before);
    assert_true(renew);
    assert_ptr_equal(tls_tickets_find(&t, t.now.name, &renew), &t.now);
    assert_false(renew);
    tls_tickets_turn(&t, 0); /* the clock is set back */
    assert_memory_equal(&t.before, &first, sizeof(first));
    /* Who sleeps through periods comes to the same keys as who does not. */
    tls_tickets_init(&late, secret, 0);
    for (int64_t period = 2; period <= 5; period++)
        tls_tickets_turn(&t, period * TLS_TICKET_PERIOD_MS);
    tls_tickets_turn(&late, 5 * TLS_TICKET_PERIOD_MS);
    assert_memory_equal(&late, &t, sizeof(t));
    assert_null(tls_tickets_find(&t, first.name, &renew));
    tls_tickets_turn(&t, INT64_MAX);
    tls_tickets_finish(&t);
    assert_int_equal(t.secret[0], 0);
}

/* ---- certificates of clients ---- */

static void a_client_certificate_is_a_fact(void **state)
{
    static const struct {
        bool shows, believed;
        enum tls_trust trust;
    } rows[] = {
        {false, true, TLS_ANONYMOUS}, {true, true, TLS_VERIFIED}, {true, false, TLS_DOUBTFUL}};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tls_side *server_side = rig_server(&(struct tls_server_conf){
            .pairs = pairs,
            .pair_count = 1,
            .client_ca = rows[i].believed ? pairs[1].chain : pairs[2].chain});
        struct tls_side *side = rig_client(&(struct tls_client_conf){
            .ca = pairs[0].chain, .pair = rows[i].shows ? &pairs[1] : NULL});
        struct tls_facts facts;
        uint8_t digest[TLS_FINGERPRINT_SIZE], again[TLS_FINGERPRINT_SIZE];
        char text[64];
        struct buf b = BUF_OVER(text);

        rig_open();
        rig_shake(server_side, side, &(struct tls_target){SPAN("mx.herald.test"), true});
        assert_int_equal(server.progress, TLS_DONE);
        assert_int_equal(client.progress, TLS_DONE);
        tls_facts(&server.c, &facts);
        assert_int_equal(facts.trust, rows[i].trust);
        assert_int_equal(facts.doubt != NULL, rows[i].trust == TLS_DOUBTFUL);
        assert_int_equal(tls_peer_fingerprint(&server.c, digest), rows[i].shows);
        assert_int_equal(tls_peer_name(&server.c, TLS_NAME_COMMON, 0, &b), rows[i].shows);
        if (rows[i].shows) {
            assert_true(span_eq(buf_span(&b), SPAN("mail.example.org")));
            assert_false(tls_peer_name(&server.c, TLS_NAME_COMMON, 1, &b));
            assert_false(tls_peer_name(&server.c, TLS_NAME_EMAIL, 0, &b));
            assert_true(tls_peer_fingerprint(&client.c, again));
            assert_memory_not_equal(digest, again, sizeof(digest));
        }
        rig_close();
        tls_side_free(side);
        tls_side_free(server_side);
    }
}

/* ---- channel binding ---- */

static void both_ends_bind_the_same(void **state)
{
    static const struct {
        enum tls_version min;
        int max;
        enum tls_binding type;
        size_t n;
    } rows[] = {
        {TLS_1_3, TLS1_3_VERSION, TLS_BINDING_EXPORTER, 32},
        {TLS_1_3, TLS1_3_VERSION, TLS_BINDING_UNIQUE, 0},
        {TLS_1_3, TLS1_3_VERSION, TLS_BINDING_END_POINT, 32},
        {TLS_1_2, TLS1_2_VERSION, TLS_BINDING_UNIQUE, 12},
        {TLS_1_2, TLS1_2_VERSION, TLS_BINDING_EXPORTER, 32},
        {TLS_1_2, TLS1_2_VERSION, TLS_BINDING_END_POINT, 32},
    };
    struct tls_side *server_side =
        rig_server(&(struct tls_server_conf){.pairs = pairs, .pair_count = 1});

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
        char mine[TLS_BINDING_BYTES], theirs[TLS_BINDING_BYTES];
        struct buf b = BUF_OVER(mine);
        unsigned char digest[EVP_MAX_MD_SIZE];
        size_t n = 0;
        unsigned digest_n = 0;
        SSL *ssl;

        SSL_CTX_set_max_proto_version(ctx, rows[i].max);
        ssl = SSL_new(ctx);
        assert_true(shake_plain(server_side, ssl));
        assert_int_equal(tls_binding(&server.c, rows[i].type, &b), rows[i].n != 0);
        assert_int_equal(b.n, rows[i].n);
        if (rows[i].type == TLS_BINDING_UNIQUE)
            n = SSL_get_finished(ssl, theirs, sizeof(theirs));
        if (rows[i].type == TLS_BINDING_EXPORTER) {
            n = 32;
            assert_int_equal(SSL_export_keying_material(ssl, (unsigned char *)theirs, n,
                                                        "EXPORTER-Channel-Binding", 24, NULL, 0, 1),
                             1);
        }
        if (rows[i].type == TLS_BINDING_END_POINT) {
            assert_int_equal(
                X509_digest(SSL_get0_peer_certificate(ssl), EVP_sha256(), digest, &digest_n), 1);
            n = digest_n;
            memcpy(theirs, digest, n);
        }
        if (rows[i].n != 0) {
            assert_int_equal(n, rows[i].n);
            assert_memory_equal(mine, theirs, n);
        }
        end_plain(ssl);
        SSL_CTX_free(ctx);
    }
    tls_side_free(server_side);
}

/* ---- what cannot be used ---- */

static void bad_pairs_are_refused_with_their_file(void **state)
{
    const struct {
        span chain, key;
        const char *file;
    } rows[] = {
        {SPAN(""), pairs[0].key, "chain"},
        {SPAN("no certificate"), pairs[0].key, "chain"},
        {span_head(pairs[0].chain, pairs[0].chain.n / 2), pairs[0].key, "chain"},
        {pairs[0].key, pairs[0].key, "chain"},
        {pairs[0].chain, SPAN(""), "key"},
        {pairs[0].chain, pairs[1].key, "key"},
        {pairs[0].chain, pairs[0].chain, "key"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tls_pair pair = {SPAN_NONE, rows[i].chain, rows[i].key, "chain", "key"};
        struct tls_side *side = NULL;
        struct diag d = {0};

        assert_int_equal(
            tls_server_new(&(struct tls_server_conf){.pairs = &pair, .pair_count = 1}, &side, &d),
            ERR_CONF);
        assert_null(side);
        if (d.file == NULL || strcmp(d.file, rows[i].file) != 0 || d.text[0] == '\0')
            fail_msg("row %zu: %s", i, d.text);
    }
}

static void bad_authorities_are_refused(void **state)
{
    struct tls_server_conf conf = {
        .pairs = pairs, .pair_count = 1, .client_ca = SPAN("x"), .client_ca_file = "ca"};
    struct tls_side *side = NULL;
    struct diag d = {0};

    (void)state;
    assert_int_equal(tls_server_new(&conf, &side, &d), ERR_CONF);
    assert_string_equal(d.file, "ca");
    conf.client_ca = span_head(pairs[0].chain, pairs[0].chain.n - 40);
    assert_int_equal(tls_server_new(&conf, &side, NULL), ERR_CONF);
    assert_null(side);
}

static void what_we_make_is_what_we_need(void **state)
{
    int64_t end_ms = 0, now_ms = clock_wall_ms();
    char long_name[200];
    struct rig_pair p;
    X509 *x;

    (void)state;
    assert_true(tls_chain_end(pairs[0].chain, &end_ms));
    assert_true(end_ms > now_ms + INT64_C(3649) * 86400000 &&
                end_ms < now_ms + INT64_C(3651) * 86400000);
    assert_false(tls_chain_end(SPAN("x"), &end_ms));
    assert_true(tls_chain_is_for(pairs[0].chain, SPAN("mx.herald.test")));
    assert_false(tls_chain_is_for(pairs[0].chain, SPAN("other.test")));
    assert_false(tls_chain_is_for(pairs[0].chain, SPAN_NONE));
    assert_false(tls_chain_is_for(SPAN("x"), SPAN("other.test")));
    memset(long_name, 'a', sizeof(long_name) - 1);
    for (size_t i = 50; i < sizeof(long_name) - 1; i += 50)
        long_name[i] = '.';
    long_name[sizeof(long_name) - 1] = '\0';
    p = rig_pair(long_name);
    BIO *bio = BIO_new_mem_buf(heap_span(&p.chain).p, (int)heap_span(&p.chain).n);
    x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    assert_int_equal(X509_check_host(x, long_name, 0, 0, NULL), 1);
    assert_int_equal(EVP_PKEY_get_base_id(X509_get0_pubkey(x)), EVP_PKEY_EC);
    assert_int_equal(EVP_PKEY_get_bits(X509_get0_pubkey(x)), 256);
    X509_free(x);
    BIO_free(bio);
    rig_pair_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_learns_why_not),
        cmocka_unit_test(a_target_that_is_none),
        cmocka_unit_test(the_name_chooses_the_certificate),
        cmocka_unit_test(only_sound_protocols_are_spoken),
        cmocka_unit_test(the_oldest_protocol_can_be_1_3),
        cmocka_unit_test(renegotiation_is_refused),
        cmocka_unit_test(workers_with_one_secret_resume),
        cmocka_unit_test(without_tickets_nobody_resumes),
        cmocka_unit_test(the_secret_goes_forward_only),
        cmocka_unit_test(a_client_certificate_is_a_fact),
        cmocka_unit_test(both_ends_bind_the_same),
        cmocka_unit_test(bad_pairs_are_refused_with_their_file),
        cmocka_unit_test(bad_authorities_are_refused),
        cmocka_unit_test(what_we_make_is_what_we_need),
    };
    return cmocka_run_group_tests_name("net tls facts", tests, make_pairs, free_pairs);
}
