/* SPDX-License-Identifier: ISC */
#include "config/pool.h"

#include <stdalign.h>
#include <stdlib.h>

#define BLOCK_BYTES (32u * 1024)

struct config_pool_block {
    struct config_pool_block *next;
    size_t n;
    size_t cap;
    alignas(max_align_t) char octets[];
};

static struct config_pool_block *block_new(size_t cap)
{
    struct config_pool_block *block = calloc(1, sizeof *block + cap);

    BUG_IF(block == NULL, "out of memory while reading the configuration");
    block->cap = cap;
    return block;
}

void *config_pool_take(struct config_pool *pool, size_t n)
{
    struct config_pool_block *block = pool->blocks;
    size_t need = (n + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);

    BUG_IF(need < n, "size overflow");
    if (block == NULL || block->cap - block->n < need) {
        block = block_new(need > BLOCK_BYTES ? need : BLOCK_BYTES);
        block->next = pool->blocks;
        pool->blocks = block;
    }
    block->n += need;
    return block->octets + (block->n - need);
}

span config_pool_copy(struct config_pool *pool, span s)
{
    char *copy = config_pool_take(pool, s.n + 1);

    if (s.n != 0)
        memcpy(copy, s.p, s.n);
    return span_of(copy, s.n);
}

void config_pool_finish(struct config_pool *pool)
{
    while (pool->blocks != NULL) {
        struct config_pool_block *block = pool->blocks;

        pool->blocks = block->next;
        free(block);
    }
}
