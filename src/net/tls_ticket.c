/* SPDX-License-Identifier: ISC */
#include "net/tls_ticket.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "net/tls_inner.h"
#include "os/clock.h"

/* A clock that jumps further than this (137 years) moves the keys only so far. */
#define TURNS_MAX 100000

/* 32 octets that only who knows the secret can know. */
static void derive(const uint8_t secret[TLS_TICKET_SECRET_BYTES], const char *what, uint8_t *out,
                   size_t out_n)
{
    uint8_t whole[32];
    size_t n = 0;

    BUG_IF(EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, secret, TLS_TICKET_SECRET_BYTES,
                     (const unsigned char *)what, strlen(what), whole, sizeof(whole), &n) == NULL ||
               n != sizeof(whole) || out_n > n,
           "no HMAC");
    memcpy(out, whole, out_n);
    OPENSSL_cleanse(whole, sizeof(whole));
}

static struct tls_ticket_key key_of(const uint8_t secret[TLS_TICKET_SECRET_BYTES])
{
    struct tls_ticket_key key = {0};

    derive(secret, "name", key.name, sizeof(key.name));
    derive(secret, "cipher", key.cipher, sizeof(key.cipher));
    derive(secret, "mac", key.mac, sizeof(key.mac));
    return key;
}

void tls_tickets_init(struct tls_tickets *t, const uint8_t secret[TLS_TICKET_SECRET_BYTES],
                      int64_t wall_ms)
{
    tls_memory_wipe(false);
    *t = (struct tls_tickets){.period = wall_ms / TLS_TICKET_PERIOD_MS, .now = key_of(secret)};
    memcpy(t->secret, secret, sizeof(t->secret));
}

void tls_tickets_turn(struct tls_tickets *t, int64_t wall_ms)
{
    int64_t period = wall_ms / TLS_TICKET_PERIOD_MS;
    int64_t turns = min_i64(period - t->period, TURNS_MAX);
    uint8_t before[TLS_TICKET_SECRET_BYTES];

    if (turns <= 0)
        return;
    for (int64_t i = 0; i < turns; i++) {
        memcpy(before, t->secret, sizeof(before));
        derive(before, "next", t->secret, sizeof(t->secret));
    }
    t->before = key_of(before);
    t->has_before = true;
    t->now = key_of(t->secret);
    t->period = period;
    OPENSSL_cleanse(before, sizeof(before));
}

const struct tls_ticket_key *tls_tickets_find(const struct tls_tickets *t, const uint8_t *name,
                                              bool *out_renew)
{
    bool now = memcmp(name, t->now.name, TLS_TICKET_NAME_BYTES) == 0;

    if (!now && (!t->has_before || memcmp(name, t->before.name, TLS_TICKET_NAME_BYTES) != 0))
        return NULL;
    *out_renew = !now;
    return now ? &t->now : &t->before;
}

void tls_tickets_finish(struct tls_tickets *t)
{
    if (t != NULL)
        OPENSSL_cleanse(t, sizeof(*t));
}

static bool set_mac(EVP_MAC_CTX *mac, const struct tls_ticket_key *key)
{
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };

    return EVP_MAC_init(mac, key->mac, sizeof(key->mac), params) == 1;
}

/* 1: go on; 2: good, but issue a new one; 0: make no ticket, or do not know this one. */
int tls_on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                  EVP_MAC_CTX *mac, int sealing)
{
    const struct tls *t = SSL_get_app_data(ssl);
    struct tls_tickets *tickets = t->side->tickets;
    const struct tls_ticket_key *key = &tickets->now;
    bool renew = false;

    tls_tickets_turn(tickets, clock_wall_ms());
    if (sealing != 0) {
        if (RAND_bytes(iv, EVP_MAX_IV_LENGTH) != 1)
            return 0;
        memcpy(name, key->name, sizeof(key->name));
        return EVP_EncryptInit_ex2(cipher, t->side->ticket_cipher, key->cipher, iv, NULL) == 1 &&
               set_mac(mac, key);
    }
    key = tls_tickets_find(tickets, name, &renew);
    if (key == NULL || !set_mac(mac, key) ||
        EVP_DecryptInit_ex2(cipher, t->side->ticket_cipher, key->cipher, iv, NULL) != 1)
        return 0;
    /* TLS 1.3 issues a new one anyway. */
    return renew ? 2 : 1;
}
