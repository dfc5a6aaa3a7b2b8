/* SPDX-License-Identifier: ISC */
#include "queue/ledger_block.h"

#include "base/hash.h"

#define MARK       SPAN("HLD1")
#define MARK_BYTES 4
#define KEY_BYTES  4

/* mark, checksum of all behind it up to the body, sizes, checksum of the body, ids, times */
#define HEAD_CRC_AT 4
#define HEAD_END    (HEAD_CRC_AT + 4)

void ledger_block_put_head(struct buf *b, const struct ledger_block *block, const uint32_t *keys)
{
    size_t start = b->n;
    struct buf crc;

    buf_put(b, MARK);
    pack_u32(b, 0);
    pack_u32(b, block->key_count);
    pack_u32(b, (uint32_t)block->body.n);
    pack_u32(b, hash_crc32c(0, block->body));
    pack_u32(b, block->records);
    pack_u64(b, block->least_id);
    pack_u64(b, block->most_id);
    pack_i64(b, block->first_ms);
    pack_i64(b, block->last_ms);
    pack_u64(b, 0);
    for (uint32_t i = 0; i < block->key_count; i++)
        pack_u32(b, keys[i]);
    if (b->overflow)
        return;
    crc = buf_over(b->p + start + HEAD_CRC_AT, 4);
    pack_u32(&crc, hash_crc32c(0, span_of(b->p + start + HEAD_END, b->n - start - HEAD_END)));
}

/* The block that begins here; false when it is none, or not whole. */
static bool read_block(span s, struct ledger_block *out, size_t *out_n)
{
    struct unpack u = unpack_over(span_skip(s, MARK_BYTES));
    uint32_t crc = unpack_u32(&u);
    struct ledger_block b = {.key_count = unpack_u32(&u)};
    size_t body_n = unpack_u32(&u);
    size_t keys_n = (size_t)b.key_count * KEY_BYTES;

    if (s.n < LEDGER_BLOCK_HEAD_BYTES || b.key_count > LEDGER_BLOCK_KEYS_MAX ||
        body_n > LEDGER_BLOCK_BYTES || s.n - LEDGER_BLOCK_HEAD_BYTES < keys_n + body_n ||
        hash_crc32c(0, span_of(s.p + HEAD_END, LEDGER_BLOCK_HEAD_BYTES - HEAD_END + keys_n)) != crc)
        return false;
    crc = unpack_u32(&u);
    b.records = unpack_u32(&u);
    b.least_id = unpack_u64(&u);
    b.most_id = unpack_u64(&u);
    b.first_ms = unpack_i64(&u);
    b.last_ms = unpack_i64(&u);
    b.keys = span_of(s.p + LEDGER_BLOCK_HEAD_BYTES, keys_n);
    b.body = span_of(b.keys.p + keys_n, body_n);
    if (hash_crc32c(0, b.body) != crc)
        return false;
    *out = b;
    *out_n = LEDGER_BLOCK_HEAD_BYTES + keys_n + body_n;
    return true;
}

bool ledger_block_next(span *rest, struct ledger_block *out_block, uint64_t *out_skipped)
{
    size_t n = 0;

    while (rest->n > 0) {
        size_t at = span_search(*rest, MARK);

        *out_skipped += at;
        *rest = span_skip(*rest, at);
        if (rest->n > 0 && read_block(*rest, out_block, &n)) {
            *rest = span_skip(*rest, n);
            return true;
        }
        *out_skipped += min_size(rest->n, 1);
        *rest = span_skip(*rest, 1);
    }
    return false;
}

static uint32_t key_at(const struct ledger_block *block, size_t i)
{
    struct unpack u = unpack_over(span_of(block->keys.p + i * KEY_BYTES, KEY_BYTES));

    return unpack_u32(&u);
}

bool ledger_block_has_key(const struct ledger_block *block, uint32_t key)
{
    size_t low = 0, high = block->key_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (key_at(block, middle) < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low < block->key_count && key_at(block, low) == key;
}
