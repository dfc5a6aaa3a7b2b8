/* SPDX-License-Identifier: ISC */
/* STARTTLS of the load generator's sessions; certificates are not verified. */
#include "load.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>

static SSL_CTX *ctx;

void load_secure_make(void)
{
    ctx = SSL_CTX_new(TLS_client_method());
    if (ctx == NULL)
        abort();
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

void load_secure_begin(struct load_session *s)
{
    s->ssl = SSL_new(ctx);
    if (s->ssl == NULL || SSL_set_fd(s->ssl, s->fd) != 1)
        abort();
    SSL_set_connect_state(s->ssl);
    if (s->ticket != NULL)
        (void)SSL_set_session(s->ssl, s->ticket);
}

/* As recv and send say it. */
static ssize_t outcome(struct load_session *s, int result, size_t n)
{
    if (result == 1)
        return (ssize_t)n;
    switch (SSL_get_error(s->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        errno = EAGAIN;
        return -1;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        errno = EPROTO;
        return -1;
    }
}

ssize_t load_secure_shake(struct load_session *s)
{
    ERR_clear_error();
    return outcome(s, SSL_do_handshake(s->ssl), 1);
}

ssize_t load_secure_recv(struct load_session *s, void *p, size_t cap)
{
    size_t n = 0;

    ERR_clear_error();
    int result = SSL_read_ex(s->ssl, p, cap, &n);
    return outcome(s, result, n);
}

ssize_t load_secure_send(struct load_session *s, const void *p, size_t n)
{
    size_t sent = 0;

    ERR_clear_error();
    int result = SSL_write_ex(s->ssl, p, n, &sent);
    return outcome(s, result, sent);
}

bool load_secure_resumed(const struct load_session *s)
{
    return SSL_session_reused(s->ssl) == 1;
}

void load_secure_end(struct load_session *s)
{
    if (s->ssl == NULL)
        return;
    if (s->plan->resume && s->state == LOAD_DONE) {
        SSL_SESSION_free(s->ticket);
        s->ticket = SSL_get1_session(s->ssl);
    }
    /* What is thrown away without this counts as damaged and is not resumed. */
    SSL_set_quiet_shutdown(s->ssl, 1);
    (void)SSL_shutdown(s->ssl);
    SSL_free(s->ssl);
    s->ssl = NULL;
}
