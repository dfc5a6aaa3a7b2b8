/* SPDX-License-Identifier: ISC */
/*
 * cli/probe.h - say EHLO to a server and QUIT, to hear what it thinks of the name.
 */
#ifndef CLI_PROBE_H
#define CLI_PROBE_H

#include "name/addr.h"
#include "net/addr.h"
#include "smtp/client.h"

#define PROBE_MS 20000 /* for all of it */

struct probe {
    struct ip_addr from; /* the local address */
    bool connected;
    bool accepted; /* the greeting was */
    unsigned code; /* of a refusal; 0: none */
    enum smtp_stage stage;
    size_t n;
    char text[512]; /* what the server said last, or how it failed */
};

/*
 * Connect, greet, leave. Blocks, PROBE_MS at most.
 *
 * from   to connect from; IP_NONE: the kernel's choice
 * name   a domain name or a literal
 */
void probe_run(const struct net_addr *to, struct ip_addr from, span name, struct probe *out);

#endif
