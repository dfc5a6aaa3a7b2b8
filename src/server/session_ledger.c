/* SPDX-License-Identifier: ISC */
#include "server/session_ledger.h"

#include "os/clock.h"
#include "server/session_inner.h"

static struct ledger_client *ledger_of(struct session *ss)
{
    return &ss->d->ledger;
}

static bool is_from_outside(const struct session *ss)
{
    return !ss->trusted && ss->port->config->role == CONFIG_ROLE_MX;
}

void session_ledger_begin(struct session *ss)
{
    notes_begin(&ss->ledger.notes);
    /* With implicit TLS it is the client who begins. */
    ss->ledger.early = is_from_outside(ss) && ss->port->config->tls != CONFIG_TLS_IMPLICIT &&
                       conn_has_input(&ss->conn);
}

/* ---- notes ---- */

static void add(struct session *ss, const struct ledger_note *n)
{
    if (ledger_of(ss)->on)
        notes_add(&ss->ledger.notes, n);
}

void session_note(struct session *ss, enum ledger_note_type type, unsigned number, span text)
{
    add(ss, &(struct ledger_note){.type = type, .number = number, .text = text});
}

void session_note_greeting(struct session *ss, const struct greet *g, unsigned code)
{
    static const enum ledger_verb verbs[] = {
        [SMTP_GREETING_HELO] = LEDGER_HELO,
        [SMTP_GREETING_EHLO] = LEDGER_EHLO,
        [SMTP_GREETING_LHLO] = LEDGER_LHLO,
    };
    enum smtp_greeting_verb verb = greet_is_helo(g) ? SMTP_GREETING_HELO
                                   : ss->port->config->role == CONFIG_ROLE_LMTP
                                       ? SMTP_GREETING_LHLO
                                       : SMTP_GREETING_EHLO;

    add(ss, &(struct ledger_note){
                .type = LEDGER_GREETING,
                .detail = verbs[verb],
                .number = code,
                .text = greet_name(g),
            });
}

void session_note_tls(struct session *ss)
{
    char memory[LEDGER_TEXT_BYTES];
    struct buf b = BUF_OVER(memory);
    struct tls_facts facts;

    tls_facts(&ss->conn, &facts);
    buf_printf(&b, "%s %s", facts.protocol, facts.cipher);
    session_note(ss, LEDGER_TLS, 0, buf_span(&b));
}

void session_note_message(struct session *ss, uint64_t id, unsigned code)
{
    char memory[8];
    struct buf b = BUF_OVER(memory);

    pack_u64(&b, id);
    session_note(ss, LEDGER_MESSAGE, code, buf_span(&b));
}

/* ---- records ---- */

static unsigned flags_of(const struct session *ss)
{
    return (ss->trusted ? LEDGER_TRUSTED : 0u) |
           (ss->port->config->role == CONFIG_ROLE_SUBMISSION ? LEDGER_SUBMISSION : 0u) |
           (ss->port->config->role == CONFIG_ROLE_LMTP ? LEDGER_LMTP : 0u) |
           (ss->ledger.early ? LEDGER_EARLY : 0u);
}

static void record(struct session *ss, enum ledger_kind kind)
{
    int64_t now_ms = clock_wall_ms();
    int64_t begun_ms = ident_wall_ms(ss->id);
    int64_t took_ms = now_ms > begun_ms ? now_ms - begun_ms : 0;
    struct ledger_record r = {
        .kind = kind,
        .id = ss->id,
        .last_id = ss->id,
        .count = 1,
        .time_ms = begun_ms,
        .duration_ms = took_ms < UINT32_MAX ? (uint32_t)took_ms : UINT32_MAX,
        .client = session_ip(ss),
        .flags = flags_of(ss),
        .notes = heap_span(&ss->ledger.notes.packed),
    };

    ledger_client_add(ledger_of(ss), &r);
}

void session_new_ref(struct session *ss)
{
    ledger_ref_text(ledger_client_ref(ledger_of(ss), ss->id, ss->d->next_ref++), ss->ledger.ref);
}

void session_note_verdict(struct session *ss, const struct greet *g,
                          const struct greeting_verdict *v)
{
    if (ledger_of(ss)->on)
        notes_verdict(&ss->ledger.notes, g, v, &ss->d->config->greeting.policy);
}

void session_record_verdict(struct session *ss)
{
    record(ss, LEDGER_VERDICT);
}

void session_ledger_end(struct session *ss, span why)
{
    struct session_ledger *l = &ss->ledger;

    session_note(ss, LEDGER_LISTENER, 0, ss->port->config->name);
    if (ss->messages != 0)
        session_note(ss, LEDGER_MESSAGES, ss->messages, SPAN_NONE);
    if (ss->smtp.errors != 0)
        session_note(ss, LEDGER_ERRORS, ss->smtp.errors, SPAN_NONE);
    session_note(ss, LEDGER_OUTCOME, 0, why);
    if (ledger_of(ss)->on)
        record(ss, LEDGER_SESSION);
    notes_end(&l->notes);
}
