/* SPDX-License-Identifier: ISC */
/*
 * cli/lookup.h - the look-ups behind `herald explain --live`.
 *
 * Asks DNS for the name and the address that a refusal speaks of, and tells the
 * answer what they say: PTR, A and AAAA, MX, SPF of the greeting, and whether the
 * greeting leads to the host that refused.
 */
#ifndef CLI_LOOKUP_H
#define CLI_LOOKUP_H

#include "explain/explain.h"

struct cli_dns;

/*
 * Look up what a leaves open, and settle it.
 *
 * dns      whom to ask
 * dbl      zone of a domain block list to ask for the greeting, empty: none
 * returns  false when there was nothing to look up: no name, no address, or nothing open
 */
bool cli_lookup(struct cli_dns *dns, span dbl, struct explain_answer *a,
                const struct explain_options *options);

#endif
