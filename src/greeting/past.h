/* SPDX-License-Identifier: ISC */
/*
 * greeting/past.h - who greeted with what before: the history of a greeting, in bounded memory.
 *
 * Three tables of the same kind: the names of each address, the names of each network (/24, /64),
 * the networks of each name. Each entry remembers PAST_MEMBERS of its members; the one not seen
 * for longest makes room, and so does the entry. So numbers of members stop at PAST_MEMBERS,
 * which is more than any check asks for, and nobody can make the tables grow.
 *
 * Not certain: two names may share a hash of 32 bits (with a secret key). History is observed;
 * nothing is proven by it.
 */
#ifndef GREETING_PAST_H
#define GREETING_PAST_H

#include "base/hash.h"
#include "greeting/facts.h"

#define PAST_MEMBERS 16
#define PAST_WAYS    4    /* entries among which the oldest makes room */
#define PAST_SETS    4096 /* a power of two */

#define PAST_HOUR_S 3600u
#define PAST_DAY_S  86400u

struct past_member {
    uint32_t hash; /* 0: none */
    uint32_t first_s;
    uint32_t last_s;
    uint32_t times;
    uint32_t refused; /* of those times */
};

struct past_entry {
    uint64_t hash; /* 0: none */
    uint32_t last_s;
    struct past_member member[PAST_MEMBERS];
};

struct past_table {
    struct past_entry entry[PAST_SETS][PAST_WAYS];
};

/* About 17 MiB, of which only what is used need be touched; zeroed by the caller. */
struct greeting_past {
    struct hash_key key;
    struct past_table names_of_client;
    struct past_table names_of_network;
    struct past_table networks_of_name;
};

/* One greeting, or `times` of the same one. */
struct greeting_seen {
    struct ip_addr client;
    span name; /* as said */
    int64_t time_s;
    uint32_t times;
    uint32_t refused; /* of those: refused or deferred */
};

void greeting_past_add(struct greeting_past *p, const struct greeting_seen *seen);

/* What is known of a name from an address, up to now_s. All 0: nothing. */
void greeting_past_ask(const struct greeting_past *p, struct ip_addr client, span name,
                       int64_t now_s, struct greeting_history *out);

#endif
