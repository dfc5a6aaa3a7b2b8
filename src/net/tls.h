/* SPDX-License-Identifier: ISC */
/*
 * net/tls.h - TLS 1.2 and 1.3 under a connection, in either role.
 *
 * A side is what many connections share: certificates, trust, versions. It is made once (before
 * the sandbox: nothing is opened later) and never changes. tls_start puts it under an existing
 * struct conn; from then on conn_read and conn_write carry plain octets over TLS. First the
 * handshake must be done:
 *
 *     if (!tls_start_client(&c, side, &(struct tls_target){.name = SPAN("mx.example.org")}))
 *         ... no memory
 *     switch (tls_handshake(&c)) {             at once, and again after each CONN_READY
 *     case TLS_UNDER_WAY: conn_want(&c, LOOP_READ); conn_timeout(...); break;
 *     case TLS_DONE:      tls_facts(&c, &facts); ... go on as if it were plain; break;
 *     case TLS_FAILED:    tls_fault(&c) says why; conn_close(&c); break;
 *     }
 *
 * conn_want(LOOP_READ) is all the handshake needs. What OpenSSL has to send is kept here until the
 * socket takes it; session tickets wait for what the user writes first.
 *
 * After the handshake: conn_read gives ERR_CLOSED when the peer ended TLS properly, ERR_TLS on
 * anything that is no TLS, is damaged, or ends without notice (tls_fault says which). All of them
 * are the end of the connection: there is no way back to plain octets. What conn_write did not
 * take is to be offered again, as always. conn_close sends the notice of closing.
 *
 * Always: ECDHE and AEAD only; no renegotiation, no compression, no early data. A server prefers
 * its own order, accepts the ALPN protocol "smtp" or none at all, and resumes by tickets alone.
 *
 * Limits: TLS_UNSENT_BYTES, TLS_NAME_BYTES, TLS_PAIRS_MAX. Not here: reading files, deadlines.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "base/buf.h"
#include "base/diag.h"
#include "net/conn.h"

#define TLS_UNSENT_BYTES     (96u << 10) /* of one connection, that the socket has not taken yet */
#define TLS_NAME_BYTES       254         /* a name in SNI, with a NUL octet */
#define TLS_PAIRS_MAX        256         /* certificates of a server */
#define TLS_FINGERPRINT_SIZE 32          /* SHA-256 */
#define TLS_BINDING_BYTES    64          /* room for channel binding data of every type */
#define TLS_SYSTEM_CA        "/etc/ssl/certs/ca-certificates.crt"

enum tls_version { TLS_1_2, TLS_1_3 };

/* ---- sides ---- */

struct tls_side;    /* of a server or of a client */
struct tls_tickets; /* net/tls_ticket.h */

/* A certificate with its chain (its own first), and its private key; both PEM. */
struct tls_pair {
    span name; /* what a client asks for: "mail.example.org" or "*.example.org", lower case */
    span chain;
    span key;
    const char *chain_file; /* for what is said about them; may be NULL */
    const char *key_file;
};

struct tls_server_conf {
    const struct tls_pair *pairs; /* the first is for clients that name none or an unknown one */
    size_t pair_count;            /* 1 to TLS_PAIRS_MAX */
    span client_ca; /* PEM; empty: no certificate is asked for. Asked for, it is optional */
    const char *client_ca_file; /* for what is said about it; may be NULL */
    enum tls_version min;
    struct tls_tickets *tickets; /* lives longer than the side; NULL: no resumption */
};

/*
 * Make a server's side. The spans are not needed afterwards.
 *
 * returns ERR_OK; ERR_CONF with d->file and words when a certificate, a key or the two together
 *         are no good; ERR_NOMEM
 */
MUSTUSE enum err tls_server_new(const struct tls_server_conf *conf, struct tls_side **out_side,
                                struct diag *d);

struct tls_client_conf {
    span ca;                     /* PEM: whom to trust; empty: nobody, nothing verifies */
    const struct tls_pair *pair; /* the certificate to show when asked; NULL: none */
    enum tls_version min;
};

MUSTUSE enum err tls_client_new(const struct tls_client_conf *conf, struct tls_side **out_side,
                                struct diag *d);

/* Wipe the private keys and free; connections that began keep what they need. NULL is allowed. */
void tls_side_free(struct tls_side *side);

/* ---- a connection ---- */

/* Whom a client wants to reach. */
struct tls_target {
    span name; /* sent as SNI, and to be found in the certificate; empty (or an address): no SNI */
    bool required; /* fail unless the certificate verifies and has the name */
};

/* Put TLS under c, which is connected; false: no memory, or a name that is none. */
MUSTUSE bool tls_start_server(struct conn *c, struct tls_side *side);
MUSTUSE bool tls_start_client(struct conn *c, struct tls_side *side, const struct tls_target *to);

/* Octets that were read from the socket before TLS began (behind a PROXY header); false: no memory.
 */
MUSTUSE bool tls_take(struct conn *c, span early);

enum tls_progress { TLS_UNDER_WAY, TLS_DONE, TLS_FAILED };

/* Go on with the handshake as far as it goes now. After DONE or FAILED it stays so. */
MUSTUSE enum tls_progress tls_handshake(struct conn *c);

/* Why TLS failed or ended, in words (static); NULL: it did not. */
const char *tls_fault(const struct conn *c);

/* There is TLS under the connection, and its handshake is done. */
bool tls_is_on(const struct conn *c);

/* ---- what came of it (after TLS_DONE) ---- */

enum tls_trust {
    TLS_ANONYMOUS, /* the peer showed no certificate */
    TLS_VERIFIED,  /* its chain ends at a trusted one (and, for a client, has the name) */
    TLS_DOUBTFUL,  /* it showed one that does not verify */
};

struct tls_facts {
    const char *protocol; /* "TLSv1.3" */
    const char *cipher;   /* as registered at IANA: "TLS_AES_256_GCM_SHA384" */
    unsigned bits;        /* of the cipher's key */
    bool resumed;
    span server_name; /* SNI as asked for; empty: none, or none that is a domain name */
    enum tls_trust trust;
    const char *doubt; /* for TLS_DOUBTFUL: why, in words; else NULL */
};

/* Everything is static or lives as long as the connection. */
void tls_facts(const struct conn *c, struct tls_facts *out_facts);

/* The SHA-256 of the peer's certificate; false when it showed none. */
bool tls_peer_fingerprint(const struct conn *c, uint8_t out_digest[TLS_FINGERPRINT_SIZE]);

enum tls_name { TLS_NAME_EMAIL, TLS_NAME_DNS, TLS_NAME_COMMON };

/*
 * The index-th name of a kind in the peer's certificate: rfc822Name and dNSName of its
 * subjectAltName, CN of its subject (RFC 5280 4.2.1.6). Believe it only when TLS_VERIFIED.
 *
 * returns false when there is no such (or one with octets below 0x20, or too long for out)
 */
bool tls_peer_name(const struct conn *c, enum tls_name kind, size_t index, struct buf *out);

enum tls_binding {
    TLS_BINDING_EXPORTER,  /* RFC 9266: TLS 1.3 (and 1.2 with the extended master secret) */
    TLS_BINDING_UNIQUE,    /* RFC 5929 3: TLS 1.2 only */
    TLS_BINDING_END_POINT, /* RFC 5929 4: the digest of the server's certificate */
};

/* Channel binding data, for SCRAM; false when this connection has none of that type. */
bool tls_binding(const struct conn *c, enum tls_binding type, struct buf *out);

#endif
