/* SPDX-License-Identifier: ISC */
#include "server/auth_keys.h"

#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/base64.h"
#include "os/heap.h"
#include "server/introspect.h"
#include "server/keyfile.h"

/* Each in the form of application/x-www-form-urlencoded (RFC 6749 2.3.1). */
static void put_basic(struct buf *out, span client, span secret)
{
    char memory[3 * 2 * AUTH_SECRET_BYTES];
    struct buf b = BUF_OVER(memory);

    introspect_put_escaped(&b, client);
    buf_putc(&b, ':');
    introspect_put_escaped(&b, secret);
    buf_put(out, SPAN("Basic "));
    base64_put(out, buf_span(&b));
    explicit_bzero(memory, sizeof memory);
}

/* What may stand in a header field (RFC 6750 2.1 allows less). */
static bool is_word(span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!ascii_is_print(s.p[i]) || s.p[i] == ' ')
            return false;
    return true;
}

static enum err load_secret(struct auth_keys *keys, const struct config_introspection *from,
                            struct diag *d)
{
    struct buf b = BUF_OVER(keys->authorization);
    char secret[AUTH_SECRET_BYTES];
    enum err e;

    if (from->client.n >= AUTH_SECRET_BYTES)
        return diag_set(d, ERR_CONF, 0, "auth.introspection_client is too long");
    if (from->secret_file.n == 0)
        return from->client.n == 0
                   ? ERR_OK
                   : diag_set(d, ERR_CONF, 0,
                              "auth.introspection_client needs auth.introspection_secret");
    e = keyfile_read_line(from->secret_file.p, secret, sizeof secret, d);
    if (e == ERR_OK && from->client.n != 0) {
        put_basic(&b, from->client, span_cstr(secret));
    } else if (e == ERR_OK && !is_word(span_cstr(secret))) {
        e = diag_set(d, ERR_CONF, 0, "the first line of auth.introspection_secret is no token");
    } else if (e == ERR_OK) {
        buf_put(&b, SPAN("Bearer "));
        buf_put(&b, span_cstr(secret));
    }
    explicit_bzero(secret, sizeof secret);
    BUG_IF(e == ERR_OK && buf_cstr(&b) == NULL, "credentials longer than they can be");
    return e;
}

enum err auth_keys_load(const struct config *c, struct tls_side *system_side,
                        struct auth_keys **out_keys, struct diag *d)
{
    const struct config_introspection *from = &c->auth.introspection;
    struct auth_keys *keys = x_alloc(sizeof *keys);
    enum err e = load_secret(keys, from, d);

    if (e == ERR_OK && from->ca_file.n != 0)
        e = keyfile_read_trust(from->ca_file.p, &keys->own_side, d);
    if (from->url.tls)
        keys->side = keys->own_side != NULL ? keys->own_side : system_side;
    if (e == ERR_OK)
        *out_keys = keys;
    else
        auth_keys_free(keys);
    return e;
}

void auth_keys_forget(struct auth_keys *keys)
{
    if (keys != NULL)
        explicit_bzero(keys->authorization, sizeof keys->authorization);
}

void auth_keys_free(struct auth_keys *keys)
{
    auth_keys_forget(keys);
    if (keys != NULL)
        tls_side_free(keys->own_side);
    free(keys);
}
