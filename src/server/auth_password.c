/* SPDX-License-Identifier: ISC */
/*
 * PLAIN and LOGIN: passwords as they are, checked against the stored forms. A check is expensive on
 * purpose, so they stand in a line, and one is made each turn of the loop.
 */
#include <crypt.h>
#include <gsasl.h>
#include <stdlib.h>

#include "config/map.h"
#include "server/auth_inner.h"

bool auth_same(span a, span b)
{
    unsigned differs = a.n != b.n;

    for (size_t i = 0; i < SASL_SECRET_BYTES; i++) {
        unsigned char x = i < a.n ? (unsigned char)a.p[i] : 0;
        unsigned char y = i < b.n ? (unsigned char)b.p[i] : 0;

        differs |= (unsigned)(x ^ y);
    }
    return differs == 0;
}

/* ---- stored forms ---- */

void auth_check_init(void)
{
    struct config_map *logins = auth.config->logins;
    size_t n = config_map_count(logins), at = 0;
    struct hash_key fixed = {0x6175746873616c74, 0x6865726c64617574};
    span name, value;

    auth.logins = x_alloc((n + 1) * sizeof *auth.logins);
    while (auth.login_count < n && config_map_next(logins, &at, &name, &value))
        auth.logins[auth.login_count++] = value;
    /* Secret, and the same after a restart: out of a stored password. */
    if (n != 0) {
        auth.key.k0 = hash_keyed(fixed, auth.logins[0]);
        fixed.k0 = ~fixed.k0;
        auth.key.k1 = hash_keyed(fixed, auth.logins[0]);
    }
}

struct config_login auth_forms(span user, bool *out_known)
{
    struct config_login login = {0};
    span forms = SPAN_NONE;
    /* Looked for in any case, so that a name that is known costs no more and no less. */
    size_t other = auth.login_count != 0 ? hash_keyed(auth.key, user) % auth.login_count : 0;

    *out_known = config_map_find(auth.config->logins, user, &forms);
    if (!*out_known && auth.login_count != 0)
        forms = auth.logins[other];
    if (!config_login_parse(forms, &login))
        *out_known = false;
    return login;
}

static bool crypt_check(span stored, const char *password)
{
    static struct crypt_data data;
    char setting[LOGIN_FORM_BYTES + 1];
    struct buf b = BUF_OVER(setting);
    const char *got;
    bool same;

    buf_put(&b, stored);
    if (buf_cstr(&b) == NULL)
        return false;
    got = crypt_r(password, setting, &data);
    same = got != NULL && got[0] != '*' && auth_same(span_cstr(got), stored);
    explicit_bzero(&data, sizeof data);
    explicit_bzero(setting, sizeof setting);
    return same;
}

static bool matches(const struct config_login *login, span secret)
{
    if (login->crypt.n != 0)
        return crypt_check(login->crypt, secret.p);
    if (login->scram.n != 0)
        return auth_scram_check(login, secret.p);
    return auth_same(login->plain, secret);
}

/*
 * As it came, or in the one spelling of its letters that `herald user` stores and SCRAM uses (RFC
 * 4616 2, 4013): hashes from elsewhere may be of any.
 */
static bool is_password(const struct auth_exchange *x)
{
    span said = span_of(x->secret, x->secret_n);
    char *text = NULL;
    bool known, same;
    struct config_login login = auth_forms(auth_user(x), &known);
    bool prepared = gsasl_saslprep(x->secret, GSASL_ALLOW_UNASSIGNED, &text, NULL) == GSASL_OK;

    same = matches(&login, said);
    if (prepared && !span_eq(span_cstr(text), said) && sasl_is_secret(span_cstr(text)))
        same = matches(&login, span_cstr(text)) || same;
    if (prepared)
        explicit_bzero(text, strlen(text));
    gsasl_free(text);
    return same && known;
}

/* ---- the line ---- */

static void on_check(void *arg)
{
    struct auth_exchange *x = auth.check_first;
    bool same;

    (void)arg;
    if (x == NULL)
        return;
    auth_check_drop(x);
    if (auth.check_first != NULL)
        loop_timer_set(&auth.check_timer, 0);
    if (!auth_may_try(x)) /* another one of the line may have failed meanwhile */
        return;
    same = is_password(x);
    auth_finish(x, same ? AUTH_FINE : AUTH_WRONG, same ? "" : "wrong name or password");
}

void auth_check_drop(struct auth_exchange *x)
{
    struct auth_exchange *before = NULL;

    if (!x->checking)
        return;
    x->checking = false;
    auth.check_count--;
    if (auth.check_first == x) {
        auth.check_first = x->next_check;
    } else {
        for (before = auth.check_first; before->next_check != x;)
            before = before->next_check;
        before->next_check = x->next_check;
    }
    if (auth.check_last == x)
        auth.check_last = before;
    x->next_check = NULL;
}

static void check(struct auth_exchange *x)
{
    if (!auth_may_try(x))
        return;
    if (auth.check_count == AUTH_CHECKS_MAX) {
        auth_finish(x, AUTH_TROUBLE, "too many passwords wait to be checked");
        return;
    }
    x->checking = true;
    if (auth.check_last != NULL)
        auth.check_last->next_check = x;
    else
        auth.check_first = x;
    auth.check_last = x;
    if (auth.check_count++ == 0) {
        loop_timer_init(&auth.check_timer, auth.proc->loop, on_check, NULL);
        loop_timer_set(&auth.check_timer, 0);
    }
}

static void keep_secret(struct auth_exchange *x, span secret)
{
    memcpy(x->secret, secret.p, secret.n);
    x->secret[secret.n] = '\0';
    x->secret_n = secret.n;
}

/* ---- PLAIN ---- */

void auth_plain_step(struct auth_exchange *x, span response)
{
    struct sasl_claim claim;

    if (!sasl_read_plain(response, &claim)) {
        auth_finish(x, AUTH_MALFORMED, "not in the form of PLAIN");
        return;
    }
    /* A name that is no address is nobody's; it takes its time all the same. */
    (void)auth_claim(x, claim.user);
    keep_secret(x, claim.secret);
    if (claim.authzid.n != 0 && !span_ieq(claim.authzid, claim.user))
        x->user_n = 0;
    check(x);
}

void auth_plain_start(struct auth_exchange *x, const struct auth_start *s)
{
    if (s->initial)
        auth_plain_step(x, s->response);
    else
        auth_challenge(x, SPAN_NONE);
}

/* ---- LOGIN ---- */

void auth_login_step(struct auth_exchange *x, span response)
{
    bool fine = x->step == 0 ? sasl_is_name(response) : sasl_is_secret(response);

    if (!fine) {
        auth_finish(x, AUTH_MALFORMED, "not a name or password of LOGIN");
        return;
    }
    if (x->step++ == 0) {
        (void)auth_claim(x, response);
        auth_challenge(x, SPAN("Password:"));
        return;
    }
    keep_secret(x, response);
    check(x);
}

void auth_login_start(struct auth_exchange *x, const struct auth_start *s)
{
    if (s->initial)
        auth_login_step(x, s->response);
    else
        auth_challenge(x, SPAN("Username:"));
}
