/* SPDX-License-Identifier: ISC */
#include "greeting/past.h"

#include "name/addr.h"

#define V4_NETWORK_BITS 24
#define V6_NETWORK_BITS 64

/* ---- hashes; 0 stands for nothing ---- */

static uint64_t hash_of_name(const struct greeting_past *p, span name)
{
    span meant = name.n > 1 && name.p[name.n - 1] == '.' ? span_head(name, name.n - 1) : name;

    return hash_keyed_icase(p->key, meant) | 1;
}

static uint64_t hash_of_addr(const struct greeting_past *p, struct ip_addr a)
{
    return hash_keyed(p->key, span_of(a.octet, ip_addr_bytes(a))) | 1;
}

static struct ip_addr network_of(struct ip_addr a)
{
    return ip_prefix_of(a, a.family == IP_V4 ? V4_NETWORK_BITS : V6_NETWORK_BITS).addr;
}

/* The upper half: the lower one chooses the set. */
static uint32_t member_hash(uint64_t hash)
{
    return (uint32_t)(hash >> 32) | 1;
}

static size_t set_of(uint64_t hash)
{
    return (size_t)(hash >> 1) & (PAST_SETS - 1);
}

/* ---- one table ---- */

static const struct past_entry *find_entry(const struct past_table *t, uint64_t hash)
{
    const struct past_entry *set = t->entry[set_of(hash)];

    for (size_t i = 0; i < PAST_WAYS; i++)
        if (set[i].hash == hash)
            return &set[i];
    return NULL;
}

/* The entry, made in the place of the oldest when it is not there. */
static struct past_entry *take_entry(struct past_table *t, uint64_t hash)
{
    struct past_entry *set = t->entry[set_of(hash)];
    struct past_entry *oldest = &set[0];

    for (size_t i = 0; i < PAST_WAYS; i++) {
        if (set[i].hash == hash)
            return &set[i];
        if (set[i].last_s < oldest->last_s)
            oldest = &set[i];
    }
    *oldest = (struct past_entry){.hash = hash};
    return oldest;
}

static const struct past_member *find_member(const struct past_entry *e, uint32_t hash)
{
    for (size_t i = 0; e != NULL && i < PAST_MEMBERS; i++)
        if (e->member[i].hash == hash)
            return &e->member[i];
    return NULL;
}

static struct past_member *take_member(struct past_entry *e, uint32_t hash)
{
    struct past_member *oldest = &e->member[0];

    for (size_t i = 0; i < PAST_MEMBERS; i++) {
        if (e->member[i].hash == hash)
            return &e->member[i];
        if (e->member[i].last_s < oldest->last_s)
            oldest = &e->member[i];
    }
    *oldest = (struct past_member){.hash = hash};
    return oldest;
}

static uint32_t add_up(uint32_t a, uint32_t b)
{
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

static void add(struct past_table *t, uint64_t entry, uint64_t member,
                const struct greeting_seen *seen)
{
    struct past_entry *e = take_entry(t, entry);
    struct past_member *m = take_member(e, member_hash(member));
    uint32_t now_s = (uint32_t)seen->time_s;

    if (m->times == 0 || now_s < m->first_s)
        m->first_s = now_s;
    if (now_s > m->last_s)
        m->last_s = now_s;
    if (now_s > e->last_s)
        e->last_s = now_s;
    m->times = add_up(m->times, seen->times);
    m->refused = add_up(m->refused, seen->refused);
}

static uint32_t count_since(const struct past_entry *e, int64_t since_s)
{
    uint32_t n = 0;

    for (size_t i = 0; e != NULL && i < PAST_MEMBERS; i++)
        if (e->member[i].hash != 0 && (int64_t)e->member[i].last_s > since_s)
            n++;
    return n;
}

/* ---- all of it ---- */

void greeting_past_add(struct greeting_past *p, const struct greeting_seen *seen)
{
    uint64_t name = hash_of_name(p, seen->name);
    uint64_t client = hash_of_addr(p, seen->client);
    uint64_t network = hash_of_addr(p, network_of(seen->client));

    if (seen->client.family == IP_NONE || seen->time_s < 0)
        return;
    add(&p->names_of_client, client, name, seen);
    add(&p->names_of_network, network, name, seen);
    add(&p->networks_of_name, name, network, seen);
}

void greeting_past_ask(const struct greeting_past *p, struct ip_addr client, span name,
                       int64_t now_s, struct greeting_history *out)
{
    uint64_t hash = hash_of_name(p, name);
    const struct past_entry *here = find_entry(&p->names_of_client, hash_of_addr(p, client));
    const struct past_entry *near =
        find_entry(&p->names_of_network, hash_of_addr(p, network_of(client)));
    const struct past_entry *all = find_entry(&p->networks_of_name, hash);
    const struct past_member *m = find_member(here, member_hash(hash));

    *out = (struct greeting_history){
        .names_hour = count_since(here, now_s - PAST_HOUR_S),
        .names_day = count_since(here, now_s - PAST_DAY_S),
        .networks = count_since(all, 0),
    };
    if (m != NULL) {
        out->first_seen_s = m->first_s;
        out->last_seen_s = m->last_s;
        out->times = m->times;
        out->refused = m->refused;
    }
    m = find_member(near, member_hash(hash));
    if (m != NULL)
        out->times_network = m->times;
}
