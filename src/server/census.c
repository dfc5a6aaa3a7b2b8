/* SPDX-License-Identifier: ISC */
#include "server/census.h"

#include <stdatomic.h>
#include <sys/mman.h>

struct census_table {
    struct hash_key key;
    unsigned columns;
    _Atomic uint64_t clients[CENSUS_SLOTS]; /* hash of the address; 0: nobody yet */
    _Atomic uint32_t counts[]; /* a row of columns for the totals, then one for each slot */
};

#define TOTALS CENSUS_SLOTS /* the row of the totals */

struct census_table *census_table_new(struct hash_key key, unsigned columns)
{
    size_t size = sizeof(struct census_table) +
                  (CENSUS_SLOTS + 1) * (size_t)columns * sizeof(_Atomic uint32_t);
    struct census_table *t =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (t == MAP_FAILED)
        return NULL;
    t->key = key;
    t->columns = columns;
    return t;
}

static _Atomic uint32_t *cell(struct census_table *t, uint32_t row, unsigned column)
{
    return &t->counts[(size_t)row * t->columns + column];
}

void census_join(struct census *c, struct census_table *table, unsigned column)
{
    BUG_IF(column >= table->columns, "more workers than the census has columns");
    *c = (struct census){table, column};
    for (uint32_t row = 0; row <= TOTALS; row++) {
        if (atomic_load(cell(table, row, column)) != 0)
            atomic_store(cell(table, row, column), 0);
    }
}

static uint64_t row_count(struct census_table *t, uint32_t row)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < t->columns; i++)
        n += atomic_load_explicit(cell(t, row, i), memory_order_relaxed);
    return n;
}

static uint64_t client_hash(const struct census_table *t, const struct net_addr *client)
{
    span octets = net_addr_octets(client);
    uint64_t hash;

    if (octets.n == 16)
        octets = span_head(octets, 8);
    hash = hash_keyed(t->key, octets);
    return hash != 0 ? hash : 1;
}

/* The slot of a client: its own, a free one that it takes, or at worst its first neighbour's. */
static uint32_t slot_of(struct census_table *t, uint64_t client)
{
    uint32_t first = (uint32_t)client & (CENSUS_SLOTS - 1);

    for (uint32_t i = 0; i < CENSUS_PROBES; i++) {
        uint32_t at = (first + i) & (CENSUS_SLOTS - 1);
        uint64_t there = atomic_load(&t->clients[at]);

        if (there == client)
            return at;
        /* A slot that nobody uses any longer is as good as an empty one. */
        if ((there == 0 || row_count(t, at) == 0) &&
            atomic_compare_exchange_strong(&t->clients[at], &there, client))
            return at;
    }
    return first;
}

enum census_verdict census_enter(struct census *c, const struct net_addr *client,
                                 const struct census_limits *limits, uint32_t *out_slot)
{
    struct census_table *t = c->table;
    uint32_t at = slot_of(t, client_hash(t, client));

    if (row_count(t, TOTALS) >= limits->sessions)
        return CENSUS_TOO_MANY;
    if (row_count(t, at) >= limits->per_client)
        return CENSUS_TOO_MANY_OF_CLIENT;
    atomic_fetch_add(cell(t, TOTALS, c->column), 1);
    atomic_fetch_add(cell(t, at, c->column), 1);
    *out_slot = at;
    return CENSUS_FINE;
}

uint64_t census_total(const struct census *c)
{
    return row_count(c->table, TOTALS);
}

/* One less, but never below nothing: a worker that took over the column may have cleared it. */
static void count_down(_Atomic uint32_t *n)
{
    uint32_t now = atomic_load(n);

    while (now > 0 && !atomic_compare_exchange_weak(n, &now, now - 1)) {
    }
}

void census_leave(struct census *c, uint32_t slot)
{
    count_down(cell(c->table, TOTALS, c->column));
    count_down(cell(c->table, slot, c->column));
}
