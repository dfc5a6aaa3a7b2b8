/* SPDX-License-Identifier: ISC */
#include "server/backoff.h"

#include <stdatomic.h>
#include <sys/mman.h>

/* Two processes may write one slot at once: a failure may then count for less, never for more. */
struct slot {
    _Atomic uint64_t who; /* hash; 0: nobody yet */
    _Atomic int64_t last_ms;
    _Atomic uint32_t failures;
};

struct backoff_table {
    struct hash_key key;
    struct slot slots[BACKOFF_KIND_COUNT][BACKOFF_SLOTS];
};

struct backoff_table *backoff_table_new(struct hash_key key)
{
    struct backoff_table *t =
        mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (t == MAP_FAILED)
        return NULL;
    t->key = key;
    return t;
}

static int64_t max_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static uint64_t hash_of(const struct backoff *b, enum backoff_kind kind, span who)
{
    uint64_t hash;

    if (kind == BACKOFF_CLIENT && who.n == 16)
        who = span_head(who, 8);
    hash = hash_keyed(b->table->key, who);
    return hash != 0 ? hash : 1;
}

static int64_t forget_ms(const struct backoff *b, enum backoff_kind kind)
{
    return max_i64(b->max_ms[kind], BACKOFF_FORGET_MS);
}

/* The slot of a hash, or NULL; with `make` one that it may take over. */
static struct slot *slot_of(const struct backoff *b, enum backoff_kind kind, uint64_t hash,
                            bool make)
{
    struct slot *slots = b->table->slots[kind];
    struct slot *oldest = NULL;

    for (uint32_t i = 0; i < BACKOFF_PROBES; i++) {
        struct slot *s = &slots[(hash + i) & (BACKOFF_SLOTS - 1)];
        uint64_t who = atomic_load(&s->who);

        if (who == hash)
            return s;
        if (oldest == NULL || who == 0 ||
            (atomic_load(&oldest->who) != 0 &&
             atomic_load(&s->last_ms) < atomic_load(&oldest->last_ms)))
            oldest = s;
        if (who == 0)
            break;
    }
    if (!make)
        return NULL;
    atomic_store(&oldest->failures, 0);
    atomic_store(&oldest->who, hash);
    return oldest;
}

static int64_t wait_after(uint32_t failures, int64_t max_ms)
{
    int64_t wait = BACKOFF_FIRST_MS;

    if (failures <= BACKOFF_FREE)
        return 0;
    for (uint32_t i = BACKOFF_FREE + 1; i < failures && wait < max_ms; i++)
        wait *= 2;
    return min_i64(wait, max_ms);
}

int64_t backoff_wait(const struct backoff *b, enum backoff_kind kind, span who, int64_t now_ms)
{
    struct slot *s = who.n != 0 ? slot_of(b, kind, hash_of(b, kind, who), false) : NULL;
    int64_t wait = s != NULL ? wait_after(atomic_load(&s->failures), b->max_ms[kind]) : 0;

    return wait != 0 ? max_i64(0, atomic_load(&s->last_ms) + wait - now_ms) : 0;
}

void backoff_failed(const struct backoff *b, enum backoff_kind kind, span who, int64_t now_ms)
{
    struct slot *s;

    if (who.n == 0)
        return;
    s = slot_of(b, kind, hash_of(b, kind, who), true);
    if (now_ms - atomic_load(&s->last_ms) > forget_ms(b, kind))
        atomic_store(&s->failures, 0);
    if (atomic_load(&s->failures) < UINT32_MAX)
        atomic_fetch_add(&s->failures, 1);
    atomic_store(&s->last_ms, now_ms);
}

void backoff_cleared(const struct backoff *b, enum backoff_kind kind, span who, int64_t now_ms)
{
    struct slot *s = who.n != 0 ? slot_of(b, kind, hash_of(b, kind, who), false) : NULL;

    if (s == NULL)
        return;
    atomic_store(&s->failures, 0);
    atomic_store(&s->last_ms, now_ms);
}
