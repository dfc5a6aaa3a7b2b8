/* SPDX-License-Identifier: ISC */
/*
 * queue/ledger_block.h - records of the ledger that were written together, and their index.
 *
 * A block is a head of fixed size, the sorted keys of its records (ledger_keys), and the records.
 * Head and keys have a checksum, the records another: a reader believes neither before. From head
 * and keys it is seen whether a block can hold what is looked for. Blocks stand one behind the
 * other in a file; after damage the next one is found by its mark.
 */
#ifndef QUEUE_LEDGER_BLOCK_H
#define QUEUE_LEDGER_BLOCK_H

#include "queue/ledger_record.h"

#define LEDGER_BLOCK_HEAD_BYTES 64
#define LEDGER_BLOCK_BYTES      (128u << 10) /* of the records of one block at most */
#define LEDGER_BLOCK_KEYS_MAX   (64u << 10)

struct ledger_block {
    uint64_t least_id; /* of sessions and messages inside */
    uint64_t most_id;
    int64_t first_ms;
    int64_t last_ms;
    uint32_t records;
    uint32_t key_count;
    span keys; /* packed numbers in ascending order */
    span body; /* records, each packed as a string */
};

/* The head and the keys; the body follows it as it is. keys must be in ascending order. */
void ledger_block_put_head(struct buf *b, const struct ledger_block *block, const uint32_t *keys);

/*
 * The block at the beginning of *rest, which is moved behind it.
 *
 * What is damaged or cut is skipped up to the next whole block, *out_skipped octets (added).
 * returns false when there is none any more
 */
bool ledger_block_next(span *rest, struct ledger_block *out_block, uint64_t *out_skipped);

bool ledger_block_has_key(const struct ledger_block *block, uint32_t key);

#endif
