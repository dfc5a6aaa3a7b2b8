/* SPDX-License-Identifier: ISC */
#include "server/relay_check.h"

#include <stdlib.h>

#include "base/hash.h"
#include "config/own.h"
#include "net/local.h"
#include "os/log.h"

#define ADVICE_BYTES LOG_VALUE_BYTES

/* ---- the log ---- */

static enum log_level level_of(const struct greeting_choice *choice)
{
    unsigned wrong = WARN_MAP_UNFIT | WARN_NAME_UNFIT | WARN_NO_PTR | WARN_NOT_THE_PTR |
                     WARN_UNTIED | WARN_GENERIC;

    if (choice->rule == RULE_NOTHING)
        return LOG_ERROR;
    return (choice->warnings & wrong) != 0 ? LOG_WARNING : LOG_INFO;
}

static void put_address(struct log_line *l, enum log_key key, struct ip_addr a)
{
    char memory[IP_TEXT_BYTES];
    struct buf b = BUF_OVER(memory);

    ip_addr_put(&b, a);
    log_str(l, key, buf_span(&b));
}

/* The same outcome as the last time is no news. */
static bool is_news(struct relay_identity *id, const struct greeting_choice *choice, span advice)
{
    static const struct hash_key plain = {0, 0};
    uint64_t mark = hash_keyed(plain, advice) ^
                    hash_keyed(plain, span_of(choice->text, choice->n)) ^
                    (uint64_t)choice->rule << 56;
    bool news = !id->was_logged || mark != id->log_mark;

    id->was_logged = true;
    id->log_mark = mark;
    return news;
}

/* ---- the queue ---- */

/* Mail that waited for a name from this egress can go. */
static void announce(const struct relay_identity *id)
{
    span egress = span_head(id->egress->name, QUEUE_NAMED_BYTES);

    if (chan_is_open(&id->relay->queue))
        (void)!chan_send(&id->relay->queue, QUEUE_NAMED, 0, egress, SPAN_NONE, -1);
}

/* Whoever judges greetings knows our address too. */
static void tell_learned(const struct relay_identity *id)
{
    char memory[OWN_ADDRESS_BYTES];
    struct buf b = BUF_OVER(memory);

    own_address_put(&b, id->learned);
    if (chan_is_open(&id->relay->queue))
        (void)!chan_send(&id->relay->queue, QUEUE_OWN, 0, buf_span(&b), SPAN_NONE, -1);
}

void relay_names_announce(struct relay *r)
{
    for (const struct relay_identity *id = r->identities; id != NULL; id = id->next) {
        if (id->is_fit)
            announce(id);
        if (id->learned.family != IP_NONE)
            tell_learned(id);
    }
}

static bool is_used(const struct relay *r, const struct config_egress *egress)
{
    for (size_t i = 0; i < r->config->n_routes; i++) {
        enum config_via via = r->config->routes[i].via;

        if (r->config->routes[i].egress == egress &&
            (via == CONFIG_VIA_MX || via == CONFIG_VIA_SMTP))
            return true;
    }
    return false;
}

/* Whether something can be said now. While nothing can, DNS is asked more often. */
static void settle(struct relay_identity *id, bool is_fit)
{
    bool news = is_fit && !id->is_fit;

    id->is_fit = is_fit;
    if (news)
        announce(id);
    if (!is_fit && !id->relay->draining && is_used(id->relay, id->egress))
        loop_timer_set(&id->relay->check, RELAY_NAMELESS_MS);
}

void relay_check_tell(struct relay_identity *id)
{
    struct greeting_candidates c;
    struct greeting_choice choice;
    char memory[ADVICE_BYTES];
    struct buf advice = BUF_OVER(memory);
    bool quiet;
    struct log_line l;

    relay_identity_candidates(id, &c);
    greeting_self_trust(&c);
    greeting_choose(&c, &choice);
    settle(id, choice.rule != RULE_NOTHING);
    /* Nobody outside is greeted from there: what DNS lacks is nobody's business. */
    quiet = choice.rule != RULE_NOTHING && config_own_stays_inside(id->relay->config, id->egress);
    if (!quiet)
        greeting_self_advise(&advice, &c, &choice, id->egress->name);
    if (!is_news(id, &choice, buf_span(&advice)))
        return;
    l = log_begin(LOG_EGRESS_CHECK, quiet ? LOG_INFO : level_of(&choice));
    log_str(&l, KEY_EGRESS, id->egress->name);
    put_address(&l, KEY_ADDRESS, c.address.family != IP_NONE ? c.address : id->socket);
    log_str(&l, KEY_GREETING, span_of(choice.text, choice.n));
    log_str(&l, KEY_RULE, greeting_rule_word(choice.rule));
    if (advice.n > 0)
        log_str(&l, KEY_REASON, buf_span(&advice));
    log_end(&l);
}

/* ---- what servers see ---- */

static void say_heard(const struct relay_identity *id, struct ip_addr seen, span mta,
                      const char *what)
{
    struct log_line l = log_begin(LOG_EGRESS_CHECK, LOG_WARNING);

    log_str(&l, KEY_EGRESS, id->egress->name);
    put_address(&l, KEY_ADDRESS, seen);
    log_str(&l, KEY_HOST, mta);
    log_cstr(&l, KEY_REASON, what);
    log_end(&l);
}

static struct relay_echo *echo_of(struct relay_identity *id, struct ip_addr seen)
{
    for (size_t i = 0; i < id->n_echoes; i++)
        if (ip_addr_eq(id->echoes[i].address, seen))
            return &id->echoes[i];
    return NULL;
}

static struct ip_prefix network_of(struct ip_addr a)
{
    return ip_prefix_of(a, a.family == IP_V4 ? 24 : 48);
}

static void learn(struct relay_identity *id, struct ip_addr seen, span mta)
{
    say_heard(id, seen, mta,
              "this is our public address, as servers of several networks say; set public_address "
              "to it");
    id->learned = seen;
    tell_learned(id);
    relay_identity_refresh(id);
}

void relay_check_heard(struct relay_identity *id, struct ip_addr seen, struct ip_addr peer,
                       span mta)
{
    struct ip_addr expected = relay_identity_address(id);
    struct relay_echo *echo;

    if (ip_addr_eq(seen, expected))
        return;
    echo = echo_of(id, seen);
    if (echo == NULL && id->n_echoes < RELAY_ECHOES_MAX) {
        id->echoes[id->n_echoes++] = (struct relay_echo){seen, network_of(peer)};
        say_heard(id, seen, mta,
                  expected.family == IP_NONE
                      ? "a server says that it sees us come from this address"
                      : "a server sees us come from another address than expected: set "
                        "public_address, or the greeting does not fit it");
    } else if (echo != NULL && expected.family == IP_NONE && !ip_prefix_has(echo->witness, peer)) {
        learn(id, seen, mta);
    }
}

/* ---- by the clock ---- */

static void check_address(struct relay *r, const struct config_egress *egress, struct ip_addr a)
{
    struct relay_identity *id = a.family != IP_NONE ? relay_identity_of(r, egress, a) : NULL;

    if (id != NULL)
        relay_identity_refresh(id);
}

static void check_egress(struct relay *r, const struct config_egress *egress)
{
    if (egress->address.family != IP_NONE) {
        check_address(r, egress, egress->address);
        return;
    }
    check_address(r, egress, net_local_out(IP_V4));
    check_address(r, egress, net_local_out(IP_V6));
}

static void on_check(void *arg)
{
    struct relay *r = arg;

    for (size_t i = 0; i < r->config->n_egresses; i++)
        if (is_used(r, &r->config->egresses[i]))
            check_egress(r, &r->config->egresses[i]);
    for (struct relay_identity *id = r->identities; id != NULL; id = id->next)
        if (id->known != NULL && !id->is_fit)
            relay_identity_refresh(id);
    loop_timer_set(&r->check, RELAY_CHECK_MS);
}

void relay_names_start(struct relay *r)
{
    loop_timer_init(&r->check, r->loop, on_check, r);
    loop_timer_set(&r->check, 0);
}

void relay_names_stop(struct relay *r)
{
    loop_timer_stop(&r->check);
}

void relay_names_finish(struct relay *r)
{
    struct relay_identity *id;

    relay_names_stop(r);
    while ((id = r->identities) != NULL) {
        for (size_t i = 0; i < COUNT(id->queries); i++)
            resolve_cancel(&id->queries[i].query);
        r->identities = id->next;
        free(id);
    }
    r->n_identities = 0;
}
