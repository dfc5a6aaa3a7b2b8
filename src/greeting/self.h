/* SPDX-License-Identifier: ISC */
/*
 * greeting/self.h - what DNS says of one address that we send from, and what to publish.
 *
 * An engine beside greeting/choose.h, which decides by its results: the reverse names of the
 * address and which of them lead back, and whether the names that could be said do.
 *
 *     greeting_self_init(s, address, names);
 *     while (greeting_self_next(s, &question, &tag)) ask it; greeting_self_told(s, tag, &answer);
 *     when greeting_self_is_known(s): greeting_self_fill(s, &candidates)
 *
 * Questions may be asked at once and told in any order. It holds pointers into itself and must
 * stay where it is; about 4 KiB. Limits: GREETING_SELF_PTR_MAX reverse names are followed.
 */
#ifndef GREETING_SELF_H
#define GREETING_SELF_H

#include "dns/answer.h"
#include "greeting/choose.h"

enum greeting_self_name { SELF_MAPPED, SELF_CONFIGURED, SELF_HOST, SELF_NAMES };

#define GREETING_SELF_PTR_MAX   10u /* as RFC 8601 3 bounds it for receivers */
#define GREETING_SELF_SLOTS_MAX (1u + SELF_NAMES + GREETING_SELF_PTR_MAX)

enum greeting_self_state { SELF_WANTED, SELF_ASKED, SELF_TOLD };

/* One question; slot 0 is that for the PTR. */
struct greeting_self_slot {
    enum greeting_self_state state;
    struct dns_question question;
    bool leads_here; /* the address is among the answers */
    bool unknown;    /* could not be asked */
};

struct greeting_self {
    struct ip_addr address; /* IP_NONE: not known, nothing is asked */
    struct greeting_self_slot slots[GREETING_SELF_SLOTS_MAX];
    unsigned n_slots;
    unsigned n_told;
    unsigned slot_of[SELF_NAMES]; /* 0: there is no such name */
    unsigned first_ptr;           /* the slots from here on are those of reverse names */
    uint32_t ttl_s;               /* the least of all answers; 0: one was not had */
    span confirmed[GREETING_SELF_PTR_MAX];
    struct buf text;
    char text_room[(1 + SELF_NAMES + GREETING_SELF_PTR_MAX) * (DOMAIN_MAX_BYTES + 1)];
};

/*
 * address  as the world sees it; IP_NONE when that is not known
 * names    those that could be said, by enum greeting_self_name; empty: none; copied
 */
void greeting_self_init(struct greeting_self *s, struct ip_addr address,
                        const span names[SELF_NAMES]);

/* The next question; false when all are asked. The name is borrowed until it is told. */
bool greeting_self_next(struct greeting_self *s, struct dns_question *out_question,
                        unsigned *out_tag);

/* Its answer. One of another type counts as "could not ask"; a second one is ignored. */
void greeting_self_told(struct greeting_self *s, unsigned tag, const struct dns_answer *answer);

bool greeting_self_is_known(const struct greeting_self *s);

/* Some look-up failed: what is known may be less than what is. */
bool greeting_self_is_doubtful(const struct greeting_self *s);

/* Set address, confirmed names and ties of the candidates; they borrow from s. */
void greeting_self_fill(struct greeting_self *s, struct greeting_candidates *c);

/* Where DNS does not say otherwise, the names that the operator set count as tied. */
void greeting_self_trust(struct greeting_candidates *c);

/* The i-th reverse name that was followed, confirmed or not; empty: no more. */
span greeting_self_ptr(const struct greeting_self *s, unsigned i);

/*
 * What is missing, in words, with the record to publish or the key to set; nothing when all is
 * well. One sentence after the other, parted by "; ".
 *
 * egress   the name of its block
 */
void greeting_self_advise(struct buf *b, const struct greeting_candidates *c,
                          const struct greeting_choice *choice, span egress);

/* Why nothing can be said: "hostname "web-1" is not fully qualified, ..."; for RULE_NOTHING. */
void greeting_self_put_why(struct buf *b, const struct greeting_candidates *c,
                           const struct greeting_choice *choice);

#endif
