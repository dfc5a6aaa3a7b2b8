/* SPDX-License-Identifier: ISC */
/* Plays a script against the server engine, with a layer above that follows the script's rules. */
#include <stdlib.h>

#include "base/escape.h"
#include "base/num.h"
#include "script.h"
#include "smtp/server.h"

#define BODY_BYTES (256 << 10)

/* The room for output is as small as the engine allows. */
struct server_play {
    const struct script *script;
    struct playing *p;
    struct smtp_server *server;
    struct smtp_server_conf conf;
    struct smtp_server_conf conf_tls; /* in force behind "TLS" */
    char *line;                       /* lent for a long line */
    struct buf out;
    struct buf body;
    char out_room[SMTP_SERVER_ROOM_BYTES + 64];
    int64_t now_ms;
    char *held; /* input that the engine looks at, moved at every event in PLAY_BYTES */
    bool closed;
};

static void drain(struct server_play *v)
{
    buf_put(&v->p->out, buf_span(&v->out));
    buf_reset(&v->out);
}

/* A rule's reply, "550 5.1.1 text", or that of the engine. */
static struct smtp_reply ruled(const struct server_play *v, const char *what, span key,
                               struct smtp_reply otherwise)
{
    for (size_t i = 0; i < v->script->rule_count; i++) {
        struct script_rule r = v->script->rules[i];
        uint64_t code;

        if (!span_eq(r.what, span_cstr(what)) || (r.key.n > 0 && !span_ieq(r.key, key)))
            continue;
        BUG_IF(!num_parse_u64(span_head(r.reply, 3), 599, &code), "a rule without a code");
        r.reply = span_skip(r.reply, 4);
        otherwise = smtp_reply_of((unsigned)code, SPAN_NONE, r.reply);
        if (smtp_enhanced_take(r.reply, &otherwise.enhanced))
            otherwise.text = span_skip(r.reply, otherwise.enhanced.n + 1);
        break;
    }
    return otherwise;
}

static void tell(struct server_play *v, const char *what, span text)
{
    buf_put(&v->p->events, span_cstr(what));
    if (text.n > 0)
        buf_putc(&v->p->events, ' ');
    escape_text(&v->p->events, text, 2000);
    buf_putc(&v->p->events, '\n');
}

static void tell_body(struct server_play *v, const struct smtp_event *ev)
{
    if (ev->fault == SMTP_DATA_WHOLE && ev->recipient == 0)
        tell(v, "body", buf_span(&v->body));
    tell(v, "end", span_cstr(smtp_data_fault_text(ev->fault)));
    BUG_IF(ev->fault == SMTP_DATA_WHOLE && ev->size_bytes != v->body.n, "size is not that of body");
}

static struct smtp_reply judge_path(struct server_play *v, const char *what,
                                    const struct smtp_event *ev)
{
    char room[PATH_MAX_BYTES];
    struct buf b = BUF_OVER(room);

    path_put(&b, &ev->path);
    tell(v, what, buf_span(&b));
    return ruled(v, what, buf_span(&b), ev->reply);
}

/* "334 text" in a rule is a challenge. */
static void answer_login(struct server_play *v, const struct smtp_event *ev)
{
    const char *what = ev->kind == SMTP_EVENT_AUTH ? "auth" : "step";
    struct smtp_reply reply = ruled(v, what, ev->argument, ev->reply);

    if (ev->kind == SMTP_EVENT_AUTH) {
        tell(v, what, ev->mechanism);
        what = ev->initial_given ? "initial" : "no-initial";
    }
    tell(v, what, ev->argument);
    if (reply.code == 334)
        smtp_server_challenge(v->server, reply.text);
    else
        smtp_server_answer(v->server, reply);
}

/* Parameters, as far as they were given. */
static void tell_params(struct server_play *v, const struct smtp_event *ev)
{
    static const char *const bodies[] = {"", "", "8bit", "binary"};
    static const char *const rets[] = {"", "full", "hdrs"};
    struct buf *b = &v->p->events;
    size_t start = b->n;

    buf_put(b, SPAN("  with"));
    if (ev->mail.body > SMTP_BODY_7BIT)
        buf_printf(b, " %s", bodies[ev->mail.body]);
    if (ev->mail.ret != SMTP_RET_UNSAID)
        buf_printf(b, " ret-%s", rets[ev->mail.ret]);
    if (ev->mail.smtputf8)
        buf_put(b, SPAN(" utf8"));
    if (ev->mail.requiretls)
        buf_put(b, SPAN(" requiretls"));
    if (ev->mail.envid.n > 0)
        buf_printf(b, " envid=%.*s", SPAN_ARG(ev->mail.envid));
    if (ev->mail.auth.n > 0)
        buf_printf(b, " auth=%.*s", SPAN_ARG(ev->mail.auth));
    if (ev->rcpt.notify != 0)
        buf_printf(b, " notify=%u", ev->rcpt.notify);
    if (ev->rcpt.orcpt.n > 0) {
        buf_put(b, SPAN(" orcpt="));
        escape_text(b, ev->rcpt.orcpt, SMTP_ORCPT_MAX_BYTES);
    }
    if (b->n == start + 6)
        b->n = start;
    else
        buf_putc(b, '\n');
}

static void answer(struct server_play *v, const struct smtp_event *ev)
{
    struct smtp_reply reply = ev->reply;
    static const char *const plain[] = {
        [SMTP_EVENT_CONNECT] = "connect",    [SMTP_EVENT_GREETING] = "greeting",
        [SMTP_EVENT_DATA] = "data",          [SMTP_EVENT_DATA_END] = "end",
        [SMTP_EVENT_RSET] = "rset",          [SMTP_EVENT_VRFY] = "vrfy",
        [SMTP_EVENT_HELP] = "help",          [SMTP_EVENT_NOOP] = "noop",
        [SMTP_EVENT_EXPN] = "expn",          [SMTP_EVENT_ETRN] = "etrn",
        [SMTP_EVENT_STARTTLS] = "starttls",  [SMTP_EVENT_AUTH_CANCEL] = "cancel",
        [SMTP_EVENT_XCLIENT] = "xclient",    [SMTP_EVENT_XFORWARD] = "xforward",
        [SMTP_EVENT_UNGREETED] = "ungreeted"};

    if (ev->kind == SMTP_EVENT_MAIL || ev->kind == SMTP_EVENT_RCPT) {
        reply = judge_path(v, ev->kind == SMTP_EVENT_MAIL ? "mail" : "rcpt", ev);
        tell_params(v, ev);
    } else if (ev->kind == SMTP_EVENT_DATA_END) {
        tell_body(v, ev);
        if (ev->fault == SMTP_DATA_WHOLE)
            reply = ruled(v, "end", SPAN_NONE, reply);
    } else {
        tell(v, plain[ev->kind], ev->argument);
        reply = ruled(v, plain[ev->kind], ev->argument, reply);
    }
    if (ev->kind == SMTP_EVENT_DATA)
        buf_reset(&v->body);
    smtp_server_answer(v->server, reply);
}

/* Give the engine its unread input at another place: it must not look at the old one again. */
static void move_input(struct server_play *v)
{
    span rest = smtp_server_rest(v->server);
    char *fresh = malloc(rest.n + 1);

    if (rest.n > 0)
        memcpy(fresh, rest.p, rest.n);
    free(v->held);
    v->held = fresh;
    smtp_server_feed(v->server, span_of(fresh, rest.n), v->now_ms);
}

static void run(struct server_play *v)
{
    struct smtp_event ev;

    for (;;) {
        if (!smtp_server_next(v->server, &ev)) {
            bool again = smtp_server_wants_room(v->server);

            drain(v);
            if (!again)
                return;
            continue;
        }
        if (ev.kind == SMTP_EVENT_CLOSE) {
            if (!v->closed)
                tell(v, "close", span_cstr(smtp_close_text(ev.why)));
            v->closed = true;
            drain(v);
            return;
        }
        if (v->p->play == PLAY_BYTES) {
            move_input(v);
            BUG_IF(!smtp_server_next(v->server, &ev), "an event went away");
        }
        if (ev.kind == SMTP_EVENT_CHUNK) {
            buf_put(&v->body, ev.chunk);
            smtp_server_took(v->server);
        } else if (ev.kind == SMTP_EVENT_LONG_LINE) {
            free(v->line);
            v->line = malloc(SMTP_AUTH_LINE_BYTES);
            smtp_server_lend(v->server, v->line);
        } else if (ev.kind == SMTP_EVENT_AUTH || ev.kind == SMTP_EVENT_AUTH_STEP) {
            answer_login(v, &ev);
        } else {
            answer(v, &ev);
        }
    }
}

static void feed(struct server_play *v, span octets)
{
    free(v->held);
    v->held = malloc(octets.n + 1);
    memcpy(v->held, octets.p, octets.n);
    smtp_server_feed(v->server, span_of(v->held, octets.n), v->now_ms);
    run(v);
    BUG_IF(!v->closed && smtp_server_rest(v->server).n > 0, "input was left unread");
    if (!smtp_server_borrows(v->server)) {
        free(v->line);
        v->line = NULL;
    }
    free(v->held);
    v->held = NULL;
}

/* Cut the piece that begins `seen` octets into the dialogue as the play asks. */
static void feed_cut(struct server_play *v, span octets, size_t seen)
{
    size_t at = v->p->at > seen ? v->p->at - seen : 0;

    if (v->p->play == PLAY_BYTES) {
        for (size_t i = 0; i < octets.n; i++)
            feed(v, span_of(octets.p + i, 1));
    } else if (v->p->play == PLAY_SPLIT && at > 0 && at < octets.n) {
        feed(v, span_head(octets, at));
        feed(v, span_skip(octets, at));
    } else if (octets.n > 0) {
        feed(v, octets);
    }
}

/* The clock goes on, second by second as an event loop would see it. */
static void pass_time(struct server_play *v, int64_t seconds)
{
    for (int64_t end_ms = v->now_ms + seconds * 1000; v->now_ms < end_ms;) {
        int64_t deadline_ms = smtp_server_deadline(v->server, v->now_ms);

        v->now_ms = deadline_ms < end_ms ? deadline_ms : end_ms;
        if (deadline_ms <= end_ms)
            smtp_server_timeout(v->server, v->now_ms);
        run(v);
    }
}

static void set_up(struct server_play *v)
{
    const struct script *s = v->script;
    span host = script_setting(s, "host");
    span ext = script_setting(s, "ext");

    v->conf = smtp_server_conf_default(host.n > 0 ? host : SPAN("mx.herald.test"));
    v->conf.lmtp = span_eq(script_setting(s, "lmtp"), SPAN("yes"));
    v->conf.recipients = script_number(s, "recipients", v->conf.recipients);
    v->conf.message_bytes = script_number(s, "message_size", v->conf.message_bytes);
    v->conf.errors = (unsigned)script_number(s, "errors", v->conf.errors);
    v->conf.junk = (unsigned)script_number(s, "junk", v->conf.junk);
    v->conf.command_line = script_number(s, "command_line", v->conf.command_line);
    v->conf.text_line = script_number(s, "text_line", v->conf.text_line);
    v->conf.data_rate = script_number(s, "data_rate", v->conf.data_rate);
    v->conf.data_timeout_ms =
        (int64_t)(script_number(s, "data_timeout", SMTP_DATA_TIMEOUT_MS / 1000) * 1000);
    v->conf.data_deadline_ms =
        (int64_t)(script_number(s, "data_deadline", SMTP_DATA_TOTAL_MS / 1000) * 1000);
    v->conf.header_bytes = script_number(s, "header_bytes", v->conf.header_bytes);
    v->conf.header_fields = script_number(s, "header_fields", v->conf.header_fields);
    v->conf.ext = (unsigned)SMTP_EXT_PIPELINING | (unsigned)SMTP_EXT_SIZE |
                  (unsigned)SMTP_EXT_8BITMIME | (unsigned)SMTP_EXT_ENHANCEDSTATUSCODES;
    if (ext.n > 0)
        v->conf.ext |= script_ext(ext);
    v->conf.auth_mechanisms = script_setting(s, "auth");
    v->conf.xclient_attributes = script_setting(s, "xclient");
    v->conf.xforward_attributes = script_setting(s, "xforward");
    v->conf.tls = span_eq(script_setting(s, "tls"), SPAN("yes"));
    if (span_eq(script_setting(s, "line_endings"), SPAN("normalise")))
        v->conf.line_endings = DOT_NORMALISE;
    v->conf_tls = v->conf;
    v->conf_tls.tls = true;
    v->conf_tls.auth_mechanisms = script_setting(s, "tls_auth");
    v->out = BUF_OVER(v->out_room);
    smtp_server_init(v->server, &v->conf, &v->out);
}

/* Join what may come in one piece: in PLAY_WHOLE and PLAY_SPLIT up to the next mark of time. */
static void play_items(struct server_play *v)
{
    struct buf piece = buf_over(malloc(SCRIPT_BYTES), SCRIPT_BYTES);
    size_t seen = 0;

    for (size_t i = 0; i < v->script->item_count; i++) {
        const struct item *item = &v->script->items[i];
        bool last = i + 1 == v->script->item_count || item[1].kind != ITEM_OCTETS;

        if (item->kind == ITEM_TIME)
            pass_time(v, item->seconds);
        if (item->kind == ITEM_TLS && !v->closed)
            smtp_server_secured(v->server, &v->conf_tls);
        if (v->p->play == PLAY_LINES && item->kind == ITEM_OCTETS)
            v->p->early_fault = v->p->early_fault || v->p->out.n != item->ours;
        buf_put(&piece, item->octets);
        if (last || v->p->play == PLAY_LINES) {
            feed_cut(v, buf_span(&piece), seen);
            seen += piece.n;
            buf_reset(&piece);
        }
    }
    free(piece.p);
}

void play_server(const struct script *s, struct playing *p)
{
    struct server_play v = {.script = s, .p = p};

    v.server = malloc(sizeof(*v.server));
    v.body = buf_over(malloc(BODY_BYTES), BODY_BYTES);
    set_up(&v);
    run(&v);
    play_items(&v);
    free(v.held);
    free(v.line);
    free(v.body.p);
    free(v.server);
}
