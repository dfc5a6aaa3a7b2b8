/* SPDX-License-Identifier: ISC */
#include "server/relay_keys.h"

#include <stdlib.h>
#include <string.h>

#include "server/keyfile.h"

static enum err make_side(const char *path, struct tls_side **out_side, struct diag *d)
{
    struct heap_buf pem;
    enum err e;

    heap_init(&pem, RELAY_CA_BYTES);
    e = keyfile_read(path, &pem, d);
    if (e == ERR_OK)
        e = tls_client_new(&(struct tls_client_conf){.ca = heap_span(&pem)}, out_side, d);
    if (e != ERR_OK && d != NULL)
        d->file = path;
    heap_release(&pem);
    return e;
}

/* Without the system's authorities nothing verifies, which only `require` needs. */
static enum err make_default(struct relay_keys *keys, struct diag *d)
{
    if (make_side(TLS_SYSTEM_CA, &keys->system_side, NULL) == ERR_OK)
        return ERR_OK;
    keys->doubt = "no authorities can be read from " TLS_SYSTEM_CA
                  ": the certificate of no other server is believed";
    return tls_client_new(&(struct tls_client_conf){0}, &keys->system_side, d);
}

/* The first line of the file. */
static enum err read_password(struct relay_route *route, struct diag *d)
{
    const char *path = route->conf->password_file.p;
    struct heap_buf text;
    span rest, line = SPAN_NONE;
    enum err e;

    if (route->conf->password_file.n == 0)
        return diag_set(d, ERR_CONF, 0, "route \"%.*s\" has a user and no password_file",
                        SPAN_ARG(route->conf->name));
    heap_init(&text, (size_t)2 * RELAY_SECRET_BYTES);
    e = keyfile_read_secret(path, &text, d);
    rest = heap_span(&text);
    if (e == ERR_OK && (!span_line(&rest, &line) || line.n == 0 ||
                        line.n >= sizeof(route->password) || span_has(line, '\0'))) {
        if (d != NULL)
            d->file = path;
        e = diag_set(d, ERR_CONF, 0, "the first line of this file is no password");
    }
    if (e == ERR_OK)
        memcpy(route->password, line.p, line.n);
    keyfile_wipe(&text);
    return e;
}

static enum err load_route(struct relay_keys *keys, struct relay_route *route, struct diag *d)
{
    enum err e = ERR_OK;

    if (route->conf->ca_file.n > 0)
        e = make_side(route->conf->ca_file.p, &route->own_side, d);
    route->side = route->own_side != NULL ? route->own_side : keys->system_side;
    if (e == ERR_OK && route->conf->user.n > 0)
        e = read_password(route, d);
    return e;
}

enum err relay_keys_load(const struct config *c, struct relay_keys **out_keys, struct diag *d)
{
    struct relay_keys *keys = x_alloc(sizeof(*keys) + c->n_routes * sizeof(keys->routes[0]));
    enum err e = make_default(keys, d);

    for (size_t i = 0; i < c->n_routes && e == ERR_OK; i++) {
        keys->routes[i].conf = &c->routes[i];
        keys->n_routes++;
        e = load_route(keys, &keys->routes[i], d);
    }
    if (e == ERR_OK)
        *out_keys = keys;
    else
        relay_keys_free(keys);
    return e;
}

void relay_keys_forget(struct relay_keys *keys)
{
    for (size_t i = 0; keys != NULL && i < keys->n_routes; i++)
        explicit_bzero(keys->routes[i].password, sizeof(keys->routes[i].password));
}

void relay_keys_free(struct relay_keys *keys)
{
    relay_keys_forget(keys);
    for (size_t i = 0; keys != NULL && i < keys->n_routes; i++)
        tls_side_free(keys->routes[i].own_side);
    if (keys != NULL)
        tls_side_free(keys->system_side);
    free(keys);
}
