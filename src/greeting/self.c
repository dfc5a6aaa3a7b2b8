/* SPDX-License-Identifier: ISC */
#include "greeting/self.h"

#include "base/escape.h"

/* ---- asking ---- */

/* A copy in our own memory; empty when it is none that DNS could have, or does not fit. */
static span keep_name(struct greeting_self *s, span name)
{
    size_t start = s->text.n;

    if (name.n == 0 || name.n > DOMAIN_MAX_BYTES || name.n >= buf_room(&s->text))
        return SPAN_NONE;
    buf_put_lower(&s->text, name);
    return span_of(s->text.p + start, name.n);
}

static unsigned want(struct greeting_self *s, span name, enum dns_type type)
{
    struct greeting_self_slot *slot = &s->slots[s->n_slots];

    BUG_IF(s->n_slots == GREETING_SELF_SLOTS_MAX, "too many questions about an address");
    *slot = (struct greeting_self_slot){.question = {name, type}};
    return s->n_slots++;
}

static enum dns_type address_type(const struct greeting_self *s)
{
    return s->address.family == IP_V4 ? DNS_A : DNS_AAAA;
}

/* Addresses and single labels are no names that DNS could tie to us. */
static bool is_askable(span name)
{
    struct domain d = domain_parse(name);

    return (d.faults & ~DOMAIN_FORGIVABLE) == 0 && domain_is_fqdn(&d);
}

void greeting_self_init(struct greeting_self *s, struct ip_addr address,
                        const span names[SELF_NAMES])
{
    char memory[IP_REVERSE_BYTES];
    struct buf reverse = BUF_OVER(memory);

    s->address = address;
    s->n_slots = 0;
    s->n_told = 0;
    s->ttl_s = UINT32_MAX;
    s->text = BUF_OVER(s->text_room);
    memset(s->slot_of, 0, sizeof(s->slot_of));
    if (address.family != IP_NONE) {
        ip_addr_put_reverse(&reverse, address);
        (void)want(s, keep_name(s, buf_span(&reverse)), DNS_PTR);
        for (unsigned i = 0; i < SELF_NAMES; i++) {
            span name = is_askable(names[i]) ? keep_name(s, names[i]) : SPAN_NONE;

            if (name.n > 0)
                s->slot_of[i] = want(s, name, address_type(s));
        }
    }
    s->first_ptr = s->n_slots;
}

bool greeting_self_next(struct greeting_self *s, struct dns_question *out_question,
                        unsigned *out_tag)
{
    for (unsigned i = 0; i < s->n_slots; i++) {
        if (s->slots[i].state != SELF_WANTED)
            continue;
        s->slots[i].state = SELF_ASKED;
        *out_question = s->slots[i].question;
        *out_tag = i;
        return true;
    }
    return false;
}

static void keep_ptr_names(struct greeting_self *s, const struct dns_answer *answer)
{
    struct dns_cursor at = dns_records(answer);
    unsigned left = GREETING_SELF_PTR_MAX;
    struct dns_record r;

    while (left > 0 && dns_record_next(&at, &r)) {
        span name = keep_name(s, r.name);

        left--;
        if (name.n > 0)
            (void)want(s, name, address_type(s));
    }
}

static void keep_addresses(const struct greeting_self *s, struct greeting_self_slot *slot,
                           const struct dns_answer *answer)
{
    struct dns_cursor at = dns_records(answer);
    struct dns_record r;

    while (dns_record_next(&at, &r))
        slot->leads_here = slot->leads_here || ip_addr_eq(dns_record_addr(&r), s->address);
}

void greeting_self_told(struct greeting_self *s, unsigned tag, const struct dns_answer *answer)
{
    struct greeting_self_slot *slot = &s->slots[tag];

    BUG_IF(tag >= s->n_slots, "an answer to a question that was never asked");
    if (slot->state == SELF_TOLD)
        return;
    slot->state = SELF_TOLD;
    s->n_told++;
    slot->unknown = answer->type != slot->question.type || dns_answer_state(answer) == DNS_UNKNOWN;
    s->ttl_s = slot->unknown ? 0 : answer->ttl_s < s->ttl_s ? answer->ttl_s : s->ttl_s;
    if (slot->unknown)
        return;
    if (tag == 0)
        keep_ptr_names(s, answer);
    else
        keep_addresses(s, slot, answer);
}

bool greeting_self_is_known(const struct greeting_self *s)
{
    return s->n_told == s->n_slots;
}

bool greeting_self_is_doubtful(const struct greeting_self *s)
{
    for (unsigned i = 0; i < s->n_slots; i++)
        if (s->slots[i].unknown)
            return true;
    return false;
}

/* ---- what came of it ---- */

span greeting_self_ptr(const struct greeting_self *s, unsigned i)
{
    return s->first_ptr + i < s->n_slots ? s->slots[s->first_ptr + i].question.name : SPAN_NONE;
}

static enum greeting_pass tied(const struct greeting_self *s, unsigned name)
{
    const struct greeting_self_slot *slot = &s->slots[s->slot_of[name]];

    if (s->slot_of[name] == 0)
        return PASS_NA;
    return slot->leads_here ? PASS_PASS : slot->unknown ? PASS_TEMPERROR : PASS_FAIL;
}

void greeting_self_fill(struct greeting_self *s, struct greeting_candidates *c)
{
    c->address = s->address;
    c->confirmed = s->confirmed;
    c->n_confirmed = 0;
    c->ptr_unknown = s->n_slots > 0 && s->slots[0].unknown;
    for (unsigned i = s->first_ptr; i < s->n_slots; i++) {
        if (s->slots[i].leads_here)
            s->confirmed[c->n_confirmed++] = s->slots[i].question.name;
        c->ptr_unknown = c->ptr_unknown || s->slots[i].unknown;
    }
    for (unsigned i = 0; i < SELF_NAMES; i++)
        c->tied[i] = tied(s, i);
}

void greeting_self_trust(struct greeting_candidates *c)
{
    for (unsigned i = SELF_MAPPED; i <= SELF_CONFIGURED; i++)
        if (c->tied[i] != PASS_FAIL)
            c->tied[i] = PASS_PASS;
}

/* ---- advice ---- */

static void begin_sentence(struct buf *b, size_t start)
{
    if (b->n > start)
        buf_put(b, SPAN("; "));
}

static void put_quoted(struct buf *b, span name)
{
    buf_putc(b, '"');
    escape_text(b, name, DOMAIN_MAX_BYTES);
    buf_putc(b, '"');
}

/* A record as it stands in a zone file. */
static void put_ptr_record(struct buf *b, struct ip_addr address, span name)
{
    ip_addr_put_reverse(b, address);
    buf_put(b, SPAN(". PTR "));
    escape_text(b, name, DOMAIN_MAX_BYTES);
    buf_putc(b, '.');
}

static void put_address_record(struct buf *b, span name, struct ip_addr address)
{
    escape_text(b, name, DOMAIN_MAX_BYTES);
    buf_put(b, address.family == IP_V4 ? SPAN(". A ") : SPAN(". AAAA "));
    ip_addr_put(b, address);
}

/* The name that a record should give: what is said when that is a name, else what could be. */
static span name_to_publish(const struct greeting_candidates *c,
                            const struct greeting_choice *choice)
{
    if (choice->helo)
        return span_of(choice->text, choice->n);
    return choice->host_unfit == FIT && c->host.n > 0 ? c->host : SPAN("mail.example.net");
}

static void put_unfit(struct buf *b, const char *what, span name, enum greeting_unfit unfit)
{
    buf_put(b, span_cstr(what));
    put_quoted(b, name);
    buf_put(b, SPAN(" is not said: "));
    buf_put(b, greeting_unfit_text(unfit));
}

static void advise_passed_over(struct buf *b, size_t start, const struct greeting_candidates *c,
                               const struct greeting_choice *choice)
{
    if ((choice->warnings & WARN_MAP_UNFIT) != 0) {
        begin_sentence(b, start);
        put_unfit(b, "the egress's name ", c->mapped, choice->mapped_unfit);
    }
    if ((choice->warnings & WARN_NAME_UNFIT) != 0) {
        begin_sentence(b, start);
        put_unfit(b, "hostname ", c->configured, choice->configured_unfit);
    }
}

static void advise_records(struct buf *b, size_t start, const struct greeting_candidates *c,
                           const struct greeting_choice *choice)
{
    bool has_address = c->address.family != IP_NONE;

    if (has_address && (choice->warnings & WARN_NO_PTR) != 0) {
        begin_sentence(b, start);
        buf_put(b, SPAN("publish: "));
        put_ptr_record(b, c->address, name_to_publish(c, choice));
    }
    if (has_address && choice->helo && (choice->warnings & WARN_UNTIED) != 0) {
        begin_sentence(b, start);
        buf_put(b, SPAN("publish: "));
        put_address_record(b, name_to_publish(c, choice), c->address);
    }
    if (choice->n > 0 && (choice->warnings & WARN_NOT_THE_PTR) != 0) {
        begin_sentence(b, start);
        buf_put(b, SPAN("the reverse name is "));
        put_quoted(b, c->confirmed[0]);
        buf_put(b, SPAN(": greet with it, or publish: "));
        put_ptr_record(b, c->address, name_to_publish(c, choice));
    }
}

static void advise_rest(struct buf *b, size_t start, const struct greeting_choice *choice)
{
    static const struct {
        unsigned warning;
        span text;
    } rest[] = {
        {WARN_NAT, SPAN_INIT("the public address is not known: set public_address")},
        {WARN_DNS, SPAN_INIT("DNS did not answer, so this may change")},
        {WARN_SEVERAL, SPAN_INIT("the address has several reverse names: one was picked")},
        {WARN_GENERIC, SPAN_INIT("the name looks like that of a dynamic address: many receivers "
                                 "take that for no name")},
    };

    for (size_t i = 0; i < COUNT(rest); i++) {
        if ((choice->warnings & rest[i].warning) == 0)
            continue;
        begin_sentence(b, start);
        buf_put(b, rest[i].text);
    }
}

void greeting_self_advise(struct buf *b, const struct greeting_candidates *c,
                          const struct greeting_choice *choice, span egress)
{
    size_t start = b->n;

    if (choice->rule == RULE_NOTHING) {
        buf_put(b,
                SPAN("nothing can be said, and mail waits: set hostname, or greeting of egress "));
        put_quoted(b, egress);
        greeting_self_put_why(b, c, choice);
    }
    advise_passed_over(b, start, c, choice);
    advise_records(b, start, c, choice);
    advise_rest(b, start, choice);
}

void greeting_self_put_why(struct buf *b, const struct greeting_candidates *c,
                           const struct greeting_choice *choice)
{
    if (c->mapped.n > 0 || c->configured.n > 0 || c->host.n == 0)
        return;
    buf_put(b, SPAN(" (the host name "));
    put_quoted(b, c->host);
    if (choice->host_unfit != FIT) {
        buf_put(b, SPAN(" will not do: "));
        buf_put(b, greeting_unfit_text(choice->host_unfit));
    } else if (c->address.family == IP_NONE) {
        buf_put(b, SPAN(" is not used: the public address is not known"));
    } else {
        buf_put(b, SPAN(" is not used: DNS does not say that it is "));
        ip_addr_put(b, c->address);
    }
    buf_putc(b, ')');
}
