/* SPDX-License-Identifier: ISC */
/*
 * server/relay_name.h - which name each connection of relay greets with.
 *
 * An identity is one local address of one egress, with what DNS says of it. A connection that has
 * come about asks for its name (relay_name_begin): what the operator set is said at once, anything
 * else waits for DNS, at most dns.timeout. The rule is greeting/choose.h.
 *
 * Behind NAT the address that the world sees is public_address, or what servers say in their reply
 * to EHLO once RELAY_ECHO_PEERS of different networks agree: a single one could make us greet with
 * a name of its own. Nothing of it outlives the process; the queue process hears of it (QUEUE_OWN),
 * for those who judge greetings. A smarthost in a private network is not
 * listened to: it sees our inner address, and the world sees the smarthost's, not ours.
 *
 * Each egress that a route uses is checked at start and every RELAY_CHECK_MS; the log says when
 * the outcome is another one than before (egress.check), with what to set or to publish. Where
 * nothing can be said that is every RELAY_NAMELESS_MS; once something can, the queue process hears
 * of it (QUEUE_NAMED), and the mail that waited goes.
 */
#ifndef SERVER_RELAY_NAME_H
#define SERVER_RELAY_NAME_H

#include "greeting/self.h"
#include "server/relay_conn.h"

#define RELAY_IDENTITIES_MAX 256u /* in use at once; of about 12 KiB each */
#define RELAY_ECHOES_MAX     4u
#define RELAY_ECHO_PEERS     2u
#define RELAY_CHECK_MS       (INT64_C(3600) * 1000)
#define RELAY_NAMELESS_MS    (INT64_C(60) * 1000)    /* the same while there is nothing to say */
#define RELAY_NAME_FRESH_MS  (INT64_C(60) * 1000)    /* the least time that DNS is believed */
#define RELAY_NAME_RETRY_MS  (INT64_C(60) * 1000)    /* after a look-up that failed */
#define RELAY_NAME_KEEP_MS   (INT64_C(86400) * 1000) /* what DNS said last, while it says nothing */

struct relay_identity;

struct relay_name_query {
    struct resolve_query query;
    struct relay_identity *identity;
    unsigned tag;
};

/* An address that servers say they see, and who said so first. */
struct relay_echo {
    struct ip_addr address;
    struct ip_prefix witness;
};

struct relay_identity {
    struct relay_identity *next;
    struct relay *relay;
    const struct config_egress *egress;
    struct ip_addr socket;        /* the local address */
    struct ip_addr learned;       /* IP_NONE: none yet */
    struct greeting_self a, b;    /* one is in force, the other is for asking */
    struct greeting_self *known;  /* NULL: nothing was asked yet */
    struct greeting_self *asking; /* NULL: nothing is being asked */
    int64_t known_ms;
    int64_t fresh_until_ms;
    struct relay_name_query queries[GREETING_SELF_SLOTS_MAX];
    struct relay_conn *waiting;
    size_t users; /* connections that hold it, the waiting ones among them */
    struct relay_echo echoes[RELAY_ECHOES_MAX];
    size_t n_echoes;
    bool checked; /* it is one of those that are checked by the clock */
    bool is_fit;  /* there is something to say from here, and the queue was told so */
    bool was_logged;
    uint64_t log_mark; /* of what was logged last */
};

/* Begin to check the egresses; they live as long as the process. */
void relay_names_start(struct relay *r);
/* A new queue process: tell it from which egresses mail can go, and what was learned of our
 * address. */
void relay_names_announce(struct relay *r);
/* Check no more. */
void relay_names_stop(struct relay *r);
/* Forget all; no connection is left. */
void relay_names_finish(struct relay *r);

enum relay_naming {
    RELAY_NAMED,      /* c->name is set */
    RELAY_NAME_WAITS, /* relay_conn_named comes when there is more to say */
    RELAY_NAMELESS,   /* nothing may be said to this server; c->why says what to set */
};

/* The name of a connection that has come about. */
enum relay_naming relay_name_begin(struct relay_conn *c);

/* It is clear before connecting that nothing could be said there; c->why says what to set. */
bool relay_name_is_hopeless(struct relay_conn *c);

/* The connection ends, or is given up for another address. */
void relay_name_forget(struct relay_conn *c);

/* The server has answered EHLO. */
void relay_name_heard(struct relay_conn *c);

#endif
