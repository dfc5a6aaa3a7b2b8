/* SPDX-License-Identifier: ISC */
#include "server/memo.h"

#include <stdlib.h>

struct memo_entry {
    int64_t end_ms;
    size_t key_n;
    size_t value_n;
    char octets[]; /* the value, which may be a struct, then the key */
};

static size_t slot_of(const struct memo *m, span key)
{
    return (size_t)(hash_keyed(m->key, key) % MEMO_SLOTS);
}

void memo_init(struct memo *m, struct hash_key key)
{
    *m = (struct memo){.key = key};
}

void memo_finish(struct memo *m)
{
    for (size_t i = 0; i < MEMO_SLOTS; i++) {
        free(m->slots[i]);
        m->slots[i] = NULL;
    }
}

bool memo_find(const struct memo *m, span key, int64_t now_ms, span *out_value)
{
    const struct memo_entry *e = m->slots[slot_of(m, key)];

    if (e == NULL || e->end_ms <= now_ms ||
        !span_eq(span_of(e->octets + e->value_n, e->key_n), key))
        return false;
    *out_value = span_of(e->octets, e->value_n);
    return true;
}

void memo_keep(struct memo *m, span key, span value, int64_t end_ms)
{
    struct memo_entry **slot = &m->slots[slot_of(m, key)];
    struct memo_entry *e;

    if (key.n + value.n > MEMO_ENTRY_BYTES)
        return;
    e = malloc(sizeof(*e) + key.n + value.n);
    if (e == NULL)
        return;
    *e = (struct memo_entry){.end_ms = end_ms, .key_n = key.n, .value_n = value.n};
    if (value.n != 0)
        memcpy(e->octets, value.p, value.n);
    if (key.n != 0)
        memcpy(e->octets + value.n, key.p, key.n);
    free(*slot);
    *slot = e;
}
