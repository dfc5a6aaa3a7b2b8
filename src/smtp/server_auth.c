/* SPDX-License-Identifier: ISC */
/*
 * AUTH (RFC 4954): the command, the lines of an exchange, and memory for those that are long.
 * What was read is decoded where it stands and wiped when its event was answered.
 */
#include "base/ascii.h"
#include "base/base64.h"
#include "smtp/server_impl.h"

/* ---- lines ---- */

/* The line under way, of which `piece` comes next, is an AUTH command. */
static bool is_auth_command(const struct smtp_server *s, span piece)
{
    static const span verb = SPAN_INIT("AUTH ");
    char head[8];
    size_t n = min_size(s->line_n, verb.n);
    size_t more = min_size(piece.n, verb.n - n);

    memcpy(head, s->line, n);
    if (more > 0)
        memcpy(head + n, piece.p, more);
    return span_ieq(span_of(head, n + more), verb);
}

size_t smtp_server_line_limit(struct smtp_server *s, span piece)
{
    bool is_step = s->state == SMTP_SERVER_AUTH;
    bool offered = is_step || (smtp_server_announced(s) & SMTP_EXT_AUTH) != 0;

    /* Also where it is not offered, and until the line is whole: it is a secret all the same. */
    if (is_step || is_auth_command(s, piece))
        s->secret = s->saw_secret = true;
    return s->secret && offered ? SMTP_AUTH_LINE_BYTES : s->conf->command_line;
}

void smtp_server_line_done(struct smtp_server *s)
{
    if (s->secret)
        explicit_bzero(s->line, s->line_cap);
    s->secret = false;
    s->line = s->own_line;
    s->line_cap = sizeof(s->own_line);
}

void smtp_server_lend(struct smtp_server *s, char *memory)
{
    BUG_IF(!s->pending || s->ev.kind != SMTP_EVENT_LONG_LINE, "memory that nobody asked for");
    s->pending = false;
    s->since_ms = -1;
    if (memory == NULL) {
        s->swallow = true;
        return;
    }
    memcpy(memory, s->own_line, s->line_n);
    explicit_bzero(s->own_line, sizeof(s->own_line));
    s->line = memory;
    s->line_cap = SMTP_AUTH_LINE_BYTES;
}

bool smtp_server_borrows(const struct smtp_server *s)
{
    return s->line != s->own_line;
}

/* ---- the exchange ---- */

/* Decode `text`, which stands in the line, in place. */
static bool decode(struct smtp_server *s, span text, span *out_octets)
{
    struct buf b = buf_over(s->line + (text.p - s->line), text.n);

    if (!base64_take(&b, text))
        return false;
    *out_octets = buf_span(&b);
    return true;
}

/* The mechanism as announced; false: it is none. */
static bool find_mechanism(const struct smtp_server *s, span name, span *out_mechanism)
{
    span rest = s->conf->auth_mechanisms;
    span word;

    while (span_split(&rest, ' ', &word)) {
        if (word.n > 0 && span_ieq(word, name)) {
            *out_mechanism = word;
            return true;
        }
    }
    return false;
}

/* The initial response, if there is one; false: it is no base64. */
static bool take_initial(struct smtp_server *s, span text)
{
    s->ev.initial_given = text.n > 0;
    return text.n == 0 || span_eq(text, SPAN("=")) || decode(s, text, &s->ev.argument);
}

void smtp_server_auth(struct smtp_server *s, span arg)
{
    span name = span_head(arg, span_find(arg, ' '));
    span initial = span_trim(span_skip(arg, name.n));

    if (s->authenticated)
        smtp_server_say(s, SMTP_SAY(503, "5.5.1", "you are logged in already"));
    else if (name.n == 0)
        smtp_server_say(s, SMTP_SAY(501, "5.5.4", "a mechanism must follow"));
    else if (!find_mechanism(s, name, &s->ev.mechanism))
        smtp_server_say(s, SMTP_SAY(504, "5.5.4", "that mechanism is not offered here"));
    else if (!take_initial(s, initial))
        smtp_server_say(s, SMTP_SAY(501, "5.5.2", "the response is no base64"));
    else if (smtp_server_junk(s))
        smtp_server_ask(s, SMTP_EVENT_AUTH, SMTP_SAY(535, "5.7.8", "that login is not known"));
}

void smtp_server_auth_line(struct smtp_server *s, span line, struct smtp_reply fault)
{
    if (fault.code != 0)
        fault.enhanced = SPAN("5.5.6");
    else if (span_eq(line, SPAN("*")))
        fault = SMTP_SAY(501, "5.7.0", "the login was cancelled");
    else if (!decode(s, line, &s->ev.argument))
        fault = SMTP_SAY(501, "5.5.2", "the response is no base64");
    if (fault.code != 0)
        smtp_server_ask(s, SMTP_EVENT_AUTH_CANCEL, fault);
    else
        smtp_server_ask(s, SMTP_EVENT_AUTH_STEP, SMTP_SAY(535, "5.7.8", "that login is not known"));
}

void smtp_server_auth_settle(struct smtp_server *s, struct smtp_reply reply)
{
    BUG_IF(reply.code / 100 == 2 && (reply.code != 235 || s->ev.kind == SMTP_EVENT_AUTH_CANCEL),
           "a login is answered 235 or refused");
    s->authenticated = reply.code == 235;
    smtp_server_enter(s, SMTP_SERVER_GREETED);
    if (s->ev.kind == SMTP_EVENT_AUTH_CANCEL)
        smtp_server_say(s, reply);
    else
        smtp_reply_put(s->out, reply, SMTP_REPLY_ENHANCED);
}

void smtp_server_challenge(struct smtp_server *s, span octets)
{
    bool asked = s->ev.kind == SMTP_EVENT_AUTH || s->ev.kind == SMTP_EVENT_AUTH_STEP;

    BUG_IF(!s->pending || !asked, "a challenge to no login");
    BUG_IF(octets.n > SMTP_CHALLENGE_MAX_BYTES, "a challenge that is too long");
    s->pending = false;
    buf_put(s->out, SPAN("334 "));
    base64_put(s->out, octets);
    buf_put(s->out, SPAN("\r\n"));
    smtp_server_enter(s, SMTP_SERVER_AUTH);
    smtp_server_line_done(s);
}
