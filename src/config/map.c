/* SPDX-License-Identifier: ISC */
/*
 * Open addressing with linear steps over 32-bit places. Place 0 means a free
 * slot, so the octets begin with one unused. An entry is
 *     u16 length of the name, u32 length of the value, name, value, NUL
 */
#include "config/map.h"

#include <stdlib.h>

#include "base/ascii.h"
#include "base/hash.h"

#define ENTRY_HEAD  6u
#define SLOTS_FIRST 16u
#define BYTES_FIRST 512u

struct config_map {
    char *octets;
    size_t n_octets;
    size_t cap;
    uint32_t *slots;
    size_t n_slots; /* a power of two */
    size_t n;
    bool secret;
};

/* Names come from files of the operator, so the key need not be secret. */
static const struct hash_key table_key = {0x6865726c61646d61, 0x7020636f6e666967};

struct config_map *config_map_new(void)
{
    struct config_map *map = calloc(1, sizeof *map);

    BUG_IF(map == NULL, "out of memory");
    map->octets = malloc(BYTES_FIRST);
    map->slots = calloc(SLOTS_FIRST, sizeof *map->slots);
    BUG_IF(map->octets == NULL || map->slots == NULL, "out of memory");
    map->cap = BYTES_FIRST;
    map->n_octets = 1;
    map->n_slots = SLOTS_FIRST;
    return map;
}

struct config_map *config_map_new_secret(void)
{
    struct config_map *map = config_map_new();

    map->secret = true;
    return map;
}

static void give_back(const struct config_map *map, char *octets, size_t n)
{
    if (map->secret)
        explicit_bzero(octets, n);
    free(octets);
}

/* Other room for the octets; false: there is none, and all is as it was. */
static bool octets_move(struct config_map *map, size_t cap)
{
    char *p = map->secret ? malloc(cap) : realloc(map->octets, cap);

    if (p == NULL)
        return false;
    if (map->secret) {
        memcpy(p, map->octets, map->n_octets);
        give_back(map, map->octets, map->n_octets);
    }
    map->octets = p;
    map->cap = cap;
    return true;
}

void config_map_wipe(struct config_map *map)
{
    if (map == NULL)
        return;
    explicit_bzero(map->octets, map->n_octets);
    memset(map->slots, 0, map->n_slots * sizeof *map->slots);
    map->n_octets = 1;
    map->n = 0;
}

void config_map_free(struct config_map *map)
{
    if (map == NULL)
        return;
    give_back(map, map->octets, map->n_octets);
    free(map->slots);
    free(map);
}

static span entry_name(const struct config_map *map, uint32_t place)
{
    uint16_t n;

    memcpy(&n, map->octets + place, sizeof n);
    return span_of(map->octets + place + ENTRY_HEAD, n);
}

static span entry_value(const struct config_map *map, uint32_t place)
{
    span name = entry_name(map, place);
    uint32_t n;

    memcpy(&n, map->octets + place + 2, sizeof n);
    return span_of(name.p + name.n, n);
}

/* The slot that holds the name, or the free one where it belongs. */
static size_t slot_of(const struct config_map *map, span name)
{
    size_t at = hash_keyed_icase(table_key, name) & (map->n_slots - 1);

    while (map->slots[at] != 0 && !span_ieq(entry_name(map, map->slots[at]), name))
        at = (at + 1) & (map->n_slots - 1);
    return at;
}

static void slots_grow(struct config_map *map)
{
    uint32_t *old = map->slots;
    size_t n_old = map->n_slots;

    map->n_slots *= 2;
    map->slots = calloc(map->n_slots, sizeof *map->slots);
    BUG_IF(map->slots == NULL, "out of memory");
    for (size_t i = 0; i < n_old; i++)
        if (old[i] != 0)
            map->slots[slot_of(map, entry_name(map, old[i]))] = old[i];
    free(old);
}

static void octets_need(struct config_map *map, size_t more)
{
    size_t cap = map->cap;

    if (map->cap - map->n_octets >= more)
        return;
    while (cap - map->n_octets < more)
        cap += cap / 2;
    BUG_IF(cap > UINT32_MAX, "a table of names beyond 4 GiB");
    if (!octets_move(map, cap))
        BUG("out of memory");
}

static uint32_t entry_add(struct config_map *map, span name, span value)
{
    uint16_t name_n = (uint16_t)name.n;
    uint32_t value_n = (uint32_t)value.n;
    uint32_t place = (uint32_t)map->n_octets;
    char *p;

    octets_need(map, ENTRY_HEAD + name.n + value.n + 1);
    p = map->octets + place;
    memcpy(p, &name_n, sizeof name_n);
    memcpy(p + 2, &value_n, sizeof value_n);
    p += ENTRY_HEAD;
    for (size_t i = 0; i < name.n; i++)
        *p++ = ascii_lower(name.p[i]);
    if (value.n != 0)
        memcpy(p, value.p, value.n);
    p[value.n] = '\0';
    map->n_octets += ENTRY_HEAD + name.n + value.n + 1;
    return place;
}

bool config_map_put(struct config_map *map, span name, span value)
{
    size_t at;

    if (name.n > CONFIG_MAP_NAME_MAX_BYTES || value.n > UINT32_MAX / 2)
        return false;
    at = slot_of(map, name);
    if (map->slots[at] != 0)
        return false;
    map->slots[at] = entry_add(map, name, value);
    map->n++;
    if (map->n > map->n_slots / 4 * 3)
        slots_grow(map);
    return true;
}

bool config_map_find(const struct config_map *map, span name, span *out_value)
{
    size_t at;

    if (map == NULL || map->n == 0)
        return false;
    at = slot_of(map, name);
    if (map->slots[at] == 0)
        return false;
    if (out_value != NULL)
        *out_value = entry_value(map, map->slots[at]);
    return true;
}

span config_map_first(const struct config_map *map)
{
    return config_map_count(map) != 0 ? entry_name(map, 1) : SPAN_NONE;
}

bool config_map_next(const struct config_map *map, size_t *at, span *out_name, span *out_value)
{
    size_t place = *at != 0 ? *at : 1;

    if (map == NULL || place >= map->n_octets)
        return false;
    *out_name = entry_name(map, (uint32_t)place);
    *out_value = entry_value(map, (uint32_t)place);
    *at = place + ENTRY_HEAD + out_name->n + out_value->n + 1;
    return true;
}

size_t config_map_count(const struct config_map *map)
{
    return map != NULL ? map->n : 0;
}

void config_map_trim(struct config_map *map)
{
    (void)octets_move(map, map->n_octets);
}
