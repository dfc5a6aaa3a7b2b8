/* SPDX-License-Identifier: ISC */
/* base/near.h - the word that was meant: the nearest of a table of names. */
#ifndef BASE_NEAR_H
#define BASE_NEAR_H

#include "base/span.h"

#define NEAR_WORD_MAX_BYTES 64 /* longer words are near nothing */

/*
 * How many letters must be changed, added, dropped or swapped with their neighbour
 * to make b of a, ASCII case ignored; SIZE_MAX when one of them is too long.
 */
size_t near_distance(span a, span b);

/*
 * True when `name` may have been meant by `word`: at most a third of it differs,
 * and at least one letter may. *best is the least distance so far (begin with
 * SIZE_MAX); only a smaller one is nearer.
 */
bool near_is_nearer(span word, span name, size_t *best);

#endif
