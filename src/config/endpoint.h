/* SPDX-License-Identifier: ISC */
/* config/endpoint.h - "192.0.2.1:25", "[2001:db8::1]:25", "mx.example.net:25", "unix:/path". */
#ifndef CONFIG_ENDPOINT_H
#define CONFIG_ENDPOINT_H

#include "config/config.h"
#include "config/pool.h"

/*
 * Read s; texts of the endpoint come from pool.
 *
 * port  when s names none; 0: it must name one
 */
MUSTUSE bool config_endpoint_parse(struct config_pool *pool, span s, uint16_t port,
                                   struct config_endpoint *out);

/* "ADDRESS" or "ADDRESS@PORT", as resolvers are written; port 53 by default. */
MUSTUSE bool config_endpoint_parse_server(struct config_pool *pool, span s,
                                          struct config_endpoint *out);

/* As config_endpoint_parse reads it. */
void config_endpoint_put(struct buf *b, const struct config_endpoint *e);

#endif
