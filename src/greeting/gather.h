/* SPDX-License-Identifier: ISC */
/*
 * greeting/gather.h - find out the facts of one greeting.
 *
 * An engine: it says which DNS questions it wants (several at once), is told the
 * answers in any order, and ends with the facts. It does no I/O, reads no clock and
 * allocates nothing; the same answers give the same facts whatever their order.
 *
 *     greeting_gather_init(g, &claim, &server);
 *     for (;;) switch (greeting_gather_next(g, &ev)) {
 *     case GREETING_ASK:  send ev.question; greeting_gather_asked(g, ev.tag); continue;
 *     case GREETING_WAIT: ... greeting_gather_told(g, tag, &answer); continue;
 *     case GREETING_KNOWN: facts = greeting_gather_facts(g); ...
 *     }
 *
 * It wants about 50 KiB while it runs and nothing afterwards: lend one to a session
 * for the time of the look-ups. It holds pointers into itself and must stay where it is. What is
 * wrong with the facts is greeting/judge.h.
 */
#ifndef GREETING_GATHER_H
#define GREETING_GATHER_H

#include "greeting/facts.h"
#include "greeting/name.h"
#include "spf/spf.h"

#define GREETING_PTR_MAX       10u /* PTR names followed (RFC 8601 3) */
#define GREETING_MX_MAX        5u  /* MX hosts whose addresses are asked for */
#define GREETING_OWN_NAMES_MAX 4u  /* own names whose addresses are asked for */
#define GREETING_OWN_MX_MAX    2u  /* MX hosts of each */
#define GREETING_SLOTS_MAX     64u
#define GREETING_SLOT_ADDRS    8u

/* The greeting and the connection; spans are borrowed while the engine runs. */
struct greeting_claim {
    struct ip_addr client;
    span greeting;                    /* the argument as it came */
    bool is_helo;                     /* HELO, not EHLO */
    bool missing;                     /* there is no greeting: mail was begun without one */
    bool changed;                     /* greeted with another name earlier in this session */
    bool early;                       /* talked before the 220 */
    bool vouched;                     /* the operator vouched for the client's address */
    bool listed;                      /* the name is on the operator's list of unwelcome ones */
    enum greeting_local local_domain; /* see greeting_local_domain */
    struct greeting_history history;
};

/* This server, as the operator knows it; spans and arrays are borrowed. */
struct greeting_server {
    const span *names; /* own names, the first is the one we greet with */
    size_t n_names;
    const struct ip_addr *addresses; /* own addresses, also the public ones behind NAT */
    size_t n_addresses;
    size_t n_learned; /* of those the last ones: strangers said so. A claim to be there is judged
                         as of any other, but being there vouches for no name */
    bool addresses_known; /* addresses hold those of our names in DNS too: do not ask for them */
};

enum greeting_need {
    GREETING_ASK,   /* a question that has not been asked yet */
    GREETING_WAIT,  /* all are asked: told or timeout comes next */
    GREETING_KNOWN, /* the facts stand */
};

struct greeting_event {
    enum greeting_need need;
    unsigned tag;                 /* GREETING_ASK: name of the question */
    struct dns_question question; /* borrowed until it is told */
};

enum greeting_slot_kind {
    SLOT_NAME,     /* A, AAAA, MX of the greeting */
    SLOT_MX_HOST,  /* A, AAAA of its MX hosts */
    SLOT_PTR,      /* PTR of the client */
    SLOT_PTR_NAME, /* A or AAAA of its PTR names */
    SLOT_SPF,      /* whatever SPF asks */
    SLOT_OWN,      /* A, AAAA, MX of an own name */
    SLOT_OWN_HOST, /* A, AAAA of its MX hosts */
};

enum greeting_slot_state { SLOT_WANTED, SLOT_ASKED, SLOT_TOLD };

/* One question and what is kept of its answer. */
struct greeting_slot {
    enum greeting_slot_kind kind;
    enum greeting_slot_state state;
    struct dns_question question;
    enum dns_status status;
    bool has_client; /* an address in the answer is the client's */
    bool has_host;   /* MX: a host that is not "." */
    bool has_own;    /* MX: a host that is an own name */
    unsigned n_addrs;
    struct ip_addr addrs[GREETING_SLOT_ADDRS];
};

struct greeting_gather {
    struct greeting_claim claim;
    const struct greeting_server *server;
    struct greeting_name name;
    struct greeting_slot slots[GREETING_SLOTS_MAX];
    unsigned n_slots;
    struct greeting_facts facts;
    bool known;
    struct spf spf;
    struct spf_event spf_event;
    bool spf_runs;
    struct buf text;
    char text_room[8192];
    char spf_memory[SPF_MEMORY_BYTES];
};

void greeting_gather_init(struct greeting_gather *g, const struct greeting_claim *claim,
                          const struct greeting_server *server);

/* What is wanted; the same event again until asked or told. */
enum greeting_need greeting_gather_next(struct greeting_gather *g, struct greeting_event *out);

/* The question of that event is on its way. */
void greeting_gather_asked(struct greeting_gather *g, unsigned tag);

/*
 * Its answer; may come before greeting_gather_asked.
 *
 * One of another type counts as SERVFAIL; a second one, or one after the end, is ignored.
 */
void greeting_gather_told(struct greeting_gather *g, unsigned tag, const struct dns_answer *answer);

/* Patience has ended: what is not yet known is "not now". GREETING_KNOWN comes next. */
void greeting_gather_timeout(struct greeting_gather *g);

/* The facts, once GREETING_KNOWN; live as long as g. */
const struct greeting_facts *greeting_gather_facts(const struct greeting_gather *g);

/* The i-th confirmed host name of the client, empty when there are no more; lives as g. */
span greeting_gather_host(const struct greeting_gather *g, unsigned i);

/* The i-th PTR name that was followed, confirmed or not, likewise. */
span greeting_gather_ptr(const struct greeting_gather *g, unsigned i);

/*
 * How a table entry that the greeting hit compares with public DNS.
 *
 * A vouched name whose mail goes elsewhere is stale (the domain has moved away); one
 * whose mail comes here is shared (a web server greets with it, rightly).
 */
enum greeting_table { TABLE_NA, TABLE_FINE, TABLE_SHARED, TABLE_STALE };
enum greeting_table greeting_table_state(const struct greeting_facts *f);
span greeting_table_word(enum greeting_table t);

/* Where a normal name (greeting/name.h) stands to a list of domains. */
enum greeting_local greeting_local_domain(span name, const span *domains, size_t n);

#endif
