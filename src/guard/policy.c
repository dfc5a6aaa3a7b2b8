/* SPDX-License-Identifier: ISC */
#include "guard/policy.h"

/* What the attributes come to, before it is a question. */
struct request {
    bool is_ours; /* request=smtpd_access_policy */
    span state, protocol, client, helo, sender, instance, sasl_username, sasl_method;
};

static const struct {
    span name;
    size_t offset; /* of the span in struct request */
} attributes[] = {
    {SPAN_INIT("protocol_state"), offsetof(struct request, state)},
    {SPAN_INIT("protocol_name"), offsetof(struct request, protocol)},
    {SPAN_INIT("client_address"), offsetof(struct request, client)},
    {SPAN_INIT("helo_name"), offsetof(struct request, helo)},
    {SPAN_INIT("sender"), offsetof(struct request, sender)},
    {SPAN_INIT("instance"), offsetof(struct request, instance)},
    {SPAN_INIT("sasl_username"), offsetof(struct request, sasl_username)},
    {SPAN_INIT("sasl_method"), offsetof(struct request, sasl_method)},
};

/* Others (CONNECT, VRFY, ETRN) are no stage of a message. */
static const struct {
    span name;
    enum guard_stage stage;
} states[] = {
    {SPAN_INIT("HELO"), GUARD_AT_HELO}, {SPAN_INIT("EHLO"), GUARD_AT_HELO},
    {SPAN_INIT("MAIL"), GUARD_AT_MAIL}, {SPAN_INIT("RCPT"), GUARD_AT_RCPT},
    {SPAN_INIT("DATA"), GUARD_AT_DATA}, {SPAN_INIT("END-OF-MESSAGE"), GUARD_AT_END},
};

static void take_attribute(struct request *r, span name, span value)
{
    if (span_eq(name, SPAN("request")))
        r->is_ours = span_eq(value, SPAN("smtpd_access_policy"));
    for (size_t i = 0; i < COUNT(attributes); i++)
        if (span_eq(name, attributes[i].name))
            memcpy((char *)r + attributes[i].offset, &value, sizeof(value));
}

static enum guard_stage stage_of(span state)
{
    for (size_t i = 0; i < COUNT(states); i++)
        if (span_eq(state, states[i].name))
            return states[i].stage;
    return GUARD_AT_NOTHING;
}

/* While a greeting is judged, the protocol is still that of the greeting before. */
static bool is_helo(const struct request *r)
{
    if (stage_of(r->state) == GUARD_AT_HELO)
        return span_eq(r->state, SPAN("HELO"));
    return span_eq(r->protocol, SPAN("SMTP"));
}

/*
 * Postfix shows blanks and what it deems dangerous as question marks. Text behind an address
 * literal is no fault, so that it is left out here rather than taken for a part of the literal.
 */
static span greeting_of(span helo)
{
    size_t at = span_search(helo, SPAN("]?"));

    return span_starts(helo, SPAN("[")) && at < helo.n ? span_head(helo, at + 1) : helo;
}

static void ask(const struct request *r, struct guard_question *out_q)
{
    *out_q = (struct guard_question){
        .stage = stage_of(r->state),
        .greeting = greeting_of(r->helo),
        .is_helo = is_helo(r),
        .authenticated = r->sasl_username.n != 0 || r->sasl_method.n != 0,
        .sender = r->sender,
        .transaction = r->instance,
    };
    /* Postfix cannot prepend once the message is there. */
    out_q->takes_field = out_q->stage == GUARD_AT_RCPT || out_q->stage == GUARD_AT_DATA;
    if (!ip_addr_parse(r->client, &out_q->client))
        out_q->client = (struct ip_addr){.family = IP_NONE};
}

enum guard_need guard_policy_read(span in, size_t *out_used, struct guard_question *out_q)
{
    struct request r = {0};
    span rest = in, line;
    unsigned lines = 0;

    while (span_has(rest, '\n')) {
        size_t equals;

        (void)span_line(&rest, &line);
        if (line.n == 0 && r.is_ours) {
            *out_used = in.n - rest.n;
            ask(&r, out_q);
            return GUARD_ASK;
        }
        equals = span_find(line, '=');
        if (equals == line.n || ++lines > GUARD_POLICY_ATTRS_MAX ||
            in.n - rest.n > GUARD_POLICY_REQUEST_BYTES)
            return GUARD_END;
        take_attribute(&r, span_head(line, equals), span_skip(line, equals + 1));
    }
    return in.n > GUARD_POLICY_REQUEST_BYTES ? GUARD_END : GUARD_MORE;
}

void guard_policy_put(struct buf *b, const struct guard_answer *a)
{
    buf_put(b, SPAN("action="));
    if (a->action != GUARD_ACCEPT) {
        buf_put_u64(b, a->code);
        buf_putc(b, ' ');
        buf_put(b, a->enhanced);
        buf_putc(b, ' ');
        guard_put_line(b, a->text, SPAN(" "));
    } else if (a->field.n != 0) {
        buf_put(b, SPAN("PREPEND "));
        guard_put_field(b, a->field, SPAN(": "), SPAN_NONE);
    } else {
        buf_put(b, SPAN("DUNNO"));
    }
    buf_put(b, SPAN("\n\n"));
}
