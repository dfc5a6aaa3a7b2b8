/* SPDX-License-Identifier: ISC */
/* A record of the ledger, for a person and for a program. What strangers said is escaped. */
#include "base/escape.h"
#include "base/num.h"
#include "cli/trace.h"
#include "greeting/judge.h"
#include "os/clock.h"
#include "queue/record.h"

#define TEXT_BYTES (8u * LEDGER_TEXT_BYTES)

static const char *const kind_words[LEDGER_KIND_COUNT] = {"session", "verdict", "delivery"};
static const char *const verb_words[LEDGER_VERB_COUNT] = {"HELO", "EHLO", "LHLO"};
static const char *const flag_words[] = {"trusted", "submission", "lmtp", "early"};

static const char *verb_of(const struct ledger_note *n)
{
    return n->detail < LEDGER_VERB_COUNT ? verb_words[n->detail] : "?";
}

static span action_of(const struct ledger_note *n)
{
    return n->detail <= GREETING_REFUSE ? greeting_action_word((enum greeting_action)n->detail)
                                        : SPAN("?");
}

static const char *state_of(const struct ledger_note *n)
{
    return n->detail < RECORD_STATE_COUNT ? record_state_text((enum record_state)n->detail) : "?";
}

static uint64_t id_of(const struct ledger_note *n)
{
    struct unpack u = unpack_over(n->text);

    return unpack_u64(&u);
}

/* The facts of a note; false when another version wrote them. */
static bool facts_of(const struct ledger_note *n, struct greeting_facts *out)
{
    struct unpack u = unpack_over(n->text);

    return greeting_facts_unpack(&u, out) && unpack_done(&u);
}

/* ---- JSON ---- */

static void put_json(FILE *out, const char *key, span value)
{
    char memory[TEXT_BYTES];
    struct buf b = BUF_OVER(memory);

    escape_json(&b, value);
    fprintf(out, ",\"%s\":%.*s", key, SPAN_ARG(buf_span(&b)));
}

static void put_facts_json(FILE *out, const struct ledger_note *n)
{
    struct greeting_facts f;

    if (!facts_of(n, &f)) {
        fputs(",\"facts\":null", out);
        return;
    }
    fputs(",\"facts\":{", out);
    for (unsigned i = 0; i < GREETING_FACT_COUNT; i++)
        fprintf(out, "\"%.*s\":\"%.*s\",", SPAN_ARG(greeting_fact_name((enum greeting_fact)i)),
                SPAN_ARG(greeting_fact_word(&f, (enum greeting_fact)i)));
    fprintf(out,
            "\"history\":{\"first_seen\":%lld,\"last_seen\":%lld,\"times\":%u,"
            "\"times_network\":%u,\"names_hour\":%u,\"names_day\":%u,\"networks\":%u,"
            "\"refused\":%u}}",
            (long long)f.history.first_seen_s, (long long)f.history.last_seen_s, f.history.times,
            f.history.times_network, f.history.names_hour, f.history.names_day, f.history.networks,
            f.history.refused);
}

static void put_detail_json(FILE *out, const struct ledger_note *n)
{
    if (n->type == LEDGER_GREETING)
        fprintf(out, ",\"verb\":\"%s\"", verb_of(n));
    if (n->type == LEDGER_JUDGED)
        put_json(out, "action", action_of(n));
    if (n->type == LEDGER_FINDING)
        fprintf(out, ",\"enforced\":%s", n->detail != 0 ? "true" : "false");
    if (n->type == LEDGER_STATE)
        fprintf(out, ",\"state\":\"%s\"", state_of(n));
    if (n->number != 0)
        fprintf(out, ",\"number\":%u", n->number);
    if (n->type == LEDGER_FACTS)
        put_facts_json(out, n);
    else if (n->type == LEDGER_MESSAGE)
        put_json(out, "id", span_cstr(num_id_text(id_of(n)).text));
    else
        put_json(out, "text", n->text);
}

static void put_notes_json(FILE *out, span notes)
{
    struct unpack u = unpack_over(notes);
    struct ledger_note n;
    const char *comma = "";

    fputs(",\"notes\":[", out);
    while (ledger_note_next(&u, &n)) {
        if (n.type >= LEDGER_NOTE_COUNT)
            continue;
        fprintf(out, "%s{\"what\":\"%.*s\"", comma,
                SPAN_ARG(ledger_note_word((enum ledger_note_type)n.type)));
        put_detail_json(out, &n);
        putc('}', out);
        comma = ",";
    }
    putc(']', out);
}

static void put_client_json(FILE *out, const struct ledger_record *r)
{
    char memory[IP_TEXT_BYTES];
    struct buf b = BUF_OVER(memory);
    const char *comma = "";

    ip_addr_put(&b, r->client);
    if (r->client.family != IP_NONE)
        put_json(out, "client", buf_span(&b));
    fputs(",\"flags\":[", out);
    for (size_t i = 0; i < COUNT(flag_words); i++) {
        if ((r->flags & 1u << i) == 0)
            continue;
        fprintf(out, "%s\"%s\"", comma, flag_words[i]);
        comma = ",";
    }
    putc(']', out);
}

void cli_trace_show_json(FILE *out, const struct ledger_record *r)
{
    bool delivery = r->kind == LEDGER_DELIVERY;
    char time[CLOCK_RFC3339_BYTES + 1];

    clock_rfc3339(r->time_ms, time);
    fprintf(out, "{\"kind\":\"%s\",\"time\":\"%s\"", kind_words[r->kind], time);
    put_json(out, delivery ? "message" : "session", span_cstr(num_id_text(r->id).text));
    if (delivery || r->count > 1)
        put_json(out, delivery ? "session" : "last_session",
                 span_cstr(num_id_text(r->last_id).text));
    fprintf(out, ",\"count\":%u,\"duration_ms\":%u", r->count, r->duration_ms);
    put_client_json(out, r);
    put_notes_json(out, r->notes);
    fputs("}\n", out);
}

void cli_trace_show_use_json(FILE *out, span exemption, uint64_t times, const char *last)
{
    fprintf(out, "{\"times\":%llu", (unsigned long long)times);
    if (last != NULL)
        put_json(out, "last", span_cstr(last));
    else
        fputs(",\"last\":null", out);
    put_json(out, "exemption", exemption);
    fputs("}\n", out);
}

/* ---- for a person ---- */

static void put_shown(FILE *out, span s)
{
    char memory[TEXT_BYTES];
    struct buf b = BUF_OVER(memory);

    escape_text(&b, s, LEDGER_TEXT_BYTES);
    fprintf(out, "%.*s", SPAN_ARG(buf_span(&b)));
}

static void put_named(FILE *out, const char *name, span value)
{
    fprintf(out, "  %-12s", name);
    put_shown(out, value);
    putc('\n', out);
}

static void put_facts(FILE *out, const struct ledger_note *n)
{
    struct greeting_facts f;
    size_t column = 0;

    if (!facts_of(n, &f)) {
        put_named(out, "facts", SPAN("written by another version"));
        return;
    }
    for (unsigned i = 0; i < GREETING_FACT_COUNT; i++) {
        span name = greeting_fact_name((enum greeting_fact)i);
        span word = greeting_fact_word(&f, (enum greeting_fact)i);

        if (span_eq(word, SPAN("na")))
            continue;
        if (column == 0)
            fprintf(out, "  %-12s", i == 0 ? "facts" : "");
        fprintf(out, "%.*s=%.*s", SPAN_ARG(name), SPAN_ARG(word));
        column = (column + 1) % 5;
        putc(column == 0 ? '\n' : ' ', out);
    }
    if (column != 0)
        putc('\n', out);
    if (f.history.times + f.history.names_day + f.history.networks == 0)
        return;
    fprintf(out,
            "  %-12sthis name from there %u time%s (refused %u), from its network %u; "
            "names from there %u in an hour, %u in a day; the name from %u network%s\n",
            "before", f.history.times, f.history.times == 1 ? "" : "s", f.history.refused,
            f.history.times_network, f.history.names_hour, f.history.names_day, f.history.networks,
            f.history.networks == 1 ? "" : "s");
}

/* A reply may have several lines. */
static void put_reply(FILE *out, const struct ledger_note *n)
{
    span rest = n->text, line;
    const char *name = "reply";

    while (span_split(&rest, '\n', &line)) {
        fprintf(out, "  %-12s", name);
        if (n->number != 0)
            fprintf(out, "%u ", n->number);
        put_shown(out, line);
        putc('\n', out);
        name = "";
    }
}

static void put_path(FILE *out, const char *name, const struct ledger_note *n)
{
    fprintf(out, "  %-12s<", name);
    put_shown(out, n->text);
    putc('>', out);
    if (n->number != 0)
        fprintf(out, "  %u", n->number);
    putc('\n', out);
}

static void put_judged(FILE *out, const struct ledger_note *n)
{
    fprintf(out, "  %-12s%.*s %u", "verdict", SPAN_ARG(action_of(n)), n->number);
    if (n->text.n != 0)
        putc(' ', out);
    put_shown(out, n->text);
    putc('\n', out);
}

static void put_note(FILE *out, const struct ledger_note *n)
{
    span word = ledger_note_word((enum ledger_note_type)n->type);

    switch ((enum ledger_note_type)n->type) {
    case LEDGER_GREETING:
        fprintf(out, "  %-12s%s ", "greeting", verb_of(n));
        put_shown(out, n->text);
        fprintf(out, "  %u\n", n->number);
        break;
    case LEDGER_FACTS:
        put_facts(out, n);
        break;
    case LEDGER_FINDING:
        fprintf(out, "  %-12s", "found");
        put_shown(out, n->text);
        fputs(n->detail != 0 ? "  enforced\n" : "\n", out);
        break;
    case LEDGER_JUDGED:
        put_judged(out, n);
        break;
    case LEDGER_REPLY:
        put_reply(out, n);
        break;
    case LEDGER_SENDER:
    case LEDGER_RCPT:
        put_path(out, n->type == LEDGER_SENDER ? "sender" : "recipient", n);
        break;
    case LEDGER_MESSAGE:
        fprintf(out, "  %-12s%s  %u\n", "message", num_id_text(id_of(n)).text, n->number);
        break;
    case LEDGER_STATE:
        put_named(out, "outcome", span_cstr(state_of(n)));
        break;
    case LEDGER_ATTEMPTS:
    case LEDGER_MESSAGES:
    case LEDGER_ERRORS:
        fprintf(out, "  %-12.*s%u\n", SPAN_ARG(word), n->number);
        break;
    case LEDGER_MORE:
        put_named(out, "more", SPAN("there was more than is kept"));
        break;
    case LEDGER_LISTENER:
    case LEDGER_TLS:
    case LEDGER_USER:
    case LEDGER_HOST:
    case LEDGER_PTR:
    case LEDGER_FREED:
    case LEDGER_EXEMPT:
    case LEDGER_REF:
    case LEDGER_DESTINATION:
    case LEDGER_REMOTE:
    case LEDGER_OUTCOME:
    case LEDGER_NOTE_COUNT:
        fprintf(out, "  %-12.*s", SPAN_ARG(word));
        put_shown(out, n->text);
        putc('\n', out);
        break;
    }
}

static void put_heading(FILE *out, const struct ledger_record *r)
{
    char memory[IP_TEXT_BYTES], time[CLOCK_RFC3339_BYTES + 1];
    struct buf client = BUF_OVER(memory);

    clock_rfc3339(r->time_ms, time);
    ip_addr_put(&client, r->client);
    fprintf(out, "%s  %-8s %s", time, kind_words[r->kind], num_id_text(r->id).text);
    if (r->client.family != IP_NONE)
        fprintf(out, "  %.*s", SPAN_ARG(buf_span(&client)));
    for (size_t i = 0; i < COUNT(flag_words); i++)
        if ((r->flags & 1u << i) != 0)
            fprintf(out, "  %s", flag_words[i]);
    if (r->count > 1)
        fprintf(out, "  %u sessions that are alike, up to %s", r->count,
                num_id_text(r->last_id).text);
}

void cli_trace_show_whole(FILE *out, const struct ledger_record *r)
{
    struct unpack u = unpack_over(r->notes);
    struct ledger_note n;

    put_heading(out, r);
    if (r->kind == LEDGER_DELIVERY)
        fprintf(out, "  of session %s", num_id_text(r->last_id).text);
    else if (r->kind == LEDGER_SESSION)
        fprintf(out, "  %u.%03u s", r->duration_ms / 1000, r->duration_ms % 1000);
    putc('\n', out);
    while (ledger_note_next(&u, &n))
        if (n.type < LEDGER_NOTE_COUNT)
            put_note(out, &n);
}

void cli_trace_show_line(FILE *out, const struct ledger_record *r)
{
    struct unpack u = unpack_over(r->notes);
    struct ledger_note n;

    put_heading(out, r);
    while (ledger_note_next(&u, &n)) {
        if (n.type != LEDGER_GREETING && n.type != LEDGER_JUDGED && n.type != LEDGER_REF)
            continue;
        fputs("  ", out);
        if (n.type == LEDGER_JUDGED)
            fprintf(out, "%.*s ", SPAN_ARG(action_of(&n)));
        put_shown(out, n.text);
    }
    putc('\n', out);
}
