/* SPDX-License-Identifier: ISC */
#include "base/hash.h"

#include "base/ascii.h"

static uint64_t rotl(uint64_t x, unsigned by)
{
    return x << by | x >> (64 - by);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotl(v[1], 13) ^ v[0];
    v[0] = rotl(v[0], 32);
    v[2] += v[3];
    v[3] = rotl(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotl(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotl(v[1], 17) ^ v[2];
    v[2] = rotl(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t m)
{
    v[3] ^= m;
    sip_round(v);
    v[0] ^= m;
}

/* n octets, at most 8, the first one lowest; with n = 8 it is one load. */
static uint64_t word_of(const char *p, size_t n, bool icase)
{
    uint64_t m = 0;

    for (size_t i = 0; i < n; i++) {
        char c = icase ? ascii_lower(p[i]) : p[i];

        m |= (uint64_t)(unsigned char)c << (8 * i);
    }
    return m;
}

static uint64_t siphash13(struct hash_key key, span s, bool icase)
{
    uint64_t v[4] = {key.k0 ^ 0x736f6d6570736575u, key.k1 ^ 0x646f72616e646f6du,
                     key.k0 ^ 0x6c7967656e657261u, key.k1 ^ 0x7465646279746573u};
    span rest = s;

    for (; rest.n >= 8; rest = span_skip(rest, 8))
        sip_word(v, word_of(rest.p, 8, icase));
    sip_word(v, word_of(rest.p, rest.n, icase) | (uint64_t)s.n << 56);
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t hash_keyed(struct hash_key key, span s)
{
    return siphash13(key, s, false);
}

uint64_t hash_keyed_icase(struct hash_key key, span s)
{
    return siphash13(key, s, true);
}

#define CRC32C_POLY 0x82f63b78u

static uint32_t crc_octet(uint32_t crc)
{
    for (int bit = 0; bit < 8; bit++)
        crc = crc & 1 ? crc >> 1 ^ CRC32C_POLY : crc >> 1;
    return crc;
}

static uint32_t crc_plain(uint32_t crc, span s)
{
    for (size_t i = 0; i < s.n; i++)
        crc = crc >> 8 ^ crc_octet((crc ^ (unsigned char)s.p[i]) & 0xff);
    return crc;
}

#if defined(__x86_64__)
/* The processor has this very polynomial: a record of 10 KiB costs one microsecond, not thirty. */
__attribute__((target("sse4.2"))) static uint32_t crc_machine(uint32_t crc, span s)
{
    uint64_t wide = crc;

    for (; s.n >= 8; s = span_skip(s, 8)) {
        uint64_t word;

        memcpy(&word, s.p, 8);
        wide = __builtin_ia32_crc32di(wide, word);
    }
    crc = (uint32_t)wide;
    for (size_t i = 0; i < s.n; i++)
        crc = __builtin_ia32_crc32qi(crc, (unsigned char)s.p[i]);
    return crc;
}

static bool has_machine_crc(void)
{
    return __builtin_cpu_supports("sse4.2") != 0;
}
#else
static uint32_t crc_machine(uint32_t crc, span s)
{
    return crc_plain(crc, s);
}

static bool has_machine_crc(void)
{
    return false;
}
#endif

uint32_t hash_crc32c(uint32_t crc, span s)
{
    return ~(has_machine_crc() ? crc_machine(~crc, s) : crc_plain(~crc, s));
}
