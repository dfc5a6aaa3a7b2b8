/* SPDX-License-Identifier: ISC */
/*
 * server/memo.h - what a process found out a moment ago, so that it need not ask again.
 *
 * A table of MEMO_SLOTS places; a newer entry takes the place of an older one with the same hash,
 * which is keyed, so that nobody outside can aim at a place. Entries end at their time.
 */
#ifndef SERVER_MEMO_H
#define SERVER_MEMO_H

#include "base/hash.h"
#include "base/span.h"

#define MEMO_SLOTS       4096u
#define MEMO_ENTRY_BYTES 8192u /* of key and value; larger ones are not kept */

struct memo_entry;

struct memo {
    struct hash_key key;
    struct memo_entry *slots[MEMO_SLOTS];
};

void memo_init(struct memo *m, struct hash_key key);
void memo_finish(struct memo *m);

/* out_value is borrowed until the next memo_keep; false: not known, or no longer. */
MUSTUSE bool memo_find(const struct memo *m, span key, int64_t now_ms, span *out_value);

/* Keep copies until end_ms. Without memory nothing is kept. */
void memo_keep(struct memo *m, span key, span value, int64_t end_ms);

#endif
