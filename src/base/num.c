/* SPDX-License-Identifier: ISC */
#include "base/num.h"

#include "base/ascii.h"

bool num_take_u64(span *rest, uint64_t max, uint64_t *out_n)
{
    uint64_t n = 0;
    size_t i = 0;

    for (; i < rest->n && ascii_is_digit(rest->p[i]); i++) {
        uint64_t digit = (uint64_t)(rest->p[i] - '0');

        if (n > max / 10 || n * 10 > max - digit)
            return false;
        n = n * 10 + digit;
    }
    if (i == 0)
        return false;
    *rest = span_skip(*rest, i);
    *out_n = n;
    return true;
}

bool num_parse_u64(span s, uint64_t max, uint64_t *out_n)
{
    uint64_t n;

    if (!num_take_u64(&s, max, &n) || s.n != 0)
        return false;
    *out_n = n;
    return true;
}

static const char id_digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

struct num_id num_id_text(uint64_t id)
{
    struct num_id name;

    for (size_t i = NUM_ID_BYTES; i-- > 0; id >>= 5)
        name.text[i] = id_digits[id & 31];
    name.text[NUM_ID_BYTES] = '\0';
    return name;
}

bool num_id_parse(span s, uint64_t *out_id)
{
    span digits = span_of(id_digits, sizeof(id_digits) - 1);
    uint64_t id = 0;

    if (s.n != NUM_ID_BYTES)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        size_t digit = span_find(digits, ascii_upper(s.p[i]));

        /* 13 digits hold 65 bits: the first may be 0 or 1 times 16 at most. */
        if (digit == digits.n || (i == 0 && digit > 15))
            return false;
        id = id << 5 | digit;
    }
    *out_id = id;
    return true;
}
