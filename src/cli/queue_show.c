/* SPDX-License-Identifier: ISC */
/* A message of the queue, for a person and for a program. */
#include "base/escape.h"
#include "base/num.h"
#include "cli/queue.h"
#include "os/clock.h"
#include "smtp/param.h"

#define TEXT_BYTES (8u << 10)

/* ---- JSON ---- */

static void put_text(FILE *out, const char *key, span value)
{
    char memory[TEXT_BYTES];
    struct buf b = BUF_OVER(memory);

    escape_json(&b, value);
    fprintf(out, "\"%s\":%.*s", key, SPAN_ARG(buf_span(&b)));
}

/* A wall clock time, or null. */
static void put_time(FILE *out, const char *key, int64_t wall_ms)
{
    char text[CLOCK_RFC3339_BYTES + 1];

    if (wall_ms <= 0) {
        fprintf(out, "\"%s\":null", key);
        return;
    }
    clock_rfc3339(wall_ms, text);
    fprintf(out, "\"%s\":\"%s\"", key, text);
}

/* Queue time as wall clock, as of the answer. */
static int64_t wall_of(int64_t at_q, const struct ctl_reply *at)
{
    return at->now_ms + (at_q - at->now_q);
}

/* ---- what the sender asked of reports (RFC 3461) ---- */

static span ret_of(const struct envelope *e)
{
    if ((e->flags & ENVELOPE_RET_FULL) != 0)
        return SPAN("FULL");
    return (e->flags & ENVELOPE_RET_HDRS) != 0 ? SPAN("HDRS") : SPAN_NONE;
}

static span notify_of(const struct record_rcpt *r, struct buf *b)
{
    smtp_notify_put(b, r->notify);
    return buf_span(b);
}

/* As it was meant. */
static span decoded(span xtext, struct buf *b)
{
    smtp_xtext_put_decoded(b, xtext);
    return buf_span(b);
}

static void put_rcpt_json(FILE *out, const struct record_rcpt *r, const struct ctl_reply *at)
{
    bool waits = r->state == RECORD_WAITING;
    char words[64], given[ENVELOPE_ORCPT_BYTES];
    struct buf notify = BUF_OVER(words), orcpt = BUF_OVER(given);

    putc('{', out);
    put_text(out, "address", r->address);
    putc(',', out);
    put_text(out, "original", r->original);
    putc(',', out);
    put_text(out, "orcpt", decoded(r->orcpt, &orcpt));
    putc(',', out);
    put_text(out, "notify", notify_of(r, &notify));
    fprintf(out, ",\"state\":\"%s\",\"attempts\":%u,", record_state_text(r->state),
            (unsigned)r->attempts);
    put_time(out, "next", waits ? wall_of(r->next_q, at) : 0);
    putc(',', out);
    put_time(out, "tried", r->tried_ms);
    putc(',', out);
    put_text(out, "destination", r->dest);
    fprintf(out, ",\"code\":%u,", (unsigned)r->code);
    put_text(out, "status", r->status);
    putc(',', out);
    put_text(out, "host", r->mta);
    putc(',', out);
    put_text(out, "reply", r->reply);
    putc('}', out);
}

/* The envelope of a record that record_get passed. */
static struct envelope envelope_of(const struct record *r)
{
    struct envelope e = {0};

    BUG_IF(envelope_get(r->envelope, &e) != ERR_OK, "a record was read without its envelope");
    return e;
}

void cli_queue_show_json(FILE *out, const struct record *r, const struct ctl_reply *at)
{
    struct envelope e = envelope_of(r);
    struct unpack u = unpack_over(r->rcpts);
    struct record_rcpt rcpt;
    const char *between = "";
    char given[ENVELOPE_ENVID_BYTES];
    struct buf envid = BUF_OVER(given);

    fprintf(out, "{\"id\":\"%s\",\"session\":\"%s\",", num_id_text(r->id).text,
            num_id_text(e.session).text);
    put_time(out, "received", e.received_ms);
    putc(',', out);
    put_time(out, "expires", wall_of(r->expires_q, at));
    fprintf(out, ",\"size\":%llu,", (unsigned long long)r->size);
    put_text(out, "sender", e.sender);
    putc(',', out);
    put_text(out, "client", e.client);
    putc(',', out);
    put_text(out, "greeting", e.greeting);
    putc(',', out);
    put_text(out, "envid", decoded(e.envid, &envid));
    putc(',', out);
    put_text(out, "ret", ret_of(&e));
    fputs(",\"recipients\":[", out);
    while (record_next_rcpt(&u, &rcpt)) {
        fputs(between, out);
        put_rcpt_json(out, &rcpt, at);
        between = ",";
    }
    fputs("]}\n", out);
}

/* ---- for a person ---- */

/* "3m", "2h", "5d": the largest unit that gives a number of 2 or more. */
struct short_time {
    char text[24];
};

static struct short_time short_time(int64_t ms)
{
    static const struct {
        int64_t ms;
        char unit;
    } units[] = {{86400000, 'd'}, {3600000, 'h'}, {60000, 'm'}, {1000, 's'}};
    struct short_time t = {"0s"};

    for (size_t i = 0; i < COUNT(units); i++) {
        if (ms < (i + 1 < COUNT(units) ? 2 : 1) * units[i].ms)
            continue;
        snprintf(t.text, sizeof(t.text), "%lld%c", (long long)(ms / units[i].ms), units[i].unit);
        break;
    }
    return t;
}

static struct short_time short_size(uint64_t n)
{
    static const char units[] = " KMGT";
    struct short_time t;
    size_t unit = 0;

    for (; n >= 10240 && unit + 2 < sizeof(units); unit++)
        n /= 1024;
    snprintf(t.text, sizeof(t.text), unit == 0 ? "%llu" : "%llu%c", (unsigned long long)n,
             units[unit]);
    return t;
}

static void put_shown(FILE *out, span s)
{
    char memory[TEXT_BYTES];
    struct buf b = BUF_OVER(memory);

    escape_text(&b, s, JOB_REPLY_BYTES);
    fprintf(out, "%.*s", SPAN_ARG(buf_span(&b)));
}

static void put_rcpt(FILE *out, const struct record_rcpt *r, const struct ctl_reply *at)
{
    fprintf(out, "    %-9s ", record_state_text(r->state));
    put_shown(out, r->address);
    if (r->state == RECORD_WAITING && r->next_q > at->now_q)
        fprintf(out, "  next try in %s", short_time(r->next_q - at->now_q).text);
    else if (r->state == RECORD_WAITING)
        fputs("  now", out);
    if (r->attempts != 0)
        fprintf(out, "  tried %u time%s", (unsigned)r->attempts, r->attempts == 1 ? "" : "s");
    putc('\n', out);
    if (r->reply.n == 0 && r->mta.n == 0)
        return;
    fputs("              ", out);
    if (r->mta.n != 0) {
        put_shown(out, r->mta);
        fputs(": ", out);
    }
    if (r->code != 0)
        fprintf(out, "%u ", (unsigned)r->code);
    put_shown(out, r->reply);
    putc('\n', out);
}

static void put_sender(FILE *out, span sender)
{
    if (sender.n == 0)
        fputs("<>", out);
    put_shown(out, sender);
}

void cli_queue_show_line(FILE *out, const struct record *r, const struct ctl_reply *at)
{
    struct envelope e = envelope_of(r);
    struct unpack u = unpack_over(r->rcpts);
    struct record_rcpt rcpt;

    fprintf(out, "%s  %4s  %6s  ", num_id_text(r->id).text,
            short_time(at->now_ms - e.received_ms).text, short_size(r->size).text);
    put_sender(out, e.sender);
    putc('\n', out);
    while (record_next_rcpt(&u, &rcpt))
        put_rcpt(out, &rcpt, at);
}

static void put_field(FILE *out, const char *name, span value)
{
    if (value.n == 0)
        return;
    fprintf(out, "%-12s", name);
    put_shown(out, value);
    putc('\n', out);
}

static void put_indented(FILE *out, const char *word, span value)
{
    if (value.n == 0)
        return;
    fprintf(out, "              %s ", word);
    put_shown(out, value);
    putc('\n', out);
}

static void put_rcpt_whole(FILE *out, const struct record_rcpt *r, const struct ctl_reply *at)
{
    char words[64], given[ENVELOPE_ORCPT_BYTES];
    struct buf notify = BUF_OVER(words), orcpt = BUF_OVER(given);

    put_rcpt(out, r, at);
    put_indented(out, "by", r->dest);
    put_indented(out, "notify", notify_of(r, &notify));
    put_indented(out, "orcpt", decoded(r->orcpt, &orcpt));
}

void cli_queue_show_whole(FILE *out, const struct record *r, const struct ctl_reply *at)
{
    struct envelope e = envelope_of(r);
    struct unpack u = unpack_over(r->rcpts);
    struct record_rcpt rcpt;
    char text[CLOCK_RFC3339_BYTES + 1], given[ENVELOPE_ENVID_BYTES];
    struct buf envid = BUF_OVER(given);

    fprintf(out, "%-12s%s\n", "message", num_id_text(r->id).text);
    fprintf(out, "%-12s%s\n", "session", num_id_text(e.session).text);
    clock_rfc3339(e.received_ms, text);
    fprintf(out, "%-12s%s\n", "received", text);
    clock_rfc3339(wall_of(r->expires_q, at), text);
    fprintf(out, "%-12s%s\n", "expires", text);
    fprintf(out, "%-12s%llu octets\n", "size", (unsigned long long)r->size);
    fprintf(out, "%-12s", "sender");
    put_sender(out, e.sender);
    putc('\n', out);
    put_field(out, "client", e.client);
    put_field(out, "greeting", e.greeting);
    put_field(out, "login", e.auth);
    put_field(out, "envid", decoded(e.envid, &envid));
    put_field(out, "ret", ret_of(&e));
    fputs("recipients\n", out);
    while (record_next_rcpt(&u, &rcpt))
        put_rcpt_whole(out, &rcpt, at);
}
