/* SPDX-License-Identifier: ISC */
/*
 * OAUTHBEARER and XOAUTH2: a token says who somebody is. It is looked for in the tokens file, then
 * the introspection server is asked. A refusal is told as JSON in a challenge, which the client
 * acknowledges before it hears 535 (RFC 7628 3.2.2). EXTERNAL: the certificate says it.
 */
#include "base/escape.h"
#include "config/map.h"
#include "server/auth_inner.h"

enum { STEP_RESPONSE, STEP_REFUSED }; /* the next response is: the token, the acknowledgement */

static void refuse(struct auth_exchange *x, const char *why)
{
    struct buf b = buf_over(x->why, sizeof x->why - 1);

    buf_put(&b, span_cstr(why));
    auth_failed(x);
    x->step = STEP_REFUSED;
    auth_challenge(x, x->mechanism == SASL_OAUTHBEARER
                          ? SPAN("{\"status\":\"invalid_token\"}")
                          : SPAN("{\"status\":\"401\",\"schemes\":\"bearer\"}"));
}

/* The owner of a token is who they say they are, if they said it. */
static void judge(struct auth_exchange *x, span owner)
{
    char memory[AUTH_IDENTITY_BYTES];
    struct buf said = BUF_OVER(memory);

    buf_put(&said, auth_user(x));
    if (auth_claim(x, owner) && (said.n == 0 || span_eq(buf_span(&said), auth_user(x)))) {
        auth_finish(x, AUTH_FINE, "");
        return;
    }
    memcpy(x->user, said.p, said.n);
    x->user_n = said.n;
    refuse(x, "the token is somebody else's");
}

/* All tokens of the file are looked at, whatever the first that fits. */
static bool find_token(span token, span *out_owner)
{
    span name, value, owner = SPAN_NONE;
    size_t at = 0;

    while (config_map_next(auth.config->tokens, &at, &name, &value)) {
        size_t end = span_find(value, '\0');

        if (auth_same(span_head(value, end), token) && token.n <= SASL_SECRET_BYTES)
            owner = span_skip(value, end + 1);
    }
    *out_owner = owner;
    return owner.n != 0;
}

/* Whom the server names must be somebody here. */
static void judge_told(struct auth_exchange *x, span owner)
{
    char memory[AUTH_WHY_BYTES];
    struct buf why = BUF_OVER(memory);

    if (auth_is_user(owner)) {
        judge(x, owner);
        return;
    }
    buf_put(&why, SPAN("the token is of somebody who is not in users: "));
    escape_text(&why, owner, ESCAPE_CUT_BYTES);
    refuse(x, buf_cstr(&why));
}

void auth_bearer_told(struct auth_exchange *x, enum introspect_verdict verdict, span owner,
                      const char *why)
{
    switch (verdict) {
    case INTROSPECT_OWNER:
        judge_told(x, owner);
        break;
    case INTROSPECT_REFUSED:
        refuse(x, why);
        break;
    case INTROSPECT_NO_ANSWER:
        auth_finish(x, AUTH_TROUBLE, why);
        break;
    }
}

static void read_response(struct auth_exchange *x, span response)
{
    struct sasl_claim claim;
    bool fine = x->mechanism == SASL_OAUTHBEARER ? sasl_read_oauthbearer(response, &claim)
                                                 : sasl_read_xoauth2(response, &claim);
    span owner;

    if (!fine) {
        auth_finish(x, AUTH_MALFORMED, "not in the form of a bearer token");
        return;
    }
    if (claim.user.n != 0 && !auth_claim(x, claim.user)) {
        refuse(x, "the token is shown for a name that is no address");
        return;
    }
    if (!auth_may_try(x))
        return;
    if (find_token(claim.secret, &owner))
        judge(x, owner);
    else if (auth_introspects(auth.config))
        auth_question_ask(x, claim.secret);
    else
        refuse(x, "the token is not in auth.tokens");
}

void auth_bearer_step(struct auth_exchange *x, span response)
{
    if (x->step == STEP_REFUSED)
        auth_finish(x, AUTH_WRONG, x->why);
    else
        read_response(x, response);
}

void auth_bearer_start(struct auth_exchange *x, const struct auth_start *s)
{
    if (s->initial)
        read_response(x, s->response);
    else
        auth_challenge(x, SPAN_NONE);
}

/* ---- EXTERNAL ---- */

bool auth_is_user(span address)
{
    char memory[AUTH_IDENTITY_BYTES];
    struct buf lower = BUF_OVER(memory);

    buf_put_lower(&lower, address);
    return !lower.overflow && config_map_find(auth.config->users, buf_span(&lower), NULL);
}

/* x->secret holds the address of the certificate. */
void auth_external_step(struct auth_exchange *x, span response)
{
    span owner = span_of(x->secret, x->secret_n);

    if (response.n != 0 && !auth_claim(x, response)) {
        auth_finish(x, AUTH_MALFORMED, "not an address");
        return;
    }
    if (!auth_may_try(x))
        return;
    if (owner.n != 0 && (response.n == 0 || span_ieq(auth_user(x), owner)) && auth_is_user(owner) &&
        auth_claim(x, owner))
        auth_finish(x, AUTH_FINE, "");
    else
        auth_finish(x, AUTH_WRONG, "the certificate is nobody's here");
}

void auth_external_start(struct auth_exchange *x, const struct auth_start *s)
{
    if (s->certificate.n != 0)
        memcpy(x->secret, s->certificate.p, s->certificate.n);
    x->secret_n = s->certificate.n;
    if (s->initial)
        auth_external_step(x, s->response);
    else
        auth_challenge(x, SPAN_NONE);
}
