/* SPDX-License-Identifier: ISC */
/* config/idn.h - names with letters beyond ASCII, as an operator writes them (RFC 5890, 5891). */
#ifndef CONFIG_IDN_H
#define CONFIG_IDN_H

#include "config/pool.h"
#include "name/path.h"
#include "os/idn.h"

/* The name in A-labels; as it came when it is ASCII already, or is no such name. */
span config_idn(struct config_pool *pool, span name);

/* The same for what may be "*.domain". */
span config_idn_pattern(struct config_pool *pool, span name);

#define CONFIG_ADDRESS_BYTES (2 * PATH_LOCAL_MAX_BYTES + 4 + IDN_NAME_BYTES)

/*
 * Write an address as all tables have it and all look-ups ask for it: as path_put, with the domain
 * in A-labels. A domain that has none stays as it is. At most CONFIG_ADDRESS_BYTES.
 */
void config_idn_put_path(struct buf *b, const struct path *p);

#endif
