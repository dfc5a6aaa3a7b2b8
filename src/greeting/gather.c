/* SPDX-License-Identifier: ISC */
/*
 * Each question is a slot; a slot keeps of its answer only what may matter, and that
 * depends on nothing but the answer. All comparing between answers happens at the end, in
 * conclude, over what the slots hold: so the order of the answers cannot matter. Slots of a
 * later round (addresses of PTR and MX names) are added as their names become known.
 */
#include "greeting/gather.h"

#include "base/ascii.h"
#include "dns/wire.h"

/* ---- slots ---- */

static bool is_name_question(span name)
{
    char octets[DNS_NAME_MAX_BYTES];
    struct buf wire = BUF_OVER(octets);

    return name.n > 0 && dns_name_put(&wire, name) && !wire.overflow;
}

/* A new question. What DNS cannot even be asked for does not exist. */
static struct greeting_slot *want(struct greeting_gather *g, enum greeting_slot_kind kind,
                                  enum dns_type type, span name)
{
    struct greeting_slot *slot;

    BUG_IF(g->n_slots == GREETING_SLOTS_MAX, "more questions than the limits allow");
    slot = &g->slots[g->n_slots++];
    *slot = (struct greeting_slot){.kind = kind, .question = {name, type}};
    if (!is_name_question(name)) {
        slot->state = SLOT_TOLD;
        slot->status = DNS_NXDOMAIN;
    }
    return slot;
}

static void want_addresses(struct greeting_gather *g, enum greeting_slot_kind kind, span name)
{
    (void)want(g, kind, DNS_A, name);
    (void)want(g, kind, DNS_AAAA, name);
}

/* A copy of a name out of an answer, or empty when it is no host name or there is no room. */
static span keep_name(struct greeting_gather *g, span name)
{
    size_t start = g->text.n;

    if (name.n == 0 || name.n > DOMAIN_MAX_BYTES)
        return SPAN_NONE;
    buf_put(&g->text, name);
    BUG_IF(g->text.overflow, "more names than the limits allow");
    return span_of(g->text.p + start, name.n);
}

static enum dns_type client_type(const struct greeting_gather *g)
{
    return g->claim.client.family == IP_V6 ? DNS_AAAA : DNS_A;
}

static bool is_own_name(const struct greeting_server *server, span name)
{
    for (size_t i = 0; i < server->n_names; i++) {
        if (domain_eq(server->names[i], name))
            return true;
    }
    return false;
}

/* ---- beginning ---- */

static bool can_be_looked_up(const struct greeting_name *n)
{
    return n->normal.n > 0 && !greeting_name_is_special(n->normal);
}

static void want_own(struct greeting_gather *g)
{
    const struct greeting_server *s = g->server;

    /* Only a name or an address can turn out to be ours. */
    if (s->addresses_known || (g->name.normal.n == 0 && g->name.addr.family == IP_NONE))
        return;
    for (size_t i = 0; i < s->n_names && i < GREETING_OWN_NAMES_MAX; i++) {
        want_addresses(g, SLOT_OWN, s->names[i]);
        (void)want(g, SLOT_OWN, DNS_MX, s->names[i]);
    }
}

static void start_spf(struct greeting_gather *g)
{
    struct spf_identity who = {
        .client = g->claim.client,
        .helo = g->name.normal,
        .receiver = g->server->n_names > 0 ? g->server->names[0] : SPAN_NONE,
    };

    spf_init(&g->spf, &who, g->spf_memory, sizeof(g->spf_memory));
    if (spf_next(&g->spf, &g->spf_event) == SPF_ASK)
        (void)want(g, SLOT_SPF, g->spf_event.question.type, g->spf_event.question.name);
    g->spf_runs = true;
}

void greeting_gather_init(struct greeting_gather *g, const struct greeting_claim *claim,
                          const struct greeting_server *server)
{
    char reverse_text[IP_REVERSE_BYTES];
    struct buf reverse = BUF_OVER(reverse_text);

    g->claim = *claim;
    g->server = server;
    g->n_slots = 0;
    g->known = false;
    g->spf_runs = false;
    g->text = BUF_OVER(g->text_room);
    greeting_name_read(&g->name, claim->greeting, claim->is_helo);
    ip_addr_put_reverse(&reverse, claim->client);
    (void)want(g, SLOT_PTR, DNS_PTR, keep_name(g, buf_span(&reverse)));
    if (can_be_looked_up(&g->name)) {
        want_addresses(g, SLOT_NAME, g->name.normal);
        (void)want(g, SLOT_NAME, DNS_MX, g->name.normal);
    }
    if (g->name.form == FORM_FQDN && can_be_looked_up(&g->name))
        start_spf(g);
    want_own(g);
}

/* ---- answers ---- */

static void keep_addresses(struct greeting_gather *g, struct greeting_slot *slot,
                           const struct dns_answer *answer)
{
    struct dns_cursor at = dns_records(answer);
    struct dns_record r;

    while (dns_record_next(&at, &r)) {
        struct ip_addr a = dns_record_addr(&r);

        slot->has_client = slot->has_client || ip_addr_eq(a, g->claim.client);
        if (slot->n_addrs < GREETING_SLOT_ADDRS)
            slot->addrs[slot->n_addrs++] = a;
    }
}

/* The MX hosts of the greeting or of an own name: their addresses are asked for next. */
static void keep_hosts(struct greeting_gather *g, struct greeting_slot *slot,
                       const struct dns_answer *answer)
{
    bool own = slot->kind == SLOT_OWN;
    unsigned left = own ? GREETING_OWN_MX_MAX : GREETING_MX_MAX;
    struct dns_cursor at = dns_records(answer);
    struct dns_record r;

    while (dns_record_next(&at, &r)) {
        slot->has_host = slot->has_host || r.name.n > 0;
        slot->has_own = slot->has_own || is_own_name(g->server, r.name);
        if (r.name.n == 0 || left == 0 || is_own_name(g->server, r.name))
            continue;
        left--;
        want_addresses(g, own ? SLOT_OWN_HOST : SLOT_MX_HOST, keep_name(g, r.name));
    }
}

/*
 * PTR names to follow: those equal to the greeting first, since they decide most, then the
 * others in their order, GREETING_PTR_MAX in all.
 */
static void keep_ptr_names(struct greeting_gather *g, const struct dns_answer *answer)
{
    unsigned left = GREETING_PTR_MAX;

    for (int equal = 1; equal >= 0; equal--) {
        struct dns_cursor at = dns_records(answer);
        struct dns_record r;

        while (left > 0 && dns_record_next(&at, &r)) {
            if (domain_eq(r.name, g->name.normal) != (equal == 1))
                continue;
            left--;
            (void)want(g, SLOT_PTR_NAME, client_type(g), keep_name(g, r.name));
        }
    }
}

static void told_spf(struct greeting_gather *g, struct greeting_slot *slot,
                     const struct dns_answer *answer)
{
    spf_told(&g->spf, answer);
    if (spf_next(&g->spf, &g->spf_event) == SPF_ASK) {
        slot->question = g->spf_event.question;
        slot->state = SLOT_WANTED;
    }
}

static void keep(struct greeting_gather *g, struct greeting_slot *slot,
                 const struct dns_answer *answer)
{
    slot->state = SLOT_TOLD;
    slot->status = answer->status;
    if (slot->kind == SLOT_SPF)
        told_spf(g, slot, answer);
    else if (slot->kind == SLOT_PTR)
        keep_ptr_names(g, answer);
    else if (slot->question.type == DNS_MX)
        keep_hosts(g, slot, answer);
    else
        keep_addresses(g, slot, answer);
}

void greeting_gather_asked(struct greeting_gather *g, unsigned tag)
{
    BUG_IF(tag >= g->n_slots, "a question that was never asked");
    if (g->slots[tag].state == SLOT_WANTED)
        g->slots[tag].state = SLOT_ASKED;
}

void greeting_gather_told(struct greeting_gather *g, unsigned tag, const struct dns_answer *answer)
{
    struct dns_answer none;

    BUG_IF(tag >= g->n_slots, "an answer to a question that was never asked");
    if (g->known || g->slots[tag].state == SLOT_TOLD)
        return;
    none = dns_answer_of(g->slots[tag].question.type, DNS_SERVFAIL);
    keep(g, &g->slots[tag], answer->type == none.type ? answer : &none);
}

void greeting_gather_timeout(struct greeting_gather *g)
{
    if (g->spf_runs)
        spf_timeout(&g->spf);
    for (unsigned i = 0; !g->known && i < g->n_slots; i++) {
        if (g->slots[i].state == SLOT_TOLD)
            continue;
        g->slots[i].state = SLOT_TOLD;
        g->slots[i].status = DNS_TIMEOUT;
    }
}

/* ---- conclusions: one function per fact, over what the slots hold ---- */

/* The slot of that kind and type for the name itself; NULL when it was not asked for. */
static const struct greeting_slot *find_slot(const struct greeting_gather *g,
                                             enum greeting_slot_kind kind, enum dns_type type)
{
    for (unsigned i = 0; i < g->n_slots; i++) {
        if (g->slots[i].kind == kind && g->slots[i].question.type == type)
            return &g->slots[i];
    }
    return NULL;
}

static enum dns_state state_of(const struct greeting_slot *slot)
{
    BUG_IF(slot == NULL, "a question that every greeting asks was not asked");
    return dns_status_state(slot->status);
}

static enum greeting_resolves resolves(const struct greeting_gather *g)
{
    const struct greeting_slot *a = find_slot(g, SLOT_NAME, DNS_A);
    const struct greeting_slot *aaaa = find_slot(g, SLOT_NAME, DNS_AAAA);
    const struct greeting_slot *mx = find_slot(g, SLOT_NAME, DNS_MX);

    if (a == NULL)
        return g->name.normal.n > 0 ? RESOLVES_SPECIAL : RESOLVES_NA;
    if (state_of(a) == DNS_PRESENT || state_of(aaaa) == DNS_PRESENT)
        return RESOLVES_ADDR;
    /* One NXDOMAIN speaks for all types: the name does not exist. */
    if (a->status == DNS_NXDOMAIN || aaaa->status == DNS_NXDOMAIN)
        return RESOLVES_NXDOMAIN;
    if (state_of(a) == DNS_UNKNOWN || state_of(aaaa) == DNS_UNKNOWN)
        return RESOLVES_TEMPERROR;
    if (mx->has_host)
        return RESOLVES_MX_ONLY;
    return state_of(mx) == DNS_UNKNOWN ? RESOLVES_TEMPERROR : RESOLVES_NODATA;
}

static enum greeting_pass address_match(const struct greeting_gather *g)
{
    const struct greeting_slot *slot = find_slot(g, SLOT_NAME, client_type(g));

    if (slot == NULL)
        return PASS_NA;
    if (slot->has_client)
        return PASS_PASS;
    if (state_of(slot) == DNS_UNKNOWN)
        return resolves(g) == RESOLVES_NXDOMAIN ? PASS_FAIL : PASS_TEMPERROR;
    return PASS_FAIL;
}

static bool is_literal(const struct greeting_gather *g)
{
    return g->name.form == FORM_IPV4_LITERAL || g->name.form == FORM_IPV6_LITERAL;
}

static bool is_bare(const struct greeting_gather *g)
{
    return g->name.form == FORM_BARE_IPV4 || g->name.form == FORM_BARE_IPV6;
}

static enum greeting_pass literal_match(const struct greeting_gather *g)
{
    if (!is_literal(g))
        return PASS_NA;
    return ip_addr_eq(g->name.addr, g->claim.client) ? PASS_PASS : PASS_FAIL;
}

static enum greeting_scope literal_scope(const struct greeting_gather *g)
{
    static const enum greeting_scope scopes[IP_SCOPE_COUNT] = {
        [IP_PUBLIC] = SCOPE_PUBLIC,
        [IP_PRIVATE] = SCOPE_PRIVATE,
        [IP_CGNAT] = SCOPE_CGNAT,
        [IP_LINK_LOCAL] = SCOPE_LINK_LOCAL,
        [IP_UNIQUE_LOCAL] = SCOPE_UNIQUE_LOCAL,
        [IP_LOOPBACK] = SCOPE_LOOPBACK,
        [IP_UNSPECIFIED] = SCOPE_UNSPECIFIED,
        [IP_SPECIAL] = SCOPE_PUBLIC,
    };

    return is_literal(g) || is_bare(g) ? scopes[ip_addr_scope(g->name.addr)] : SCOPE_NA;
}

static enum greeting_rdns rdns(const struct greeting_gather *g)
{
    static const enum greeting_rdns of[] = {
        [DNS_PRESENT] = RDNS_PRESENT, [DNS_ABSENT] = RDNS_ABSENT, [DNS_UNKNOWN] = RDNS_TEMPERROR};

    return of[state_of(find_slot(g, SLOT_PTR, DNS_PTR))];
}

static enum greeting_iprev iprev(const struct greeting_gather *g)
{
    enum greeting_iprev result = IPREV_FAIL;

    if (rdns(g) != RDNS_PRESENT)
        return rdns(g) == RDNS_ABSENT ? IPREV_PERMERROR : IPREV_TEMPERROR;
    for (unsigned i = 0; i < g->n_slots; i++) {
        const struct greeting_slot *slot = &g->slots[i];

        if (slot->kind != SLOT_PTR_NAME)
            continue;
        if (slot->has_client)
            return IPREV_PASS;
        if (state_of(slot) == DNS_UNKNOWN)
            result = IPREV_TEMPERROR;
    }
    return result;
}

static enum greeting_match matches_rdns(const struct greeting_gather *g)
{
    enum greeting_match result = MATCH_NO;

    if (g->name.normal.n == 0)
        return MATCH_NA;
    if (rdns(g) == RDNS_TEMPERROR)
        return MATCH_TEMPERROR;
    for (unsigned i = 0; i < g->n_slots; i++) {
        const struct greeting_slot *slot = &g->slots[i];

        if (slot->kind != SLOT_PTR_NAME || !domain_eq(slot->question.name, g->name.normal))
            continue;
        if (slot->has_client)
            return MATCH_YES;
        result = state_of(slot) == DNS_UNKNOWN ? MATCH_TEMPERROR : MATCH_UNCONFIRMED;
    }
    return result;
}

/* One of our addresses: configured, what DNS has for our names and their MX, or what we learned. */
static bool is_own_address(const struct greeting_gather *g, struct ip_addr a, bool learned_too)
{
    size_t n = g->server->n_addresses - (learned_too ? 0 : g->server->n_learned);

    for (size_t i = 0; i < n; i++) {
        if (ip_addr_eq(g->server->addresses[i], a))
            return true;
    }
    for (unsigned i = 0; i < g->n_slots; i++) {
        const struct greeting_slot *slot = &g->slots[i];

        for (unsigned k = 0; k < slot->n_addrs; k++) {
            if ((slot->kind == SLOT_OWN || slot->kind == SLOT_OWN_HOST) &&
                ip_addr_eq(slot->addrs[k], a))
                return true;
        }
    }
    return false;
}

static bool has_own_address(const struct greeting_gather *g, enum greeting_slot_kind kind)
{
    for (unsigned i = 0; i < g->n_slots; i++) {
        const struct greeting_slot *slot = &g->slots[i];

        for (unsigned k = 0; slot->kind == kind && k < slot->n_addrs; k++) {
            if (is_own_address(g, slot->addrs[k], true))
                return true;
        }
    }
    return false;
}

static enum greeting_own resolves_to_own(const struct greeting_gather *g)
{
    const struct greeting_slot *mx = find_slot(g, SLOT_NAME, DNS_MX);

    if (mx == NULL)
        return OWN_NA;
    if (has_own_address(g, SLOT_NAME))
        return OWN_ADDR;
    return mx->has_own || has_own_address(g, SLOT_MX_HOST) ? OWN_MX : OWN_NO;
}

static enum spf_result spf_helo(const struct greeting_gather *g)
{
    struct spf_event event;

    if (!g->spf_runs)
        return SPF_NONE;
    BUG_IF(spf_next(&g->spf, &event) != SPF_DONE, "SPF has not ended");
    return event.result;
}

/* Whether anything ties the name to the client, of the ties that the facts so far tell. */
static enum greeting_vouched vouched(const struct greeting_gather *g,
                                     const struct greeting_facts *f)
{
    unsigned address = f->value[FACT_ADDRESS_MATCH];
    unsigned reverse = f->value[FACT_MATCHES_RDNS];
    unsigned spf = f->value[FACT_SPF_HELO];

    if (f->value[FACT_OWN_NAME] == YES_NO && f->value[FACT_LOCAL_DOMAIN] == LOCAL_NO)
        return VOUCHED_NA;
    /* Our own name from one of our own addresses: the operator said so in listing them. */
    if (f->value[FACT_OWN_NAME] == YES_YES && is_own_address(g, g->claim.client, false))
        return VOUCHED_YES;
    if (g->claim.vouched || address == PASS_PASS || reverse == MATCH_YES || spf == SPF_PASS)
        return VOUCHED_YES;
    if (address == PASS_TEMPERROR || reverse == MATCH_TEMPERROR || spf == SPF_TEMPERROR)
        return VOUCHED_UNKNOWN;
    return VOUCHED_NO;
}

static unsigned traits(const struct greeting_gather *g)
{
    enum ip_scope scope = ip_addr_scope(g->claim.client);
    unsigned set = g->name.traits;

    if (g->claim.missing)
        set = TRAIT_MISSING;
    if (scope != IP_PUBLIC && scope != IP_SPECIAL)
        set |= TRAIT_INSIDE;
    if (scope == IP_LOOPBACK)
        set |= TRAIT_CLIENT_LOOPBACK;
    if (g->name.addr.family != IP_NONE && ip_addr_eq(g->name.addr, g->claim.client))
        set |= TRAIT_OWN_BY_CLIENT;
    if (g->claim.vouched)
        set |= TRAIT_OPERATOR_VOUCHED;
    return set;
}

static uint8_t yes_if(bool condition)
{
    return condition ? YES_YES : YES_NO;
}

static void conclude(struct greeting_gather *g)
{
    struct greeting_facts *f = &g->facts;
    bool has_name = g->name.normal.n > 0;
    bool is_fqdn = g->name.form == FORM_FQDN || is_literal(g);

    memset(f, 0, sizeof(*f));
    f->value[FACT_SYNTAX] = (uint8_t)g->name.syntax;
    f->value[FACT_FORM] = (uint8_t)g->name.form;
    f->value[FACT_FQDN] = (uint8_t)(is_fqdn ? PASS_PASS : PASS_FAIL);
    f->value[FACT_RESOLVES] = (uint8_t)resolves(g);
    f->value[FACT_ADDRESS_MATCH] = (uint8_t)address_match(g);
    f->value[FACT_LITERAL_MATCH] = (uint8_t)literal_match(g);
    f->value[FACT_LITERAL_SCOPE] = (uint8_t)literal_scope(g);
    f->value[FACT_RDNS] = (uint8_t)rdns(g);
    f->value[FACT_IPREV] = (uint8_t)iprev(g);
    f->value[FACT_MATCHES_RDNS] = (uint8_t)matches_rdns(g);
    f->value[FACT_OWN_NAME] = yes_if(has_name && is_own_name(g->server, g->name.normal));
    f->value[FACT_OWN_ADDRESS] =
        yes_if((is_literal(g) || is_bare(g)) && is_own_address(g, g->name.addr, true));
    f->value[FACT_LOCAL_DOMAIN] = (uint8_t)g->claim.local_domain;
    f->value[FACT_RESOLVES_TO_OWN] = (uint8_t)resolves_to_own(g);
    f->value[FACT_SPF_HELO] = (uint8_t)spf_helo(g);
    f->value[FACT_VOUCHED] = (uint8_t)vouched(g, f);
    f->value[FACT_GENERIC] =
        yes_if(has_name && greeting_name_is_generic(g->name.normal, g->claim.client));
    f->value[FACT_CHANGED] = yes_if(g->claim.changed);
    f->value[FACT_EARLY] = yes_if(g->claim.early);
    f->value[FACT_LISTED] = yes_if(g->claim.listed);
    f->traits = (uint16_t)traits(g);
    f->history = g->claim.history;
    g->known = true;
}

/* ---- the engine ---- */

enum greeting_need greeting_gather_next(struct greeting_gather *g, struct greeting_event *out)
{
    bool waits = false;

    *out = (struct greeting_event){.need = GREETING_KNOWN};
    for (unsigned i = 0; !g->known && i < g->n_slots; i++) {
        if (g->slots[i].state == SLOT_WANTED) {
            *out = (struct greeting_event){GREETING_ASK, i, g->slots[i].question};
            return out->need;
        }
        waits = waits || g->slots[i].state == SLOT_ASKED;
    }
    if (waits) {
        out->need = GREETING_WAIT;
        return out->need;
    }
    if (!g->known)
        conclude(g);
    return out->need;
}

const struct greeting_facts *greeting_gather_facts(const struct greeting_gather *g)
{
    BUG_IF(!g->known, "facts before they are known");
    return &g->facts;
}

static span nth_ptr(const struct greeting_gather *g, unsigned i, bool confirmed)
{
    for (unsigned k = 0; k < g->n_slots; k++) {
        const struct greeting_slot *slot = &g->slots[k];

        if (slot->kind != SLOT_PTR_NAME || slot->question.name.n == 0 ||
            (confirmed && !slot->has_client))
            continue;
        if (i-- == 0)
            return slot->question.name;
    }
    return SPAN_NONE;
}

span greeting_gather_host(const struct greeting_gather *g, unsigned i)
{
    return nth_ptr(g, i, true);
}

span greeting_gather_ptr(const struct greeting_gather *g, unsigned i)
{
    return nth_ptr(g, i, false);
}

/* ---- tables ---- */

enum greeting_table greeting_table_state(const struct greeting_facts *f)
{
    if (f->value[FACT_LOCAL_DOMAIN] != LOCAL_EXACT || f->value[FACT_VOUCHED] == VOUCHED_UNKNOWN)
        return TABLE_NA;
    if (f->value[FACT_VOUCHED] != VOUCHED_YES)
        return TABLE_FINE;
    return f->value[FACT_RESOLVES_TO_OWN] == OWN_NO ? TABLE_STALE : TABLE_SHARED;
}

span greeting_table_word(enum greeting_table t)
{
    static const span words[] = {
        [TABLE_NA] = SPAN_INIT("na"),
        [TABLE_FINE] = SPAN_INIT("fine"),
        [TABLE_SHARED] = SPAN_INIT("shared"),
        [TABLE_STALE] = SPAN_INIT("stale"),
    };

    return words[t];
}

enum greeting_local greeting_local_domain(span name, const span *domains, size_t n)
{
    enum greeting_local local = LOCAL_NO;

    for (size_t i = 0; i < n && name.n > 0; i++) {
        if (domain_eq(name, domains[i]))
            return LOCAL_EXACT;
        if (domain_is_under(name, domains[i]))
            local = LOCAL_UNDER;
    }
    return local;
}
