/* SPDX-License-Identifier: ISC */
/*
 * net/tls_inner.h - what the files of net/tls share: sides and the state of a connection. Nobody
 * else includes this; OpenSSL is known to these files alone.
 */
#ifndef NET_TLS_INNER_H
#define NET_TLS_INNER_H

#include <openssl/ssl.h>

#include "net/tls.h"
#include "net/tls_ticket.h"
#include "os/heap.h"

struct tls_named {
    char name[TLS_NAME_BYTES]; /* lower case; "*.example.org" stands for one label before it */
    SSL_CTX *ctx;
};

struct tls_side {
    unsigned refs; /* the owner's and one for each connection */
    SSL_CTX *ctx;  /* the default certificate's */
    struct tls_named *named;
    size_t named_count;
    struct tls_tickets *tickets;
    EVP_CIPHER *ticket_cipher;
};

struct tls {
    struct conn *c;
    struct tls_side *side;
    SSL *ssl;
    struct heap_buf unsent; /* records the socket has not taken */
    struct heap_buf early;  /* to be read before the socket is */
    size_t owed;            /* octets of the user's in `unsent`, which he believes still his */
    struct loop_task again; /* tells the user of octets that the socket will not tell of */
    char *server_name;      /* NULL: none was asked for */
    const char *fault;      /* static */
    enum err bad;           /* what every read and write gives from here on */
    unsigned want;          /* the user's */
    enum tls_progress progress;
    bool more; /* there may be octets in the SSL */
    bool held; /* `unsent` waits for what the user writes next */
    bool eof;  /* of the socket */
    bool dry;  /* the socket gave less than there was room for: it has no more, until it says so */
};

static inline struct tls *tls_of(const struct conn *c)
{
    return c->layer_state;
}

/* The layer's BIO; NULL: no memory. Made once for the process, by the first side. */
const BIO_METHOD *tls_bio_method(void);

/* What OpenSSL's queue of errors says first, in static words; the queue is emptied. */
const char *tls_words(void);

/* From now on (not) wipe what OpenSSL gives back; call it before OpenSSL is used. */
void tls_memory_wipe(bool on);

/* Give the side up; the last one frees it. */
void tls_side_drop(struct tls_side *side);

/* For SSL_CTX_set_tlsext_ticket_key_evp_cb. */
int tls_on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                  EVP_MAC_CTX *mac, int sealing);

#endif
