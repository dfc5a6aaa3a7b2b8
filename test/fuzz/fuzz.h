/* SPDX-License-Identifier: ISC */
/*
 * fuzz/fuzz.h - what the targets share: one play of an input, and two of them must agree.
 *
 * The first octet of an input chooses the settings, the second how it is cut; what
 * follows is what the peer says.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include "base/span.h"

struct fuzz_digest {
    uint32_t out;  /* of what the engine wrote */
    uint32_t told; /* of what it told */
    uint32_t body;
};

/* The target's own: play `in` in pieces of `step` octets. */
struct fuzz_digest fuzz_play(span in, unsigned how, size_t step);

/* The octets at a place of their own, so that a sanitizer sees reads beyond them. */
span fuzz_place(span s);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
