/* SPDX-License-Identifier: ISC */
#include "server/relay_keys.h"

#include <stdlib.h>
#include <string.h>

#include "server/keyfile.h"

/* Without the system's authorities nothing verifies, which only `require` needs. */
static enum err make_default(struct relay_keys *keys, struct diag *d)
{
    if (keyfile_read_trust(TLS_SYSTEM_CA, &keys->system_side, NULL) == ERR_OK)
        return ERR_OK;
    keys->doubt = "no authorities can be read from " TLS_SYSTEM_CA
                  ": the certificate of no other server is believed";
    return tls_client_new(&(struct tls_client_conf){0}, &keys->system_side, d);
}

static enum err read_password(struct relay_route *route, struct diag *d)
{
    if (route->conf->password_file.n == 0)
        return diag_set(d, ERR_CONF, 0, "route \"%.*s\" has a user and no password_file",
                        SPAN_ARG(route->conf->name));
    return keyfile_read_line(route->conf->password_file.p, route->password, sizeof(route->password),
                             d);
}

static enum err load_route(struct relay_keys *keys, struct relay_route *route, struct diag *d)
{
    enum err e = ERR_OK;

    if (route->conf->ca_file.n > 0)
        e = keyfile_read_trust(route->conf->ca_file.p, &route->own_side, d);
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
