/* SPDX-License-Identifier: ISC */
#include "base/near.h"

#include "base/ascii.h"

static size_t least(size_t a, size_t b, size_t c)
{
    return min_size(a, min_size(b, c));
}

/* Three rows of the usual table (optimal string alignment) are enough to see a swap. */
size_t near_distance(span a, span b)
{
    unsigned char row[3][NEAR_WORD_MAX_BYTES + 1];

    if (a.n > NEAR_WORD_MAX_BYTES || b.n > NEAR_WORD_MAX_BYTES)
        return SIZE_MAX;
    for (size_t j = 0; j <= b.n; j++)
        row[0][j] = (unsigned char)j;
    for (size_t i = 1; i <= a.n; i++) {
        unsigned char *now = row[i % 3], *up = row[(i - 1) % 3], *upup = row[(i + 1) % 3];

        now[0] = (unsigned char)i;
        for (size_t j = 1; j <= b.n; j++) {
            char x = ascii_lower(a.p[i - 1]), y = ascii_lower(b.p[j - 1]);
            size_t d = least(up[j] + 1u, now[j - 1] + 1u, up[j - 1] + (x != y ? 1u : 0u));

            if (i > 1 && j > 1 && x == ascii_lower(b.p[j - 2]) && y == ascii_lower(a.p[i - 2]))
                d = min_size(d, upup[j - 2] + 1u);
            now[j] = (unsigned char)d;
        }
    }
    return row[a.n % 3][b.n];
}

bool near_is_nearer(span word, span name, size_t *best)
{
    size_t d = near_distance(word, name);
    size_t most = (word.n > name.n ? word.n : name.n) / 3;

    if (d > (most > 0 ? most : 1) || d >= *best)
        return false;
    *best = d;
    return true;
}
