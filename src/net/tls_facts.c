/* SPDX-License-Identifier: ISC */
/* What a handshake has come to. */
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "net/tls_inner.h"

#define EXPORTER_LABEL "EXPORTER-Channel-Binding" /* RFC 9266 4.2 */
#define EXPORTER_BYTES 32

void tls_facts(const struct conn *c, struct tls_facts *out_facts)
{
    const struct tls *t = tls_of(c);
    const SSL_CIPHER *cipher = SSL_get_current_cipher(t->ssl);
    long verified = SSL_get_verify_result(t->ssl);
    bool shown = SSL_get0_peer_certificate(t->ssl) != NULL;
    bool doubtful = shown && verified != X509_V_OK;

    *out_facts = (struct tls_facts){
        .protocol = SSL_get_version(t->ssl),
        .cipher = SSL_CIPHER_standard_name(cipher),
        .bits = (unsigned)SSL_CIPHER_get_bits(cipher, NULL),
        .resumed = SSL_session_reused(t->ssl) == 1,
        .server_name = span_cstr(t->server_name),
        .trust = doubtful ? TLS_DOUBTFUL
                 : shown  ? TLS_VERIFIED
                          : TLS_ANONYMOUS,
        .doubt = doubtful ? X509_verify_cert_error_string(verified) : NULL,
    };
}

bool tls_peer_fingerprint(const struct conn *c, uint8_t out_digest[TLS_FINGERPRINT_SIZE])
{
    const X509 *peer = SSL_get0_peer_certificate(tls_of(c)->ssl);
    unsigned n = 0;

    return peer != NULL && X509_digest(peer, EVP_sha256(), out_digest, &n) == 1;
}

/* ---- names in the peer's certificate ---- */

/* Add the name unless it holds what no name may. */
static bool put_name(struct buf *out, const unsigned char *p, int n)
{
    if (n <= 0)
        return false;
    for (int i = 0; i < n; i++)
        if (p[i] < 0x20 || p[i] == 0x7f)
            return false;
    buf_put(out, span_of(p, (size_t)n));
    return !out->overflow;
}

static bool put_common(X509 *peer, size_t index, struct buf *out)
{
    const X509_NAME *subject = X509_get_subject_name(peer);
    unsigned char *utf8 = NULL;
    int at = -1;

    for (size_t i = 0; i <= index; i++) {
        at = X509_NAME_get_index_by_NID(subject, NID_commonName, at);
        if (at < 0)
            return false;
    }
    int n = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    bool ok = put_name(out, utf8, n);
    OPENSSL_free(utf8);
    return ok;
}

static bool put_alternative(X509 *peer, int type, size_t index, struct buf *out)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(peer, NID_subject_alt_name, NULL, NULL);
    bool ok = false;

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        const ASN1_IA5STRING *text = name->d.ia5;

        if (name->type != type || index-- > 0)
            continue;
        ok = put_name(out, ASN1_STRING_get0_data(text), ASN1_STRING_length(text));
        break;
    }
    GENERAL_NAMES_free(names);
    return ok;
}

bool tls_peer_name(const struct conn *c, enum tls_name kind, size_t index, struct buf *out)
{
    X509 *peer = SSL_get0_peer_certificate(tls_of(c)->ssl);

    if (peer == NULL)
        return false;
    switch (kind) {
    case TLS_NAME_EMAIL:
        return put_alternative(peer, GEN_EMAIL, index, out);
    case TLS_NAME_DNS:
        return put_alternative(peer, GEN_DNS, index, out);
    case TLS_NAME_COMMON:
        return put_common(peer, index, out);
    }
    return false;
}

/* ---- channel binding ---- */

static bool put_exporter(SSL *ssl, struct buf *out)
{
    unsigned char octets[EXPORTER_BYTES];

    if (SSL_version(ssl) < TLS1_3_VERSION && SSL_get_extms_support(ssl) != 1)
        return false;
    if (SSL_export_keying_material(ssl, octets, sizeof(octets), EXPORTER_LABEL,
                                   sizeof(EXPORTER_LABEL) - 1, NULL, 0, 1) != 1)
        return false;
    buf_put(out, span_of(octets, sizeof(octets)));
    return !out->overflow;
}

/* The first Finished of the handshake: the client's, but the server's when it resumed. */
static bool put_unique(SSL *ssl, struct buf *out)
{
    bool first_is_ours = (SSL_is_server(ssl) == 1) == (SSL_session_reused(ssl) == 1);
    unsigned char octets[TLS_BINDING_BYTES];
    size_t n;

    if (SSL_version(ssl) >= TLS1_3_VERSION)
        return false;
    n = first_is_ours ? SSL_get_finished(ssl, octets, sizeof(octets))
                      : SSL_get_peer_finished(ssl, octets, sizeof(octets));
    buf_put(out, span_of(octets, min_size(n, sizeof(octets))));
    return n > 0 && !out->overflow;
}

/* By the digest of the certificate's own signature; SHA-256 for MD5, SHA-1 and those without. */
static bool put_end_point(SSL *ssl, struct buf *out)
{
    X509 *own = SSL_is_server(ssl) == 1 ? SSL_get_certificate(ssl) : SSL_get0_peer_certificate(ssl);
    unsigned char octets[EVP_MAX_MD_SIZE];
    int digest = NID_undef;
    unsigned n = 0;
    const EVP_MD *md;

    if (own == NULL)
        return false;
    (void)X509_get_signature_info(own, &digest, NULL, NULL, NULL);
    md = digest == NID_undef || digest == NID_md5 || digest == NID_sha1
             ? EVP_sha256()
             : EVP_get_digestbynid(digest);
    if (md == NULL || X509_digest(own, md, octets, &n) != 1)
        return false;
    buf_put(out, span_of(octets, n));
    return !out->overflow;
}

bool tls_binding(const struct conn *c, enum tls_binding type, struct buf *out)
{
    SSL *ssl = tls_of(c)->ssl;

    switch (type) {
    case TLS_BINDING_EXPORTER:
        return put_exporter(ssl, out);
    case TLS_BINDING_UNIQUE:
        return put_unique(ssl, out);
    case TLS_BINDING_END_POINT:
        return put_end_point(ssl, out);
    }
    return false;
}
