/* SPDX-License-Identifier: ISC */
#include "queue/ledger_record.h"

#include "base/ascii.h"
#include "base/hash.h"

#define ADDR_BYTES  17 /* family and 16 octets */
#define ALIKE_AT    34 /* behind version, kind and what may differ between merged sessions */
#define HEAD_BYTES  (ALIKE_AT + 1 + ADDR_BYTES)
#define LAST_ID_AT  10
#define COUNT_AT    18
#define REF_BITS    5
#define REF_LETTERS "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

static const struct {
    span word;
    unsigned max;
} notes[LEDGER_NOTE_COUNT] = {
#define NOTE_ROW(id, word, max) [id] = {SPAN_INIT(word), max},
    LEDGER_NOTE_LIST(NOTE_ROW)
#undef NOTE_ROW
};

/* Not secret: whoever makes two names of one key has them looked at twice. */
static const struct hash_key no_secret = {0, 0};

/* ---- notes ---- */

void ledger_note_put(struct buf *b, const struct ledger_note *n)
{
    span text = span_head(n->text, LEDGER_TEXT_BYTES);

    if (buf_room(b) < 6 + text.n) {
        b->overflow = true;
        return;
    }
    pack_u8(b, (uint8_t)n->type);
    pack_u8(b, (uint8_t)n->detail);
    pack_u16(b, (uint16_t)n->number);
    pack_u16(b, (uint16_t)text.n);
    buf_put(b, text);
}

bool ledger_note_next(struct unpack *u, struct ledger_note *out_n)
{
    struct ledger_note n;
    size_t length;

    if (u->rest.n == 0)
        return false;
    n.type = unpack_u8(u);
    n.detail = unpack_u8(u);
    n.number = unpack_u16(u);
    length = unpack_u16(u);
    if (u->failed || length > u->rest.n || length > LEDGER_TEXT_BYTES) {
        unpack_fail(u);
        return false;
    }
    n.text = span_head(u->rest, length);
    u->rest = span_skip(u->rest, length);
    *out_n = n;
    return true;
}

bool ledger_note_find(span packed, enum ledger_note_type type, struct ledger_note *out_n)
{
    struct unpack u = unpack_over(packed);

    while (ledger_note_next(&u, out_n)) {
        if (out_n->type == type)
            return true;
    }
    return false;
}

span ledger_note_word(enum ledger_note_type type)
{
    return notes[type].word;
}

unsigned ledger_note_max(enum ledger_note_type type)
{
    return notes[type].max;
}

/* ---- records ---- */

void ledger_record_put(struct buf *b, const struct ledger_record *r)
{
    pack_u8(b, LEDGER_VERSION);
    pack_u8(b, (uint8_t)r->kind);
    pack_u64(b, r->id);
    pack_u64(b, r->last_id);
    pack_u32(b, r->count);
    pack_i64(b, r->time_ms);
    pack_u32(b, r->duration_ms);
    pack_u8(b, (uint8_t)r->flags);
    pack_u8(b, (uint8_t)r->client.family);
    buf_put(b, span_of(r->client.octet, sizeof(r->client.octet)));
    buf_put(b, span_head(r->notes, LEDGER_NOTES_BYTES));
}

static bool read_client(struct unpack *u, struct ip_addr *out)
{
    struct ip_addr a = {.family = (enum ip_family)unpack_u8(u)};
    static const uint8_t zero[16];

    if (u->failed || a.family > IP_V6 || u->rest.n < sizeof(a.octet))
        return false;
    memcpy(a.octet, u->rest.p, sizeof(a.octet));
    u->rest = span_skip(u->rest, sizeof(a.octet));
    *out = a;
    return memcmp(a.octet + ip_addr_bytes(a), zero, sizeof(zero) - ip_addr_bytes(a)) == 0;
}

static bool notes_are_whole(span packed)
{
    struct unpack u = unpack_over(packed);
    struct ledger_note n;

    while (ledger_note_next(&u, &n))
        if (n.type == LEDGER_MESSAGE && n.text.n != 8)
            return false;
    return !u.failed;
}

bool ledger_record_get(span s, struct ledger_record *out_r)
{
    struct unpack u = unpack_over(s);
    struct ledger_record r = {0};

    if (s.n > LEDGER_RECORD_BYTES || unpack_u8(&u) != LEDGER_VERSION)
        return false;
    r.kind = (enum ledger_kind)unpack_u8(&u);
    r.id = unpack_u64(&u);
    r.last_id = unpack_u64(&u);
    r.count = unpack_u32(&u);
    r.time_ms = unpack_i64(&u);
    r.duration_ms = unpack_u32(&u);
    r.flags = unpack_u8(&u);
    if (!read_client(&u, &r.client) || r.kind >= LEDGER_KIND_COUNT || r.id == 0 || r.count == 0 ||
        r.time_ms < 0 || u.rest.n > LEDGER_NOTES_BYTES || !notes_are_whole(u.rest))
        return false;
    r.notes = u.rest;
    *out_r = r;
    return true;
}

/* ---- sessions that are alike ---- */

span ledger_record_alike(span packed)
{
    return span_skip(packed, ALIKE_AT);
}

bool ledger_record_merge(char *into, size_t into_n, span one)
{
    struct unpack u = unpack_over(span_of(into + COUNT_AT, 4));
    struct buf b = buf_over(into + LAST_ID_AT, 8 + 4);
    uint64_t last_id;
    uint32_t count = unpack_u32(&u);

    if (into_n != one.n || one.n < HEAD_BYTES || one.p[1] != LEDGER_SESSION ||
        into[1] != one.p[1] || count == UINT32_MAX ||
        !span_eq(ledger_record_alike(span_of(into, into_n)), ledger_record_alike(one)))
        return false;
    u = unpack_over(span_skip(one, LAST_ID_AT));
    last_id = unpack_u64(&u);
    pack_u64(&b, last_id);
    pack_u32(&b, count + 1);
    return true;
}

/* ---- keys ---- */

span ledger_name(span name)
{
    return name.n > 1 && name.p[name.n - 1] == '.' ? span_head(name, name.n - 1) : name;
}

uint32_t ledger_key(enum ledger_key kind, span value)
{
    span meant = kind == LEDGER_BY_NAME ? ledger_name(value) : value;

    return (uint32_t)hash_keyed_icase((struct hash_key){no_secret.k0, kind}, meant);
}

uint32_t ledger_key_client(struct ip_addr client)
{
    struct hash_key key = {(uint64_t)client.family, LEDGER_BY_CLIENT};

    return (uint32_t)hash_keyed(key, span_of(client.octet, sizeof(client.octet)));
}

size_t ledger_keys(const struct ledger_record *r, uint32_t out[LEDGER_KEYS_MAX])
{
    static const struct {
        unsigned type;
        enum ledger_key kind;
    } kinds[] = {
        {LEDGER_GREETING, LEDGER_BY_NAME},
        {LEDGER_REF, LEDGER_BY_REF},
        {LEDGER_FREED, LEDGER_BY_EXEMPTION},
    };
    struct unpack u = unpack_over(r->notes);
    struct ledger_note note;
    size_t n = 0;

    if (r->client.family != IP_NONE)
        out[n++] = ledger_key_client(r->client);
    while (ledger_note_next(&u, &note)) {
        for (size_t i = 0; i < COUNT(kinds) && n < LEDGER_KEYS_MAX; i++)
            if (kinds[i].type == note.type)
                /* Exemptions are looked for all together. */
                out[n++] =
                    ledger_key(kinds[i].kind, note.type == LEDGER_FREED ? SPAN_NONE : note.text);
    }
    return n;
}

/* ---- references ---- */

void ledger_ref_text(uint64_t number, char out[LEDGER_REF_BYTES + 1])
{
    for (size_t i = LEDGER_REF_BYTES; i-- > 0; number >>= REF_BITS)
        out[i] = REF_LETTERS[number & ((1u << REF_BITS) - 1)];
    out[LEDGER_REF_BYTES] = '\0';
}

/* What is mistaken for another letter is that letter (Crockford's base 32). */
static char ref_letter(char c)
{
    c = ascii_upper(c);
    if (c == 'O')
        return '0';
    return c == 'I' || c == 'L' ? '1' : c;
}

bool ledger_ref_parse(span typed, char out[LEDGER_REF_BYTES + 1])
{
    if (typed.n != LEDGER_REF_BYTES)
        return false;
    for (size_t i = 0; i < typed.n; i++) {
        out[i] = ref_letter(typed.p[i]);
        if (!span_has(SPAN(REF_LETTERS), out[i]))
            return false;
    }
    out[LEDGER_REF_BYTES] = '\0';
    return true;
}
