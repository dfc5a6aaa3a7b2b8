/* SPDX-License-Identifier: ISC */
#include "net/tls_make.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "net/tls_inner.h"
#include "os/random.h"

#define DAY_S            86400L
#define COMMON_MAX_BYTES 64 /* of a CN, RFC 5280 A.1 */

static bool add_extension(X509 *x, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *extension;
    bool ok;

    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    ok = extension != NULL && X509_add_ext(x, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

static bool fill(X509 *x, EVP_PKEY *key, const char *name)
{
    X509_NAME *subject = X509_get_subject_name(x);
    char alternative[TLS_NAME_BYTES + 8];
    const char *common = strlen(name) <= COMMON_MAX_BYTES ? name : "herald";
    struct buf b = BUF_OVER(alternative);

    buf_printf(&b, "DNS:%s", name);
    return buf_cstr(&b) != NULL && X509_set_version(x, X509_VERSION_3) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), os_random_u64() >> 1) == 1 &&
           /* From an hour ago, for clocks that differ. */
           X509_gmtime_adj(X509_getm_notBefore(x), -3600) != NULL &&
           X509_gmtime_adj(X509_getm_notAfter(x), TLS_MAKE_DAYS * DAY_S) != NULL &&
           X509_set_pubkey(x, key) == 1 &&
           X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)common,
                                      -1, -1, 0) == 1 &&
           X509_set_issuer_name(x, subject) == 1 &&
           add_extension(x, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(x, NID_key_usage, "critical,digitalSignature") &&
           add_extension(x, NID_ext_key_usage, "serverAuth,clientAuth") &&
           add_extension(x, NID_subject_alt_name, alternative) &&
           add_extension(x, NID_subject_key_identifier, "hash") &&
           X509_sign(x, key, EVP_sha256()) > 0;
}

static bool take(BIO *bio, struct heap_buf *out)
{
    char *p = NULL;
    long n = BIO_get_mem_data(bio, &p);
    bool ok = n > 0 && heap_put(out, span_of(p, (size_t)n));

    if (n > 0)
        OPENSSL_cleanse(p, (size_t)n);
    return ok;
}

static bool write_pem(X509 *x, EVP_PKEY *key, struct heap_buf *out_chain, struct heap_buf *out_key)
{
    BIO *chain = BIO_new(BIO_s_mem());
    BIO *secret = BIO_new(BIO_s_mem());
    bool ok = chain != NULL && secret != NULL && PEM_write_bio_X509(chain, x) == 1 &&
              PEM_write_bio_PKCS8PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL) == 1 &&
              take(chain, out_chain) && take(secret, out_key);

    BIO_free(chain);
    BIO_free(secret);
    return ok;
}

enum err tls_make(span name, struct heap_buf *out_chain, struct heap_buf *out_key, struct diag *d)
{
    char text[TLS_NAME_BYTES];
    struct buf b = BUF_OVER(text);
    EVP_PKEY *key;
    X509 *x;
    bool ok;

    tls_memory_wipe(true);
    key = EVP_EC_gen("P-256");
    x = X509_new();
    buf_put(&b, name);
    ok = name.n > 0 && buf_cstr(&b) != NULL && key != NULL && x != NULL && fill(x, key, text) &&
         write_pem(x, key, out_chain, out_key);
    X509_free(x);
    EVP_PKEY_free(key);
    tls_memory_wipe(false);
    return ok ? ERR_OK
              : diag_set(d, ERR_TLS, 0, "cannot make a certificate for \"%.*s\": %s",
                         SPAN_ARG(name), tls_words());
}

static X509 *first_of(span pem)
{
    BIO *bio = pem.n <= INT32_MAX ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
    X509 *x = bio != NULL ? PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL) : NULL;

    BIO_free(bio);
    return x;
}

bool tls_chain_is_for(span pem, span name)
{
    X509 *x = first_of(pem);
    bool is = x != NULL && name.n > 0 && X509_check_host(x, name.p, name.n, 0, NULL) == 1;

    X509_free(x);
    (void)tls_words();
    return is;
}

bool tls_chain_end(span pem, int64_t *out_wall_ms)
{
    X509 *x = first_of(pem);
    struct tm end;
    bool ok = x != NULL && ASN1_TIME_to_tm(X509_get0_notAfter(x), &end) == 1;

    if (ok)
        *out_wall_ms = (int64_t)timegm(&end) * 1000;
    X509_free(x);
    (void)tls_words();
    return ok;
}
