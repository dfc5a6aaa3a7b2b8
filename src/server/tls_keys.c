/* SPDX-License-Identifier: ISC */
#include "server/tls_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "message/date.h"
#include "net/tls_make.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"
#include "server/keyfile.h"

#define OWN_CERTIFICATE "certificate.pem"
#define OWN_KEY         "key.pem"
#define OWN_NAME        "localhost" /* of a certificate for a machine without a name */
#define PATH_BYTES      1024

/* ---- what is gathered before a side can be made ---- */

struct pairs {
    struct tls_pair *at;
    struct heap_buf *chains;
    struct heap_buf *keys;
    size_t n;
    struct config_problems *doubts;
};

static void pairs_init(struct pairs *p, size_t max, struct config_problems *doubts)
{
    *p = (struct pairs){
        .at = x_alloc(max * sizeof(*p->at)),
        .chains = x_alloc(max * sizeof(*p->chains)),
        .keys = x_alloc(max * sizeof(*p->keys)),
        .doubts = doubts,
    };
}

static void pairs_free(struct pairs *p)
{
    for (size_t i = 0; i < p->n; i++) {
        heap_release(&p->chains[i]);
        keyfile_wipe(&p->keys[i]);
    }
    free(p->at);
    free(p->chains);
    free(p->keys);
}

static void doubt(const struct pairs *p, const char *file, const char *words, span about)
{
    struct config_problem problem = {.warning = true};

    (void)snprintf(problem.file, sizeof(problem.file), "%s", file);
    (void)snprintf(problem.text, sizeof(problem.text), "%s %.*s: clients that verify it refuse it",
                   words, SPAN_ARG(about));
    config_problems_add(p->doubts, &problem);
}

/* What is no use to those who look is shown all the same: not all do. */
static void examine(const struct pairs *p, const char *file, span name, span chain)
{
    bool exact = name.n > 0 && !span_starts(name, SPAN("*"));
    char memory[64];
    struct buf when = BUF_OVER(memory);
    int64_t end_ms;

    if (p->doubts == NULL || !tls_chain_end(chain, &end_ms))
        return;
    date_put(&when, end_ms);
    if (end_ms <= clock_wall_ms())
        doubt(p, file, "this certificate ended on", buf_span(&when));
    if (exact && !tls_chain_is_for(chain, name))
        doubt(p, file, "this certificate is not for", name);
}

/* Files belong to the configuration; `key` empty: both are in one file. */
static enum err pairs_add(struct pairs *p, span name, const char *chain_file, const char *key_file,
                          struct diag *d)
{
    struct heap_buf *chain = &p->chains[p->n];
    struct heap_buf *key = &p->keys[p->n];
    enum err e;

    heap_init(chain, TLS_KEYS_FILE_BYTES);
    heap_init(key, TLS_KEYS_FILE_BYTES);
    p->n++;
    e = keyfile_read(chain_file, chain, d);
    if (e == ERR_OK)
        e = keyfile_read_secret(key_file, key, d);
    if (e == ERR_OK)
        examine(p, chain_file, name, heap_span(chain));
    p->at[p->n - 1] =
        (struct tls_pair){name, heap_span(chain), heap_span(key), chain_file, key_file};
    return e;
}

static const char *key_of(span key, span certificate)
{
    return key.n != 0 ? key.p : certificate.p;
}

/* ---- our own certificate ---- */

struct own_files {
    char chain[PATH_BYTES];
    char key[PATH_BYTES];
};

/* Of a machine whose name has changed another one is made. */
static bool is_good(const struct own_files *own, span name)
{
    struct heap_buf chain;
    int64_t end_ms = 0;
    bool good;

    heap_init(&chain, TLS_KEYS_FILE_BYTES);
    good = access(own->key, F_OK) == 0 && keyfile_read(own->chain, &chain, NULL) == ERR_OK &&
           tls_chain_end(heap_span(&chain), &end_ms) &&
           end_ms > clock_wall_ms() + TLS_KEYS_RENEW_MS &&
           tls_chain_is_for(heap_span(&chain), name);
    heap_release(&chain);
    return good;
}

/* The key first: a certificate is believed to have its key. */
static enum err write_own(const char *dir, span chain, span key, struct diag *d)
{
    int fd = -1;
    enum err e = file_make_dir(AT_FDCWD, dir, &fd);

    if (e == ERR_OK)
        e = file_remove(fd, OWN_CERTIFICATE);
    if (e == ERR_OK || e == ERR_ABSENT)
        e = file_replace(fd, OWN_KEY, key, 0600);
    if (e == ERR_OK)
        e = file_replace(fd, OWN_CERTIFICATE, chain, 0644);
    if (e != ERR_OK)
        (void)diag_set(d, e, errno, "cannot write a certificate into %s", dir);
    file_close(&fd);
    return e;
}

static enum err make_own(span name, const char *dir, struct diag *d)
{
    struct heap_buf chain, key;
    enum err e;

    heap_init(&chain, TLS_KEYS_FILE_BYTES);
    heap_init(&key, TLS_KEYS_FILE_BYTES);
    e = tls_make(name, &chain, &key, d);
    if (e == ERR_OK)
        e = write_own(dir, heap_span(&chain), heap_span(&key), d);
    heap_release(&chain);
    keyfile_wipe(&key);
    if (e == ERR_OK) {
        struct log_line l = log_begin(LOG_TLS_MADE, LOG_INFO);

        log_str(&l, KEY_NAME, name);
        log_cstr(&l, KEY_FILE, dir);
        log_end(&l);
    }
    return e;
}

static enum err own_pair(const struct config *c, struct pairs *pairs, struct diag *d)
{
    static struct own_files own; /* named by what is said about them */
    span name = c->hostname.n != 0 ? c->hostname : SPAN(OWN_NAME);
    char dir[PATH_BYTES - sizeof(OWN_CERTIFICATE) - 1];
    struct buf b = BUF_OVER(dir), chain = BUF_OVER(own.chain), key = BUF_OVER(own.key);
    enum err e = ERR_OK;

    buf_put(&b, c->data_dir);
    buf_put(&b, SPAN("/tls"));
    if (buf_cstr(&b) == NULL)
        return diag_set(d, ERR_LIMIT, 0, "data_dir is too long");
    buf_printf(&chain, "%s/" OWN_CERTIFICATE, dir);
    buf_printf(&key, "%s/" OWN_KEY, dir);
    BUG_IF(buf_cstr(&chain) == NULL || buf_cstr(&key) == NULL, "a path that must fit does not");
    if (!is_good(&own, name))
        e = make_own(name, dir, d);
    return e == ERR_OK ? pairs_add(pairs, SPAN_NONE, own.chain, own.key, d) : e;
}

/* ---- the side ---- */

static enum err gather(const struct config *c, bool make, struct pairs *pairs, struct diag *d)
{
    enum err e = ERR_OK;

    if (c->tls.certificate.n != 0)
        e = pairs_add(pairs, SPAN_NONE, c->tls.certificate.p,
                      key_of(c->tls.key, c->tls.certificate), d);
    else if (make)
        e = own_pair(c, pairs, d);
    for (size_t i = 0; i < c->n_certificates && e == ERR_OK; i++)
        e = pairs_add(pairs, c->certificates[i].name, c->certificates[i].file.p,
                      key_of(c->certificates[i].key, c->certificates[i].file), d);
    return e;
}

static enum err make_side(const struct config *c, const struct tls_keys_how *how,
                          const struct pairs *pairs, struct tls_side **out_side, struct diag *d)
{
    struct tls_server_conf conf = {
        .pairs = pairs->at,
        .pair_count = pairs->n,
        .min = c->tls.protocols == CONFIG_PROTOCOLS_TLS_1_3 ? TLS_1_3 : TLS_1_2,
        .tickets = how->tickets,
    };
    struct heap_buf ca;
    enum err e = ERR_OK;

    heap_init(&ca, TLS_KEYS_FILE_BYTES);
    if (c->tls.client_ca.n != 0)
        e = keyfile_read(c->tls.client_ca.p, &ca, d);
    conf.client_ca = heap_span(&ca);
    conf.client_ca_file = c->tls.client_ca.p;
    if (e == ERR_OK)
        e = tls_server_new(&conf, out_side, d);
    heap_release(&ca);
    return e;
}

enum err tls_keys_load(const struct config *c, const struct tls_keys_how *how,
                       struct tls_side **out_side, struct diag *d)
{
    struct tls_side *side = NULL;
    struct pairs pairs;
    enum err e;

    if (c->tls.certificate.n == 0 && c->tls.key.n != 0)
        return diag_set(d, ERR_CONF, 0, "tls.key is given without tls.certificate");
    pairs_init(&pairs, c->n_certificates + 1, how->doubts);
    e = gather(c, how->make, &pairs, d);
    if (e == ERR_OK && pairs.n != 0)
        e = make_side(c, how, &pairs, &side, d);
    pairs_free(&pairs);
    if (e == ERR_OK)
        *out_side = side;
    return e;
}
