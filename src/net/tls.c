/* SPDX-License-Identifier: ISC */
/*
 * The layer between a connection's user and its socket.
 *
 *     conn_write -> SSL_write -> bio_write -> unsent -> send
 *     conn_read  <- SSL_read  <- bio_read           <- recv
 *
 * OpenSSL never waits to write: what it has to say is kept in `unsent`, so that its odd rule (the
 * same octets again after SSL_ERROR_WANT_WRITE) stays in here, several records go out in
 * one call, and session tickets travel with the reply behind them. The user is told that his
 * octets are written when the socket has them; until then they are `owed`.
 */
#include "name/addr.h"
#include "net/tls_inner.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/socket.h>

#define RECORD_BYTES 16384       /* of plain octets, RFC 8446 5.1 */
#define ENOUGH_BYTES (64u << 10) /* of records, before the socket is asked to take them */

/* ---- the socket as OpenSSL sees it ---- */

static int bio_write(BIO *bio, const char *p, int n)
{
    struct tls *t = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    return n > 0 && heap_put(&t->unsent, span_of(p, (size_t)n)) ? n : -1;
}

static int read_early(struct tls *t, char *p, size_t cap)
{
    span s = span_head(heap_span(&t->early), cap);

    if (s.p != NULL)
        memcpy(p, s.p, s.n);
    heap_drop(&t->early, s.n);
    if (t->early.n == 0)
        heap_release(&t->early);
    return (int)s.n;
}

static int bio_read(BIO *bio, char *p, int cap)
{
    struct tls *t = BIO_get_data(bio);

    if (t->early.n > 0 && cap > 0)
        return read_early(t, p, (size_t)cap);
    BIO_clear_retry_flags(bio);
    if (t->dry) {
        BIO_set_retry_read(bio);
        return -1;
    }
    ssize_t n = cap > 0 ? recv(t->c->fd, p, (size_t)cap, 0) : 0;
    t->dry = n > 0 && n < cap;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        BIO_set_retry_read(bio);
    else if (n < 0)
        t->c->error = errno;
    t->eof = n == 0;
    return (int)n;
}

static long bio_ctrl(BIO *bio, int command, long number, void *p)
{
    const struct tls *t = BIO_get_data(bio);

    (void)number;
    (void)p;
    if (command == BIO_CTRL_EOF)
        return t->eof;
    return command == BIO_CTRL_FLUSH;
}

static int bio_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

const BIO_METHOD *tls_bio_method(void)
{
    static BIO_METHOD *method;

    if (method != NULL)
        return method;
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "conn");
    if (method == NULL)
        return NULL;
    (void)BIO_meth_set_write(method, bio_write);
    (void)BIO_meth_set_read(method, bio_read);
    (void)BIO_meth_set_ctrl(method, bio_ctrl);
    (void)BIO_meth_set_create(method, bio_create);
    return method;
}

/* Give the socket what waits for it, as much as it takes. */
static enum err flush(struct tls *t)
{
    t->held = false;
    while (t->unsent.n > 0) {
        span s = heap_span(&t->unsent);
        ssize_t n = send(t->c->fd, s.p, s.n, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return ERR_OK;
        if (n < 0) {
            t->c->error = errno;
            return err_of_errno(errno);
        }
        heap_drop(&t->unsent, (size_t)n);
    }
    heap_release(&t->unsent);
    return ERR_OK;
}

/* ---- failures ---- */

const char *tls_words(void)
{
    unsigned long e = ERR_peek_error();
    const char *words = e != 0 ? ERR_reason_error_string(e) : NULL;

    ERR_clear_error();
    return words != NULL ? words : "the connection was lost";
}

/* From here on nothing but this. */
static enum err spoil(struct tls *t, enum err e, const char *words)
{
    if (t->bad == ERR_OK) {
        t->bad = e;
        t->fault = words;
    }
    return t->bad;
}

/* Why the handshake failed: about certificates the verifier has better words. */
static const char *handshake_words(const struct tls *t)
{
    long verified = SSL_get_verify_result(t->ssl);
    bool doubted = ERR_GET_REASON(ERR_peek_error()) == SSL_R_CERTIFICATE_VERIFY_FAILED;
    const char *words = tls_words();

    return doubted && verified != X509_V_OK ? X509_verify_cert_error_string(verified) : words;
}

/* SSL_read has failed: nothing now (ERR_OK), or the end. */
static enum err read_failure(struct tls *t, int result)
{
    switch (SSL_get_error(t->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        t->more = false;
        return ERR_OK;
    case SSL_ERROR_ZERO_RETURN:
        return spoil(t, ERR_CLOSED, "closed by the other side");
    case SSL_ERROR_SYSCALL:
        return spoil(t, t->c->error != 0 ? err_of_errno(t->c->error) : ERR_IO, tls_words());
    default:
        return spoil(t, ERR_TLS, tls_words());
    }
}

/* ---- the layer ---- */

static enum err layer_read(struct conn *c, char *p, size_t cap, size_t *out_n)
{
    struct tls *t = tls_of(c);
    size_t n = 0, got;

    while (t->bad == ERR_OK && n < cap) {
        ERR_clear_error();
        int result = SSL_read_ex(t->ssl, p + n, cap - n, &got);
        if (result != 1) {
            (void)read_failure(t, result);
            break;
        }
        n += got;
        t->more = SSL_has_pending(t->ssl) == 1;
        if (!t->more)
            break;
    }
    /* The answer to a new key, or an alert. */
    if (t->unsent.n > 0 && !t->held && flush(t) != ERR_OK)
        (void)spoil(t, ERR_CLOSED, "the connection was lost");
    *out_n = n;
    if (t->bad == ERR_OK)
        return ERR_OK;
    t->more = true; /* an end that is not told yet */
    return n > 0 ? ERR_OK : t->bad;
}

/* Seal s up to where the socket should be asked. */
static size_t seal(struct tls *t, span s)
{
    size_t taken = 0, n;

    while (taken < s.n && t->unsent.n < ENOUGH_BYTES) {
        ERR_clear_error();
        if (SSL_write_ex(t->ssl, s.p + taken, min_size(s.n - taken, RECORD_BYTES), &n) != 1) {
            (void)spoil(t, ERR_TLS, tls_words());
            break;
        }
        taken += n;
    }
    return taken;
}

static enum err layer_write(struct conn *c, span s, size_t *out_n)
{
    struct tls *t = tls_of(c);
    bool blocked = t->unsent.n > 0 && !t->held;

    while (t->bad == ERR_OK) {
        if (!blocked && t->owed == 0)
            t->owed = seal(t, s);
        if (t->bad == ERR_OK && flush(t) != ERR_OK)
            (void)spoil(t, ERR_CLOSED, "the connection was lost");
        blocked = t->unsent.n > 0;
        if (t->bad != ERR_OK || blocked)
            break;
        size_t n = min_size(t->owed, s.n);
        t->owed -= n;
        *out_n += n;
        s = span_skip(s, n);
        if (s.n == 0)
            break;
    }
    return t->bad;
}

static unsigned layer_want(struct conn *c, unsigned want)
{
    struct tls *t = tls_of(c);

    t->want = want;
    if ((want & LOOP_READ) != 0 && (t->more || t->bad != ERR_OK))
        loop_defer(c->io.loop, &t->again);
    return t->unsent.n > 0 && !t->held ? want | LOOP_WRITE : want;
}

static unsigned layer_ready(struct conn *c, unsigned ready)
{
    struct tls *t = tls_of(c);
    unsigned told = t->want & ready;

    if ((ready & LOOP_READ) != 0)
        t->dry = false;

    if ((ready & LOOP_WRITE) == 0 || t->unsent.n == 0)
        return told;
    if (flush(t) != ERR_OK) {
        (void)spoil(t, ERR_CLOSED, "the connection was lost");
        heap_release(&t->unsent);
        told = t->want;
    }
    if (t->unsent.n > 0)
        told &= ~(unsigned)LOOP_WRITE;
    loop_io_want(&c->io, t->unsent.n > 0 ? t->want | LOOP_WRITE : t->want);
    return told;
}

static void layer_close(struct conn *c)
{
    struct tls *t = tls_of(c);

    ERR_clear_error();
    if (t->progress == TLS_DONE && (t->bad == ERR_OK || t->bad == ERR_CLOSED))
        (void)SSL_shutdown(t->ssl);
    (void)flush(t);
    ERR_clear_error();
    loop_task_cancel(c->io.loop, &t->again);
    SSL_free(t->ssl);
    tls_side_drop(t->side);
    heap_release(&t->unsent);
    heap_release(&t->early);
    free(t->server_name);
    free(t);
    c->layer_state = NULL;
}

static const struct conn_layer layer = {layer_read, layer_write, layer_want, layer_ready,
                                        layer_close};

static void on_again(void *arg)
{
    struct tls *t = arg;

    if ((t->want & LOOP_READ) != 0)
        t->c->fn(t->c->arg, t->c, CONN_READY, LOOP_READ);
}

/* ---- begin ---- */

static bool join(struct tls *t)
{
    const BIO_METHOD *method = tls_bio_method();
    BIO *bio = method != NULL ? BIO_new(method) : NULL;

    if (bio == NULL)
        return false;
    BIO_set_data(bio, t);
    SSL_set_bio(t->ssl, bio, bio);
    return SSL_set_app_data(t->ssl, t) == 1;
}

static struct tls *start(struct conn *c, struct tls_side *side)
{
    struct tls *t = calloc(1, sizeof(*t));

    BUG_IF(c->layer != NULL || c->connecting || c->fd < 0, "TLS upon what is no open connection");
    ERR_clear_error();
    if (t == NULL)
        return NULL;
    *t = (struct tls){.c = c, .ssl = SSL_new(side->ctx)};
    if (t->ssl == NULL || !join(t)) {
        SSL_free(t->ssl);
        free(t);
        return NULL;
    }
    t->side = side;
    side->refs++;
    heap_init(&t->unsent, TLS_UNSENT_BYTES);
    loop_task_init(&t->again, on_again, t);
    c->layer = &layer;
    c->layer_state = t;
    return t;
}

bool tls_start_server(struct conn *c, struct tls_side *side)
{
    struct tls *t = start(c, side);

    if (t != NULL)
        SSL_set_accept_state(t->ssl);
    return t != NULL;
}

/* What is sent as SNI and what the certificate must have. */
static bool aim(struct tls *t, const struct tls_target *to)
{
    X509_VERIFY_PARAM *want = SSL_get0_param(t->ssl);
    char name[TLS_NAME_BYTES];
    struct buf b = BUF_OVER(name);
    struct ip_addr ip;

    buf_put(&b, to->name);
    if (buf_cstr(&b) == NULL || (to->required && to->name.n == 0))
        return false;
    if (to->required)
        SSL_set_verify(t->ssl, SSL_VERIFY_PEER, NULL);
    if (to->name.n == 0)
        return true;
    if (ip_addr_parse(to->name, &ip))
        return X509_VERIFY_PARAM_set1_ip_asc(want, name) == 1;
    X509_VERIFY_PARAM_set_hostflags(want, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set_tlsext_host_name(t->ssl, name) == 1 && SSL_set1_host(t->ssl, name) == 1;
}

bool tls_start_client(struct conn *c, struct tls_side *side, const struct tls_target *to)
{
    struct tls *t = start(c, side);

    if (t == NULL)
        return false;
    SSL_set_connect_state(t->ssl);
    if (aim(t, to))
        return true;
    layer_close(c);
    c->layer = NULL;
    return false;
}

/*
 * A server of TLS 1.3 has nothing left to say then but tickets, and nobody waits for them: they go
 * with its first octets. Everything else of a handshake is waited for.
 */
static bool may_hold(const struct tls *t)
{
    return SSL_is_server(t->ssl) == 1 && SSL_version(t->ssl) >= TLS1_3_VERSION;
}

bool tls_take(struct conn *c, span early)
{
    struct tls *t = tls_of(c);

    heap_init(&t->early, early.n);
    return early.n == 0 || heap_put(&t->early, early);
}

enum tls_progress tls_handshake(struct conn *c)
{
    struct tls *t = tls_of(c);

    if (t->progress != TLS_UNDER_WAY)
        return t->progress;
    ERR_clear_error();
    int result = SSL_do_handshake(t->ssl);
    if (result == 1) {
        t->progress = TLS_DONE;
        t->more = SSL_has_pending(t->ssl) == 1;
        t->held = t->unsent.n > 0 && may_hold(t);
        if (!t->held && flush(t) != ERR_OK)
            (void)spoil(t, ERR_CLOSED, "the connection was lost");
        return TLS_DONE;
    }
    bool waits = SSL_get_error(t->ssl, result) == SSL_ERROR_WANT_READ;
    if (!waits)
        (void)spoil(t, ERR_TLS, handshake_words(t));
    if (flush(t) != ERR_OK)
        (void)spoil(t, ERR_CLOSED, "the connection was lost");
    t->progress = t->bad == ERR_OK ? TLS_UNDER_WAY : TLS_FAILED;
    return t->progress;
}

const char *tls_fault(const struct conn *c)
{
    const struct tls *t = c->layer != NULL ? tls_of(c) : NULL;

    return t != NULL ? t->fault : NULL;
}

bool tls_is_on(const struct conn *c)
{
    return c->layer == &layer && tls_of(c)->progress == TLS_DONE;
}
