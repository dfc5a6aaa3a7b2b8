/* SPDX-License-Identifier: ISC */
/*
 * What OpenSSL gives back while it handles private keys is wiped. It wipes the keys themselves, but
 * leaves copies of what it decodes them from, which every process forked later would inherit.
 * Wiping costs too much to be done in sessions.
 */
#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>

#include "net/tls_inner.h"

static bool wipes;

static void *take(size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    return malloc(n);
}

static void give(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    if (wipes && p != NULL)
        explicit_bzero(p, malloc_usable_size(p));
    free(p);
}

static void *change(void *p, size_t n, const char *file, int line)
{
    void *fresh;

    if (!wipes || p == NULL)
        return realloc(p, n);
    fresh = malloc(n);
    if (fresh == NULL)
        return NULL;
    memcpy(fresh, p, min_size(n, malloc_usable_size(p)));
    give(p, file, line);
    return fresh;
}

void tls_memory_wipe(bool on)
{
    /* Only before OpenSSL has taken any; later the first call's choice stands. */
    (void)CRYPTO_set_mem_functions(take, change, give);
    wipes = on;
}
