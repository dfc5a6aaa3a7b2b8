/* SPDX-License-Identifier: ISC */
#include "server/backoff.h"

#include <stdatomic.h>
#include <sys/mman.h>

/* Two processes may write one slot at once: a failure may then count for less, never for more. */
struct slot {
    _Atomic uint64_t who; /* hash; 0: nobody yet */
    _Atomic int64_t last_ms;
    _Atomic int64_t passed_ms; /* of a pair: its last success */
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

/* What is looked for in one of the tables; hash 0: nothing. */
struct key {
    enum backoff_kind kind;
    int64_t max_ms;
    uint64_t hash;
};

static uint64_t hash_of(const struct backoff *b, span s)
{
    uint64_t hash = hash_keyed(b->table->key, s);

    return hash != 0 ? hash : 1;
}

static span net_of(const struct backoff_who *who)
{
    return span_head(who->client, who->client.n == 16 ? 8 : who->client.n);
}

static struct key account_key(const struct backoff *b, const struct backoff_who *who)
{
    return (struct key){BACKOFF_ACCOUNT, b->account_max_ms,
                        who->account.n != 0 ? hash_of(b, who->account) : 0};
}

static struct key client_key(const struct backoff *b, const struct backoff_who *who)
{
    bool counts = who->client.n != 0 && !who->trusted;

    return (struct key){BACKOFF_CLIENT, b->client_max_ms, counts ? hash_of(b, net_of(who)) : 0};
}

static struct key pair_key(const struct backoff *b, const struct backoff_who *who)
{
    struct key key = {BACKOFF_PAIR, b->account_max_ms, 0};
    uint64_t both[2];

    if (who->account.n == 0 || who->client.n == 0)
        return key;
    both[0] = hash_of(b, who->account);
    both[1] = hash_of(b, net_of(who));
    key.hash = hash_of(b, span_of((const char *)both, sizeof both));
    return key;
}

/* The slot of a key, or NULL; with `make` one that it may take over. */
static struct slot *slot_of(const struct backoff *b, struct key key, bool make)
{
    struct slot *slots = b->table->slots[key.kind];
    struct slot *oldest = NULL;
    uint64_t hash = key.hash;

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

/* Its pair, when that has logged in of late; else NULL. */
static struct slot *known(const struct backoff *b, const struct backoff_who *who, int64_t now_ms)
{
    struct key key = pair_key(b, who);
    struct slot *s = key.hash != 0 ? slot_of(b, key, false) : NULL;

    return s != NULL && now_ms - atomic_load(&s->passed_ms) <= BACKOFF_KNOWN_MS ? s : NULL;
}

static int64_t wait_of(const struct slot *s, int64_t max_ms, int64_t now_ms)
{
    int64_t wait = s != NULL ? wait_after(atomic_load(&s->failures), max_ms) : 0;

    return wait != 0 ? max_i64(0, atomic_load(&s->last_ms) + wait - now_ms) : 0;
}

int64_t backoff_wait(const struct backoff *b, const struct backoff_who *who, int64_t now_ms,
                     enum backoff_kind *out_kind)
{
    const struct key keys[] = {client_key(b, who), account_key(b, who)};
    struct slot *pair = known(b, who, now_ms);

    for (size_t i = 0; i < COUNT(keys); i++) {
        bool own = pair != NULL && keys[i].kind == BACKOFF_ACCOUNT;
        struct slot *s = own ? pair : keys[i].hash != 0 ? slot_of(b, keys[i], false) : NULL;
        int64_t wait = wait_of(s, keys[i].max_ms, now_ms);

        if (wait == 0)
            continue;
        *out_kind = own ? BACKOFF_PAIR : keys[i].kind;
        return wait;
    }
    return 0;
}

static void count(struct slot *s, int64_t max_ms, int64_t now_ms)
{
    if (now_ms - atomic_load(&s->last_ms) > max_i64(max_ms, BACKOFF_FORGET_MS))
        atomic_store(&s->failures, 0);
    if (atomic_load(&s->failures) < UINT32_MAX)
        atomic_fetch_add(&s->failures, 1);
    atomic_store(&s->last_ms, now_ms);
}

void backoff_failed(const struct backoff *b, const struct backoff_who *who, int64_t now_ms)
{
    const struct key keys[] = {client_key(b, who), account_key(b, who)};
    struct slot *pair = known(b, who, now_ms);

    for (size_t i = 0; i < COUNT(keys); i++)
        if (keys[i].hash != 0)
            count(slot_of(b, keys[i], true), keys[i].max_ms, now_ms);
    if (pair != NULL)
        count(pair, b->account_max_ms, now_ms);
}

static void pardon(struct slot *s, int64_t now_ms)
{
    atomic_store(&s->failures, 0);
    atomic_store(&s->last_ms, now_ms);
}

/* A known pair comes while its account is closed to others: that stays so. */
void backoff_passed(const struct backoff *b, const struct backoff_who *who, int64_t now_ms)
{
    struct key account = account_key(b, who), pair = pair_key(b, who);
    struct slot *s = account.hash != 0 ? slot_of(b, account, false) : NULL;

    if (s != NULL && known(b, who, now_ms) == NULL)
        pardon(s, now_ms);
    if (pair.hash == 0)
        return;
    s = slot_of(b, pair, true);
    pardon(s, now_ms);
    atomic_store(&s->passed_ms, now_ms);
}
