/* SPDX-License-Identifier: ISC */
/*
 * SCRAM-SHA-256 (RFC 5802, 7677), with and without channel binding, by libgsasl. It is given the
 * stored keys; the password itself is never here. Its answer to success is a challenge to us: SMTP
 * has no room for data in a 235.
 */
#include <gsasl.h>
#include <stdlib.h>

#include "os/log.h"
#include "os/random.h"
#include "server/auth_inner.h"

#define KEY_OCTETS  32
#define SALT_OCTETS 16
#define BASE64_ROOM 64

static Gsasl *library;

static void set_base64(Gsasl_session *session, Gsasl_property property, const char *octets,
                       size_t n)
{
    char *text = NULL;
    size_t text_n = 0;

    if (gsasl_base64_to(octets, n, &text, &text_n) != GSASL_OK)
        return;
    (void)!gsasl_property_set_raw(session, property, text, text_n);
    gsasl_free(text);
}

/* What a name is given that has no stored salt: always the same. */
static void set_own_salt(Gsasl_session *session, span user)
{
    struct hash_key key = auth.key;
    uint64_t salt[SALT_OCTETS / sizeof(uint64_t)];

    for (size_t i = 0; i < COUNT(salt); i++) {
        key.k1 += i + 1;
        salt[i] = hash_keyed(key, user);
    }
    set_base64(session, GSASL_SCRAM_SALT, (const char *)salt, sizeof salt);
}

static void set_iterations(Gsasl_session *session, unsigned iterations)
{
    char memory[16];
    struct buf b = BUF_OVER(memory);

    buf_put_u64(&b, iterations != 0 ? iterations : LOGIN_SCRAM_ITERATIONS_MIN);
    (void)!gsasl_property_set_raw(session, GSASL_SCRAM_ITER, b.p, b.n);
}

static void set_nobody(Gsasl_session *session)
{
    char key[KEY_OCTETS];

    os_random(key, sizeof key);
    set_base64(session, GSASL_SCRAM_STOREDKEY, key, sizeof key);
    set_base64(session, GSASL_SCRAM_SERVERKEY, key, sizeof key);
}

static void set_span(Gsasl_session *session, Gsasl_property property, span s)
{
    (void)!gsasl_property_set_raw(session, property, s.p, s.n);
}

/* The client has said its name: give the library all that belongs to it. */
static void set_forms(struct auth_exchange *x, Gsasl_session *session, const char *name)
{
    bool known;
    struct config_login login;

    (void)auth_claim(x, span_cstr(name));
    login = auth_forms(auth_user(x), &known);
    set_iterations(session, login.iterations);
    if (known && login.scram.n != 0) {
        set_span(session, GSASL_SCRAM_SALT, login.salt);
        set_span(session, GSASL_SCRAM_STOREDKEY, login.stored_key);
        set_span(session, GSASL_SCRAM_SERVERKEY, login.server_key);
        return;
    }
    set_own_salt(session, auth_user(x));
    if (known && login.plain.n != 0)
        set_span(session, GSASL_PASSWORD, login.plain);
    else
        set_nobody(session);
}

/* The library asks for the iterations first, once it has read the name. */
static int on_property(Gsasl *ctx, Gsasl_session *session, Gsasl_property property)
{
    struct auth_exchange *x = gsasl_session_hook_get(session);
    const char *name = gsasl_property_fast(session, GSASL_AUTHID);

    (void)ctx;
    if (property != GSASL_SCRAM_ITER || name == NULL || x->step != 0)
        return GSASL_NO_CALLBACK;
    x->step = 1;
    set_forms(x, session, name);
    return GSASL_OK;
}

bool auth_scram_init(void)
{
    if (gsasl_init(&library) != GSASL_OK)
        return false;
    gsasl_callback_set(library, on_property);
    return true;
}

void auth_scram_drop(struct auth_exchange *x)
{
    if (x->scram != NULL)
        gsasl_finish(x->scram);
    x->scram = NULL;
}

/* Acting as somebody else is not possible. */
static bool is_self(Gsasl_session *session)
{
    const char *authzid = gsasl_property_fast(session, GSASL_AUTHZID);
    const char *authid = gsasl_property_fast(session, GSASL_AUTHID);

    return authzid == NULL || authzid[0] == '\0' ||
           (authid != NULL && span_ieq(span_cstr(authzid), span_cstr(authid)));
}

static void judge(struct auth_exchange *x, int e, span said)
{
    bool knew = x->step > 1;

    if (x->step == 1) {
        x->step = 2;
        if (!auth_may_try(x))
            return;
    }
    if (e == GSASL_NEEDS_MORE) {
        auth_challenge(x, said);
    } else if (e == GSASL_OK && is_self(x->scram)) {
        x->passed = true;
        auth_challenge(x, said);
    } else if (e == GSASL_OK || e == GSASL_AUTHENTICATION_ERROR || knew) {
        auth_finish(x, AUTH_WRONG, "wrong name, password or channel");
    } else {
        auth_finish(x, AUTH_MALFORMED, "not in the form of SCRAM");
    }
}

void auth_scram_step(struct auth_exchange *x, span response)
{
    char *said = NULL;
    size_t said_n = 0;
    int e;

    if (x->passed) {
        auth_finish(x, response.n == 0 ? AUTH_FINE : AUTH_MALFORMED,
                    response.n == 0 ? "" : "a response after the end");
        return;
    }
    e = gsasl_step(x->scram, response.p, response.n, &said, &said_n);
    judge(x, e, span_of(said, e == GSASL_OK || e == GSASL_NEEDS_MORE ? said_n : 0));
    gsasl_free(said);
}

void auth_scram_start(struct auth_exchange *x, const struct auth_start *s)
{
    bool plus = x->mechanism == SASL_SCRAM_SHA_256_PLUS;
    Gsasl_session *session = NULL;

    /* RFC 5802 6: somebody took -PLUS out of what we announced. */
    if (!plus && s->tls_exporter.n + s->tls_unique.n != 0 && span_starts(s->response, SPAN("y,"))) {
        auth_finish(x, AUTH_WRONG, "the channel binding was suppressed");
        return;
    }
    if (gsasl_server_start(library, sasl_name(x->mechanism).p, &session) != GSASL_OK) {
        auth_finish(x, AUTH_TROUBLE, "no memory");
        return;
    }
    x->scram = session;
    gsasl_session_hook_set(session, x);
    if (plus && s->tls_exporter.n != 0)
        set_base64(session, GSASL_CB_TLS_EXPORTER, s->tls_exporter.p, s->tls_exporter.n);
    if (plus && s->tls_unique.n != 0)
        set_base64(session, GSASL_CB_TLS_UNIQUE, s->tls_unique.p, s->tls_unique.n);
    if (s->initial)
        auth_scram_step(x, s->response);
    else
        auth_challenge(x, SPAN_NONE);
}

bool auth_scram_check(const struct config_login *login, const char *password)
{
    char key[KEY_OCTETS], client[KEY_OCTETS], server[KEY_OCTETS], stored[KEY_OCTETS];
    char *salt = NULL, *text = NULL;
    size_t salt_n = 0, text_n = 0;
    bool same;

    same = gsasl_base64_from(login->salt.p, login->salt.n, &salt, &salt_n) == GSASL_OK &&
           gsasl_scram_secrets_from_password(GSASL_HASH_SHA256, password, login->iterations, salt,
                                             salt_n, key, client, server, stored) == GSASL_OK &&
           gsasl_base64_to(stored, sizeof stored, &text, &text_n) == GSASL_OK &&
           auth_same(span_of(text, text_n), login->stored_key);
    explicit_bzero(key, sizeof key);
    explicit_bzero(client, sizeof client);
    explicit_bzero(server, sizeof server);
    explicit_bzero(stored, sizeof stored);
    gsasl_free(salt);
    gsasl_free(text);
    return same;
}
