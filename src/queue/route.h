/* SPDX-License-Identifier: ISC */
/*
 * queue/route.h - where a recipient goes, as a value with a name.
 *
 * Which target a domain has is the configuration's matter (config/find.h); this is
 * the form the answer takes. The name of a target is the key under which
 * messages wait for it, what `herald queue` shows and what `--to` takes:
 *
 *     maildir   hold   mx:example.net   smtp:relay.example.org:587   lmtp:mail.example.org:24
 *     lmtp:/run/dovecot/lmtp
 *
 * Two targets with equal names are one destination, with one limit of concurrency and one back-off.
 */
#ifndef QUEUE_ROUTE_H
#define QUEUE_ROUTE_H

#include "queue/job.h"
#include "queue/record.h"

enum route_kind {
    ROUTE_DELIVER, /* by `transport` */
    ROUTE_HOLD,    /* kept and shown, not sent */
};

struct route_target {
    enum route_kind kind;
    enum job_transport transport;
    span host;     /* as in struct job; empty with JOB_MAILDIR */
    uint16_t port; /* 0: the protocol's own */
    span egress;   /* empty: the default */
};

/* The name of a target, in lower case; at most RECORD_DEST_BYTES or b->overflow. */
void route_put_dest(struct buf *b, const struct route_target *t);

/* What stands behind the last "@" of an address that envelope_address_ok passed. */
span route_domain(span address);
/* What stands before it. */
span route_local(span address);

/* ---- a list of recipients in which no address stands twice ---- */
struct route_entry {
    struct envelope_rcpt rcpt; /* address and canonical may be what an alias gave */
    span original;             /* the address that the client gave */
    bool expanded;             /* only its expansion is to be told (RECORD_EXPANDED) */
    uint64_t hash;
};

struct route_list {
    struct route_entry *entries; /* lent by the caller */
    size_t n;
    size_t cap;
};

/*
 * Append a recipient, unless its canonical address is there already (letters without case).
 *
 * returns  ERR_OK, also when it was there; ERR_LIMIT when the list is full
 */
MUSTUSE enum err route_list_add(struct route_list *l, const struct envelope_rcpt *r, span original);
/* Append an alias whose addresses were added, so that its sender hears of it. */
MUSTUSE enum err route_list_add_expanded(struct route_list *l, const struct envelope_rcpt *r);

#endif
