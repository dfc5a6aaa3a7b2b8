/* SPDX-License-Identifier: ISC */
/*
 * Mail without a greeting (RFC 5321 4.1.4): most often a client that forgot to greet again after
 * STARTTLS. The engine refuses it whatever the policy; here it gets its words, and a record.
 */
#include "explain/knowledge.h"
#include "server/session_inner.h"

/* What the judge says of a greeting that is not there; no look-up could change it. */
static void judge(const struct session *ss, struct greeting_verdict *out)
{
    struct greeting_facts f = {.traits = TRAIT_MISSING};
    struct greeting_session s = {.client = session_ip(ss), .trusted = ss->trusted};

    f.value[FACT_SYNTAX] = SYNTAX_INVALID;
    f.value[FACT_FORM] = FORM_EMPTY;
    greeting_judge(&f, &ss->d->config->greeting.policy, &s, out);
}

/* Once a session: what comes after it is the same mistake. */
static void note(struct session *ss, const struct greeting_verdict *v)
{
    struct log_line l;

    if (ss->ungreeted)
        return;
    ss->ungreeted = true;
    session_new_ref(ss);
    l = session_log(ss, LOG_GREETING_JUDGED, LOG_INFO);
    log_str(&l, KEY_VERDICT, greeting_action_word(v->action));
    log_str(&l, KEY_CHECK, v->cause);
    log_str(&l, KEY_STAGE, greeting_stage_word(v->stage));
    log_num(&l, KEY_CODE, v->code);
    log_cstr(&l, KEY_REFERENCE, ss->ledger.ref);
    log_end(&l);
    if (ss->d->ledger.on) {
        notes_finding(&ss->ledger.notes, v->cause, true);
        notes_decision(&ss->ledger.notes, v);
    }
    session_note(ss, LEDGER_REF, 0, span_cstr(ss->ledger.ref));
}

bool session_on_ungreeted(struct session *ss, const struct smtp_event *ev)
{
    char memory[EXPLAIN_REPLY_BYTES], room[GREET_REPLY_BYTES];
    struct buf lines = BUF_OVER(memory), text = BUF_OVER(room);
    struct explain_facts f = {.server = ss->d->config->hostname};
    const struct explain_page *page;
    struct explain_reply r = {.lines = 0};
    struct greeting_verdict v;
    bool first = !ss->ungreeted;

    /* Of LMTP the page does not speak. */
    if (ss->port->config->role == CONFIG_ROLE_LMTP) {
        smtp_server_answer(&ss->smtp, ev->reply);
        return true;
    }
    judge(ss, &v);
    note(ss, &v);
    page = explain_page_find(v.words);
    f.reference = first ? span_cstr(ss->ledger.ref) : SPAN_NONE;
    BUG_IF(page == NULL || !explain_reply(page, &f, &lines, &r), "a cause has no words");
    for (size_t i = 0; i < r.lines; i++) {
        if (i != 0)
            buf_putc(&text, '\n');
        buf_put(&text, r.line[i]);
    }
    if (first) {
        session_note(ss, LEDGER_REPLY, v.code, buf_span(&text));
        session_record_verdict(ss);
    }
    smtp_server_answer(&ss->smtp, smtp_reply_of(v.code, v.enhanced, buf_span(&text)));
    return true;
}
