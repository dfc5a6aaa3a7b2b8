/* SPDX-License-Identifier: ISC */
/*
 * server/auth_inner.h - what the files of the auth process share. Nobody else includes this.
 */
#ifndef SERVER_AUTH_INNER_H
#define SERVER_AUTH_INNER_H

#include "config/login.h"
#include "net/conn.h"
#include "net/resolve.h"
#include "os/heap.h"
#include "queue/auth.h"
#include "server/auth.h"
#include "server/auth_keys.h"
#include "server/backoff.h"
#include "server/introspect.h"
#include "smtp/sasl.h"

struct auth_client;

/* An exchange under way; wiped when it ends. */
struct auth_exchange {
    struct auth_exchange *next, **at; /* of its client */
    struct auth_exchange *next_check; /* in the line of passwords to be checked */
    struct auth_client *client;
    struct loop_timer timer; /* its end */
    uint32_t tag;
    enum sasl_mechanism mechanism;
    unsigned step; /* of the mechanism */
    bool trusted;  /* the client's address is not held responsible */
    bool checking; /* in the line */
    bool failed;   /* and told to the memory of failures */
    bool passed;   /* only the client's empty response is missing (SCRAM) */
    size_t client_n;
    char client_ip[AUTH_CLIENT_BYTES];
    size_t user_n;
    char user[AUTH_IDENTITY_BYTES]; /* claimed, in lower case; empty: none, or no address */
    size_t secret_n;
    char secret[SASL_SECRET_BYTES + 1];
    void *scram;                  /* libgsasl's session */
    struct auth_question *asking; /* the introspection server */
    char why[AUTH_WHY_BYTES];     /* a token was refused; NUL-terminated */
};

static inline span auth_user(const struct auth_exchange *x)
{
    return span_of(x->user, x->user_n);
}

struct auth {
    struct proc *proc;
    const struct config *config;
    const struct auth_keys *keys;
    struct backoff backoff;
    struct resolve_client resolver; /* for the introspection server's name */
    struct auth_client *clients;
    size_t exchange_count;
    struct auth_exchange *check_first, *check_last;
    size_t check_count;
    struct loop_timer check_timer;
    span *logins; /* the stored forms of all who have a password */
    size_t login_count;
    struct hash_key key; /* for what unknown names are given */
    size_t question_count;
    bool draining;
};

extern struct auth auth;

/* ---- auth.c ---- */

/* There is a server to be asked about tokens. */
bool auth_introspects(const struct config *c);

/* Send a challenge; the exchange waits for the client. */
void auth_challenge(struct auth_exchange *x, span octets);
/* Send the result; the exchange is gone. why: static, for the log. */
void auth_finish(struct auth_exchange *x, enum auth_status status, const char *why);
/* Keep a claimed name as an address; false: it is none. */
bool auth_claim(struct auth_exchange *x, span name);
/* False: too many failures; the exchange is finished. Else the secret may be looked at. */
bool auth_may_try(struct auth_exchange *x);
/* Tell the memory of failures, once an exchange. */
void auth_failed(struct auth_exchange *x);

/* ---- auth_password.c ---- */

void auth_plain_start(struct auth_exchange *x, const struct auth_start *s);
void auth_login_start(struct auth_exchange *x, const struct auth_start *s);
void auth_plain_step(struct auth_exchange *x, span response);
void auth_login_step(struct auth_exchange *x, span response);
/* Take it out of the line. */
void auth_check_drop(struct auth_exchange *x);
void auth_check_init(void);
/* The stored forms for a name, or those that an unknown one is measured by; *out_known says which.
 */
struct config_login auth_forms(span user, bool *out_known);

/* ---- auth_scram.c ---- */

void auth_scram_start(struct auth_exchange *x, const struct auth_start *s);
void auth_scram_step(struct auth_exchange *x, span response);
void auth_scram_drop(struct auth_exchange *x);
MUSTUSE bool auth_scram_init(void);
/* Is this the password of a form of SCRAM? */
bool auth_scram_check(const struct config_login *login, const char *password);

/* ---- auth_bearer.c ---- */

void auth_bearer_start(struct auth_exchange *x, const struct auth_start *s);
void auth_bearer_step(struct auth_exchange *x, span response);
void auth_external_start(struct auth_exchange *x, const struct auth_start *s);
void auth_external_step(struct auth_exchange *x, span response);
/* Is this a mailbox of the users file? */
bool auth_is_user(span address);
/* What the introspection server says of a token; why: not with INTROSPECT_OWNER. */
void auth_bearer_told(struct auth_exchange *x, enum introspect_verdict verdict, span owner,
                      const char *why);

/* ---- auth_question.c ---- */

/* Ask about a token; auth_bearer_told comes later, or at once when it cannot be asked. */
void auth_question_ask(struct auth_exchange *x, span token);
void auth_question_drop(struct auth_exchange *x);

/* Equal, in a time that does not depend on where they differ; each SASL_SECRET_BYTES at most. */
bool auth_same(span a, span b);

#endif
