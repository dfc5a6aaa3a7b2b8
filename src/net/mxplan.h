/* SPDX-License-Identifier: ISC */
/*
 * net/mxplan.h - where mail for a domain goes (RFC 5321 5.1, RFC 7505).
 *
 * One call, one callback: the hosts in the order to try them, each with its
 * addresses. MX by preference, equal ones in random order; no MX: the domain's
 * own addresses (implicit MX); "MX 0 ." is "accepts no mail". CNAMEs are
 * followed by the resolver. Hosts whose addresses could not be asked are left
 * out while others are known.
 *
 * Not here: leaving out ourselves (5.1: the caller compares host names and
 * addresses with its own and cuts the list at that preference).
 */
#ifndef NET_MXPLAN_H
#define NET_MXPLAN_H

#include "net/addr.h"
#include "net/resolve.h"

#define MXPLAN_HOSTS_MAX 16 /* of more, the most preferred */
#define MXPLAN_ADDRS_MAX 8  /* for each host, half of them for each family */

enum mxplan_result {
    MXPLAN_READY,    /* at least one host with an address */
    MXPLAN_NULL,     /* null MX: a permanent failure (RFC 7505 3) */
    MXPLAN_NODOMAIN, /* the name does not exist: permanent */
    MXPLAN_NOHOST,   /* it exists, but there is no address to be had: permanent */
    MXPLAN_RETRY     /* could not ask: temporary */
};

struct mxplan_host {
    char name[256]; /* text without the last dot, NUL-terminated */
    uint16_t preference;
    uint16_t address_count;
    bool failed;                                 /* an address look-up failed */
    struct net_addr addresses[MXPLAN_ADDRS_MAX]; /* port set; IPv6 first */
};

struct mxplan;
typedef void mxplan_fn(void *arg, struct mxplan *p);

/* In the caller's memory: about 50 KiB. */
struct mxplan {
    struct resolve_client *client;
    mxplan_fn *fn;
    void *arg;
    int64_t timeout_ms;
    uint16_t port;
    bool implicit;    /* the domain itself stands for its MX */
    bool secure;      /* DNSSEC vouches for the MX records, or for there being none */
    char domain[256]; /* NUL-terminated */
    enum mxplan_result result;
    size_t host_count;
    size_t waiting; /* look-ups under way */
    struct mxplan_host hosts[MXPLAN_HOSTS_MAX];
    struct resolve_query mx;
    struct mxplan_lookup {
        struct mxplan *plan;
        uint16_t host;
        struct resolve_query query;
    } lookups[2 * MXPLAN_HOSTS_MAX];
};

/*
 * Make the plan for a domain; the callback comes later, always from the loop.
 *
 * domain        a name in A-label form, or a host name of a smarthost with use_mx false
 * use_mx        false: only its addresses ([brackets] in routes)
 * timeout_ms    for each of the two rounds of look-ups
 */
void mxplan_start(struct mxplan *p, struct resolve_client *client, span domain, bool use_mx,
                  int64_t timeout_ms);
/* Set before mxplan_start: the port of the addresses, and whom to call. */
void mxplan_init(struct mxplan *p, uint16_t port, mxplan_fn *fn, void *arg);

#endif
