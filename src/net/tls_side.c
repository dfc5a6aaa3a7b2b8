/* SPDX-License-Identifier: ISC */
/*
 * Sides: certificates, trust and everything that is the same for all connections. A server has
 * one SSL_CTX for each certificate, made alike; the name asked for chooses which is used.
 */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>

#include "name/domain.h"
#include "net/tls_inner.h"

#define CIPHERS_1_2 "ECDHE+AESGCM:ECDHE+CHACHA20"
#define CIPHERS_1_3 "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"
#define GROUPS      "X25519:P-256:P-384"

/* ---- what both roles have ---- */

static enum err fail(struct diag *d, const char *file, const char *what)
{
    if (d != NULL && file != NULL)
        d->file = file;
    return diag_set(d, ERR_CONF, 0, "%s: %s", what, tls_words());
}

static SSL_CTX *make_ctx(const SSL_METHOD *method, enum tls_version min)
{
    SSL_CTX *ctx = SSL_CTX_new(method);

    if (ctx == NULL)
        return NULL;
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_clear_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_LEGACY_SERVER_CONNECT);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(ctx, 1);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    if (SSL_CTX_set_min_proto_version(ctx, min == TLS_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION) == 1 &&
        SSL_CTX_set_cipher_list(ctx, CIPHERS_1_2) == 1 &&
        SSL_CTX_set_ciphersuites(ctx, CIPHERS_1_3) == 1 &&
        SSL_CTX_set1_groups_list(ctx, GROUPS) == 1)
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

static BIO *octets(span s)
{
    return s.n <= INT_MAX ? BIO_new_mem_buf(s.p, (int)s.n) : NULL;
}

/* Keys with a passphrase are of no use to a server; never ask a terminal. */
/* NOLINTNEXTLINE(readability-non-const-parameter): the type is OpenSSL's */
static int no_passphrase(char *out, int cap, int writing, void *arg)
{
    (void)out;
    (void)cap;
    (void)writing;
    (void)arg;
    return -1;
}

/* The first certificate is ours, those behind it lead to a root. */
static bool use_chain(SSL_CTX *ctx, span pem)
{
    BIO *bio = octets(pem);
    X509 *own = bio != NULL ? PEM_read_bio_X509_AUX(bio, NULL, no_passphrase, NULL) : NULL;
    bool ok = own != NULL && SSL_CTX_use_certificate(ctx, own) == 1;
    X509 *next;

    X509_free(own);
    while (ok && (next = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL)) != NULL) {
        ok = SSL_CTX_add0_chain_cert(ctx, next) == 1;
        if (!ok)
            X509_free(next);
    }
    if (ok && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        ok = false; /* a damaged one behind the first */
    if (ok)
        ERR_clear_error();
    BIO_free(bio);
    return ok;
}

static bool use_key(SSL_CTX *ctx, span pem)
{
    BIO *bio = octets(pem);
    EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
    bool ok = key != NULL && SSL_CTX_use_PrivateKey(ctx, key) == 1;

    EVP_PKEY_free(key);
    BIO_free(bio);
    return ok;
}

static enum err use_pair(SSL_CTX *ctx, const struct tls_pair *pair, struct diag *d)
{
    ERR_clear_error();
    if (!use_chain(ctx, pair->chain))
        return fail(d, pair->chain_file, "this is no certificate that can be used");
    if (!use_key(ctx, pair->key))
        return fail(d, pair->key_file, "this is no private key for the certificate");
    return ERR_OK;
}

/* Trust the certificates in pem; a server also names them to its clients. */
static bool trust(SSL_CTX *ctx, span pem, size_t *out_n)
{
    BIO *bio = octets(pem);
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);
    bool ok = bio != NULL;
    X509 *ca;

    while (ok && (ca = PEM_read_bio_X509_AUX(bio, NULL, no_passphrase, NULL)) != NULL) {
        ok = X509_STORE_add_cert(store, ca) == 1 &&
             (SSL_CTX_get_ssl_method(ctx) != TLS_server_method() ||
              SSL_CTX_add_client_CA(ctx, ca) == 1);
        X509_free(ca);
        (*out_n)++;
    }
    BIO_free(bio);
    return ok && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
}

static enum err use_ca(SSL_CTX *ctx, span pem, const char *file, struct diag *d)
{
    size_t n = 0;

    ERR_clear_error();
    if (pem.n == 0)
        return ERR_OK;
    if (!trust(ctx, pem, &n) || n == 0)
        return fail(d, file, "these are no certificates of authorities");
    ERR_clear_error();
    return ERR_OK;
}

static struct tls_side *side_new(struct diag *d)
{
    struct tls_side *side = calloc(1, sizeof(*side));

    ERR_clear_error();
    if (side != NULL)
        side->refs = 1;
    else
        (void)diag_set(d, ERR_NOMEM, 0, "no memory for TLS");
    return side;
}

void tls_side_drop(struct tls_side *side)
{
    if (side == NULL || --side->refs > 0)
        return;
    for (size_t i = 0; i < side->named_count; i++)
        SSL_CTX_free(side->named[i].ctx);
    free(side->named);
    SSL_CTX_free(side->ctx);
    EVP_CIPHER_free(side->ticket_cipher);
    free(side);
}

void tls_side_free(struct tls_side *side)
{
    tls_side_drop(side);
}

/* ---- a server's choices ---- */

/* RFC 7301, and against clients of other protocols (ALPACA): "smtp" or nothing at all. */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_n,
                   const unsigned char *list, unsigned n, void *arg)
{
    static const unsigned char smtp[] = {'s', 'm', 't', 'p'};

    (void)ssl;
    (void)arg;
    for (unsigned at = 0; at < n; at += 1u + list[at]) {
        if (list[at] == sizeof(smtp) && n - at > sizeof(smtp) &&
            memcmp(list + at + 1, smtp, sizeof(smtp)) == 0) {
            *out = list + at + 1;
            *out_n = sizeof(smtp);
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static SSL_CTX *find(const struct tls_side *side, span name)
{
    for (size_t i = 0; i < side->named_count; i++)
        if (span_eq(span_cstr(side->named[i].name), name))
            return side->named[i].ctx;
    return NULL;
}

/* The certificate for a name in lower case: its own, or that of "*." and its parent. */
static SSL_CTX *choose(const struct tls_side *side, span name)
{
    SSL_CTX *ctx = find(side, name);
    char memory[TLS_NAME_BYTES + 1];
    struct buf b = BUF_OVER(memory);

    if (ctx != NULL)
        return ctx;
    buf_putc(&b, '*');
    buf_put(&b, span_skip(name, span_find(name, '.')));
    return find(side, buf_span(&b));
}

/* RFC 6066 3. What is no domain name is not looked up; nobody is refused for it. */
/* NOLINTNEXTLINE(readability-non-const-parameter): the type is OpenSSL's */
static int on_name(SSL *ssl, int *out_alert, void *arg)
{
    struct tls *t = SSL_get_app_data(ssl);
    span asked = span_cstr(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));
    char memory[TLS_NAME_BYTES];
    struct buf b = BUF_OVER(memory);
    struct domain name = domain_parse(asked);
    SSL_CTX *ctx;

    (void)out_alert;
    (void)arg;
    if (asked.n == 0 || (name.faults & ~(unsigned)DOMAIN_UNDERSCORE) != 0)
        return SSL_TLSEXT_ERR_NOACK;
    buf_put_lower(&b, asked);
    if (buf_cstr(&b) == NULL)
        return SSL_TLSEXT_ERR_NOACK;
    free(t->server_name);
    t->server_name = strdup(memory);
    ctx = choose(t->side, buf_span(&b));
    if (ctx == NULL || ctx == t->side->ctx)
        return ctx != NULL ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
    return SSL_set_SSL_CTX(ssl, ctx) == ctx ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

/* A certificate that does not verify ends nothing: it only gives no rights. */
static int on_verify(int good, X509_STORE_CTX *store)
{
    (void)good;
    (void)store;
    return 1;
}

/*
 * Tickets of a client that was verified by other authorities must not be good here: they are bound
 * to the digest of what is trusted.
 */
static bool bind_tickets(SSL_CTX *ctx, const struct tls_server_conf *conf)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    size_t n = 0;

    return EVP_Q_digest(NULL, "SHA256", NULL, conf->client_ca.p != NULL ? conf->client_ca.p : "",
                        conf->client_ca.n, digest, &n) == 1 &&
           SSL_CTX_set_session_id_context(ctx, digest, (unsigned)n) == 1;
}

static bool set_tickets(SSL_CTX *ctx, const struct tls_server_conf *conf)
{
    if (conf->tickets == NULL) {
        SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
        return SSL_CTX_set_num_tickets(ctx, 0) == 1;
    }
    return SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, tls_on_ticket) == 1 &&
           SSL_CTX_set_timeout(ctx, TLS_TICKET_PERIOD_MS / 1000) != 0 &&
           SSL_CTX_set_num_tickets(ctx, 1) == 1;
}

static enum err server_ctx(const struct tls_server_conf *conf, const struct tls_pair *pair,
                           SSL_CTX **out_ctx, struct diag *d)
{
    SSL_CTX *ctx = make_ctx(TLS_server_method(), conf->min);
    enum err e;

    if (ctx == NULL || !set_tickets(ctx, conf) || !bind_tickets(ctx, conf)) {
        SSL_CTX_free(ctx);
        return diag_set(d, ERR_NOMEM, 0, "cannot set TLS up: %s", tls_words());
    }
    SSL_CTX_set_options(ctx, SSL_OP_CLEANSE_PLAINTEXT); /* passwords come that way */
    SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
    SSL_CTX_set_tlsext_servername_callback(ctx, on_name);
    if (conf->client_ca.n != 0)
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, on_verify);
    e = use_pair(ctx, pair, d);
    if (e == ERR_OK)
        e = use_ca(ctx, conf->client_ca, conf->client_ca_file, d);
    if (e == ERR_OK)
        *out_ctx = ctx;
    else
        SSL_CTX_free(ctx);
    return e;
}

static enum err add_pair(struct tls_side *side, const struct tls_server_conf *conf,
                         const struct tls_pair *pair, struct diag *d)
{
    struct tls_named *named = &side->named[side->named_count];
    struct buf name = BUF_OVER(named->name);
    enum err e;

    buf_put(&name, pair->name);
    if (buf_cstr(&name) == NULL)
        return diag_set(d, ERR_CONF, 0, "a certificate's name is too long");
    e = server_ctx(conf, pair, &named->ctx, d);
    if (e == ERR_OK)
        side->named_count++;
    return e;
}

static enum err fill_server(struct tls_side *side, const struct tls_server_conf *conf,
                            struct diag *d)
{
    enum err e = ERR_OK;

    side->tickets = conf->tickets;
    side->ticket_cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
    side->named = calloc(conf->pair_count, sizeof(*side->named));
    if (side->ticket_cipher == NULL || side->named == NULL)
        return diag_set(d, ERR_NOMEM, 0, "no memory for TLS");
    for (size_t i = 0; i < conf->pair_count && e == ERR_OK; i++)
        e = add_pair(side, conf, &conf->pairs[i], d);
    if (e != ERR_OK)
        return e;
    side->ctx = side->named[0].ctx;
    return SSL_CTX_up_ref(side->ctx) == 1 ? ERR_OK : ERR_NOMEM;
}

enum err tls_server_new(const struct tls_server_conf *conf, struct tls_side **out_side,
                        struct diag *d)
{
    struct tls_side *side;
    enum err e;

    BUG_IF(conf->pair_count == 0, "a server needs a certificate");
    tls_memory_wipe(true);
    side = side_new(d);
    if (side == NULL)
        return ERR_NOMEM;
    e = conf->pair_count <= TLS_PAIRS_MAX
            ? fill_server(side, conf, d)
            : diag_set(d, ERR_CONF, 0, "more than %d certificates", TLS_PAIRS_MAX);
    if (e == ERR_OK && tls_bio_method() == NULL)
        e = ERR_NOMEM;
    if (e == ERR_OK)
        *out_side = side;
    else
        tls_side_drop(side);
    tls_memory_wipe(false);
    return e;
}

enum err tls_client_new(const struct tls_client_conf *conf, struct tls_side **out_side,
                        struct diag *d)
{
    struct tls_side *side;
    enum err e = ERR_OK;

    tls_memory_wipe(true);
    side = side_new(d);
    if (side == NULL)
        return ERR_NOMEM;
    side->ctx = make_ctx(TLS_client_method(), conf->min);
    if (side->ctx == NULL || tls_bio_method() == NULL)
        e = diag_set(d, ERR_NOMEM, 0, "cannot set TLS up: %s", tls_words());
    if (e == ERR_OK && conf->pair != NULL)
        e = use_pair(side->ctx, conf->pair, d);
    if (e == ERR_OK)
        e = use_ca(side->ctx, conf->ca, NULL, d);
    if (e == ERR_OK)
        *out_side = side;
    else
        tls_side_drop(side);
    tls_memory_wipe(false);
    return e;
}
