/* SPDX-License-Identifier: ISC */
/*
 * config/pool.h - the memory of one configuration: grows, is freed whole.
 *
 * Only for start-up, reload and tools: running out of memory is the end of the
 * process (BUG), so nothing here returns NULL.
 */
#ifndef CONFIG_POOL_H
#define CONFIG_POOL_H

#include "base/span.h"

struct config_pool_block;

/* Start with = {0}. */
struct config_pool {
    struct config_pool_block *blocks;
};

/* n octets, zeroed, aligned for any object. */
void *config_pool_take(struct config_pool *pool, size_t n);

/* A copy of s with a NUL behind it. */
span config_pool_copy(struct config_pool *pool, span s);

/* End of all that was taken. */
void config_pool_finish(struct config_pool *pool);

#endif
