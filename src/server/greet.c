/* SPDX-License-Identifier: ISC */
#include "server/greet_inner.h"

#include <stdlib.h>

#include "config/find.h"
#include "os/clock.h"
#include "os/random.h"

#define NAMES_BYTES ((GREETING_PTR_MAX + 1) * (DOMAIN_MAX_BYTES + 1))
#define KEY_BYTES   768u /* of a memo; longer names and senders are asked about each time */

/* One question under way. */
struct question {
    struct resolve_query query;
    struct question *next, **at;
    struct greet *greet;
    unsigned tag;
};

/* While the facts are gathered. */
struct facts_work {
    struct greeting_gather gather;
    struct question *questions;
    struct loop_timer timer;
};

/* While SPF of a sender is evaluated. */
struct from_work {
    struct spf spf;
    struct spf_event event;
    struct resolve_query query;
    struct loop_timer timer;
    char sender[GREET_SENDER_BYTES];
    char memory[SPF_MEMORY_BYTES];
};

/* How the facts are kept in the memo; the names follow. */
struct kept_facts {
    struct greeting_facts facts;
    unsigned n_hosts;
};

void greet_shared_init(struct greet_shared *s, struct loop *loop, struct resolve_client *resolver,
                       const struct config *config)
{
    struct hash_key key;

    *s = (struct greet_shared){.loop = loop, .resolver = resolver, .config = config};
    os_random(&key, sizeof(key));
    memo_init(&s->memo, key);
    own_init(&s->own, loop, resolver, config);
}

void greet_shared_finish(struct greet_shared *s)
{
    own_finish(&s->own);
    memo_finish(&s->memo);
}

static int64_t patience_ms(const struct greet *g)
{
    return (int64_t)g->shared->config->dns.timeout_ms;
}

/* ---- what is remembered ---- */

/* Facts depend on client, name and verb, SPF of a sender on client, name and sender. */
static bool put_key(const struct greet *g, struct buf *b, char kind, span sender)
{
    buf_putc(b, kind);
    buf_putc(b, g->start.is_helo ? 'H' : 'E');
    ip_addr_put(b, g->start.client);
    buf_putc(b, ' ');
    buf_put(b, g->start.name);
    buf_putc(b, '\0');
    buf_put(b, sender);
    return !b->overflow;
}

static void remember(struct greet *g, char kind, span sender, span value, uint32_t seconds)
{
    char memory[KEY_BYTES];
    struct buf key = BUF_OVER(memory);

    if (seconds != 0 && put_key(g, &key, kind, sender))
        memo_keep(&g->shared->memo, buf_span(&key), value,
                  loop_now_ms(g->shared->loop) + (int64_t)seconds * 1000);
}

static bool recall(const struct greet *g, char kind, span sender, span *out_value)
{
    char memory[KEY_BYTES];
    struct buf key = BUF_OVER(memory);

    return put_key(g, &key, kind, sender) &&
           memo_find(&g->shared->memo, buf_span(&key), loop_now_ms(g->shared->loop), out_value);
}

/* An answer that could not be had is not to be kept at all. */
static uint32_t lifetime(uint32_t so_far_s, const struct dns_answer *answer)
{
    if (dns_answer_state(answer) == DNS_UNKNOWN)
        return 0;
    return answer->ttl_s < so_far_s ? answer->ttl_s : so_far_s;
}

/* ---- the facts ---- */

static void question_free(struct question *q)
{
    resolve_cancel(&q->query);
    *q->at = q->next;
    if (q->next != NULL)
        q->next->at = q->at;
    free(q);
}

static void work_free(struct greet *g)
{
    struct question *next;

    if (g->work == NULL)
        return;
    for (struct question *q = g->work->questions; q != NULL; q = next) {
        next = q->next;
        resolve_cancel(&q->query);
        free(q);
    }
    loop_timer_stop(&g->work->timer);
    free(g->work);
    g->work = NULL;
}

static void copy_names(struct greet *g, span names)
{
    g->names = malloc(names.n + 1);
    if (g->names != NULL)
        memcpy(g->names, names.p, names.n);
    else
        g->n_hosts = 0;
}

static void remember_facts(struct greet *g, span names)
{
    char memory[sizeof(struct kept_facts) + NAMES_BYTES];
    struct buf value = BUF_OVER(memory);
    struct kept_facts kept = {g->facts, g->n_hosts};

    if (g->facts_s == 0)
        return;
    buf_put(&value, span_of(&kept, sizeof(kept)));
    buf_put(&value, names);
    remember(g, 'F', SPAN_NONE, buf_span(&value), g->facts_s);
}

static bool recall_facts(struct greet *g)
{
    struct kept_facts kept;
    span value;

    if (!recall(g, 'F', SPAN_NONE, &value))
        return false;
    memcpy(&kept, value.p, sizeof(kept));
    g->facts = kept.facts;
    g->facts.value[FACT_CHANGED] = g->start.changed ? YES_YES : YES_NO;
    g->facts.value[FACT_EARLY] = g->start.early ? YES_YES : YES_NO;
    g->n_hosts = kept.n_hosts;
    copy_names(g, span_skip(value, sizeof(kept)));
    return true;
}

/* The names that are worth keeping, out of the engine's memory. */
static void keep_names(struct greet *g)
{
    char memory[NAMES_BYTES];
    struct buf b = BUF_OVER(memory);
    span name = greeting_gather_host(&g->work->gather, 0);

    while (name.n != 0) {
        buf_put(&b, name);
        buf_putc(&b, '\0');
        name = greeting_gather_host(&g->work->gather, ++g->n_hosts);
    }
    name = greeting_gather_ptr(&g->work->gather, 0);
    buf_put(&b, name);
    buf_putc(&b, '\0');
    copy_names(g, buf_span(&b));
    remember_facts(g, buf_span(&b));
}

static void on_question(void *arg, const struct dns_answer *answer);

static void ask(struct greet *g, const struct greeting_event *ev)
{
    struct question *q = malloc(sizeof(*q));
    struct dns_answer none = dns_answer_of(ev->question.type, DNS_SERVFAIL);

    if (q == NULL) {
        g->facts_s = 0;
        greeting_gather_told(&g->work->gather, ev->tag, &none);
        return;
    }
    resolve_query_init(&q->query, on_question, q);
    q->greet = g;
    q->tag = ev->tag;
    q->next = g->work->questions;
    q->at = &g->work->questions;
    if (q->next != NULL)
        q->next->at = &q->next;
    g->work->questions = q;
    greeting_gather_asked(&g->work->gather, ev->tag);
    resolve_ask(g->shared->resolver, &q->query, ev->question.name, ev->question.type,
                patience_ms(g));
}

/* Ask whatever is wanted; true when the facts have become known. */
static bool gather(struct greet *g)
{
    struct greeting_event ev;

    while (greeting_gather_next(&g->work->gather, &ev) == GREETING_ASK)
        ask(g, &ev);
    if (ev.need == GREETING_WAIT)
        return false;
    g->facts = *greeting_gather_facts(&g->work->gather);
    keep_names(g);
    work_free(g);
    return true;
}

static void on_question(void *arg, const struct dns_answer *answer)
{
    struct question *q = arg;
    struct greet *g = q->greet;

    g->gave_up = g->gave_up || answer->status == DNS_TIMEOUT;
    g->facts_s = lifetime(g->facts_s, answer);
    greeting_gather_told(&g->work->gather, q->tag, answer);
    question_free(q);
    if (gather(g))
        g->start.fn(g->start.arg);
}

static void keep_result(struct greet *g, enum spf_result result);

static void give_up_facts(struct greet *g)
{
    g->gave_up = true;
    g->facts_s = 0;
    greeting_gather_timeout(&g->work->gather);
    while (!gather(g))
        BUG("the facts are not known after their time");
}

static void on_patience(void *arg)
{
    struct greet *g = arg;

    give_up_facts(g);
    if (g->from != NULL)
        keep_result(g, SPF_TEMPERROR);
    g->start.fn(g->start.arg);
}

/* ---- the past ---- */

static void on_past(void *arg, const struct greeting_history *history)
{
    struct greet *g = arg;

    g->history = *history;
    remember(g, 'P', SPAN_NONE, span_of(history, sizeof(*history)), GREET_MEMO_S);
    if (g->work == NULL)
        g->start.fn(g->start.arg);
}

static void ask_past(struct greet *g)
{
    span value;

    if (!g->asks || g->shared->past == NULL)
        return;
    if (recall(g, 'P', SPAN_NONE, &value))
        memcpy(&g->history, value.p, sizeof(g->history));
    else
        (void)!past_ask(g->shared->past, &g->past, g->start.client, g->start.name, on_past, g);
}

static bool begin(struct greet *g)
{
    struct greeting_claim claim = {
        .client = g->start.client,
        .greeting = g->start.name,
        .is_helo = g->start.is_helo,
        .changed = g->start.changed,
        .early = g->start.early,
    };

    g->facts = g->said;
    if (!g->asks || recall_facts(g))
        return true;
    claim.local_domain = config_local_domain(g->shared->config, g->normal);
    claim.vouched = config_is_vouched(g->shared->config, g->start.client, g->normal);
    claim.listed = config_is_listed(g->shared->config, g->normal);
    g->work = malloc(sizeof(*g->work));
    if (g->work == NULL)
        return false;
    g->work->questions = NULL;
    g->facts_s = GREET_MEMO_S;
    loop_timer_init(&g->work->timer, g->shared->loop, on_patience, g);
    greeting_gather_init(&g->work->gather, &claim, own_server(&g->shared->own));
    if (g->gave_up)
        give_up_facts(g);
    else if (!gather(g))
        loop_timer_set_common(&g->work->timer, patience_ms(g));
    return true;
}

/* The argument as it came, and what is read in it. */
static void keep_name(struct greet *g, const struct greeting_name *name)
{
    struct buf text = buf_over(g->text, g->start.name.n + name->normal.n);

    buf_put(&text, g->start.name);
    buf_put(&text, name->normal);
    g->start.name = span_head(buf_span(&text), g->start.name.n);
    g->normal = span_skip(buf_span(&text), g->start.name.n);
    g->said = (struct greeting_facts){
        .value = {[FACT_SYNTAX] = (uint8_t)name->syntax, [FACT_FORM] = (uint8_t)name->form},
        .traits = (uint16_t)name->traits,
    };
}

struct greet *greet_new(struct greet_shared *s, const struct greet_start *start)
{
    struct greeting_name name;
    struct greet *g;

    greeting_name_read(&name, start->name, start->is_helo);
    g = calloc(1, sizeof(*g) + start->name.n + name.normal.n);
    if (g == NULL)
        return NULL;
    g->shared = s;
    g->start = *start;
    keep_name(g, &name);
    g->gave_up = start->gave_up;
    g->asks = !start->trusted && !start->authenticated && !start->submission && !start->lmtp &&
              start->client.family != IP_NONE;
    if (begin(g)) {
        ask_past(g);
        return g;
    }
    greet_free(g);
    return NULL;
}

void greet_free(struct greet *g)
{
    if (g == NULL)
        return;
    work_free(g);
    past_cancel(&g->past);
    greet_from_drop(g);
    free(g->names);
    free(g->sender);
    free(g);
}

span greet_name(const struct greet *g)
{
    return g->start.name;
}

bool greet_is_same(const struct greet *g, span name, bool is_helo)
{
    return g->start.is_helo == is_helo && span_ieq(g->start.name, name);
}

bool greet_is_helo(const struct greet *g)
{
    return g->start.is_helo;
}

bool greet_gave_up(const struct greet *g)
{
    return g->gave_up;
}

bool greet_is_ready(const struct greet *g)
{
    return g->work == NULL && g->past.client == NULL;
}

/* ---- SPF of the sender ---- */

static void on_from_answer(void *arg, const struct dns_answer *answer);

void greet_from_drop(struct greet *g)
{
    if (g->from == NULL)
        return;
    resolve_cancel(&g->from->query);
    loop_timer_stop(&g->from->timer);
    free(g->from);
    g->from = NULL;
}

static void keep_result(struct greet *g, enum spf_result result)
{
    g->from_result = result;
    g->has_from = true;
    greet_from_drop(g);
}

static void remember_from(struct greet *g, enum spf_result result)
{
    char octet = (char)result;

    remember(g, 'S', span_of(g->sender, g->sender_n), span_of(&octet, 1), g->from_s);
}

static bool recall_from(struct greet *g)
{
    span value;

    if (!recall(g, 'S', span_of(g->sender, g->sender_n), &value))
        return false;
    keep_result(g, (enum spf_result)(unsigned char)value.p[0]);
    return true;
}

/* Ask on; true when the result stands. */
static bool evaluate(struct greet *g)
{
    struct from_work *w = g->from;

    if (spf_next(&w->spf, &w->event) == SPF_DONE) {
        remember_from(g, w->event.result);
        keep_result(g, w->event.result);
        return true;
    }
    resolve_query_init(&w->query, on_from_answer, g);
    resolve_ask(g->shared->resolver, &w->query, w->event.question.name, w->event.question.type,
                patience_ms(g));
    return false;
}

static void on_from_answer(void *arg, const struct dns_answer *answer)
{
    struct greet *g = arg;

    g->gave_up = g->gave_up || answer->status == DNS_TIMEOUT;
    g->from_s = lifetime(g->from_s, answer);
    spf_told(&g->from->spf, answer);
    if (evaluate(g))
        g->start.fn(g->start.arg);
}

static void on_from_patience(void *arg)
{
    struct greet *g = arg;

    g->gave_up = true;
    keep_result(g, SPF_TEMPERROR);
    g->start.fn(g->start.arg);
}

static bool keep_sender(struct greet *g, span sender)
{
    char *copy = malloc(sender.n + 1);

    free(g->sender);
    g->sender = copy;
    g->sender_n = copy != NULL ? sender.n : 0;
    g->has_from = false;
    if (copy != NULL)
        memcpy(copy, sender.p, sender.n);
    return copy != NULL;
}

void greet_from(struct greet *g, span sender)
{
    struct spf_identity who = {
        .client = g->start.client,
        .helo = g->start.name,
        .receiver = g->shared->config->hostname,
        .now_s = clock_wall_ms() / 1000,
    };
    struct buf sender_room;

    greet_from_drop(g);
    if (!g->asks || sender.n == 0) {
        g->has_from = false;
        return;
    }
    if (g->has_from && span_eq(span_of(g->sender, g->sender_n), sender))
        return;
    if (!keep_sender(g, sender) || recall_from(g))
        return;
    g->from_s = GREET_MEMO_S;
    g->from = g->gave_up ? NULL : malloc(sizeof(*g->from));
    if (g->from == NULL) {
        keep_result(g, SPF_TEMPERROR);
        return;
    }
    sender_room = BUF_OVER(g->from->sender);
    who.sender = greet_sender(g, &sender_room);
    loop_timer_init(&g->from->timer, g->shared->loop, on_from_patience, g);
    resolve_query_init(&g->from->query, on_from_answer, g);
    spf_init(&g->from->spf, &who, g->from->memory, sizeof(g->from->memory));
    if (!evaluate(g))
        loop_timer_set_common(&g->from->timer, patience_ms(g));
}

bool greet_from_is_ready(const struct greet *g)
{
    return g->from == NULL;
}
