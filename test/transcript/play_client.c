/* SPDX-License-Identifier: ISC */
/*
 * Plays a script against the client engine. Its mails are settings:
 *     mail = sender | recipient recipient | body | size=N 8bit binary utf8 requiretls ret=FULL
 *            envid=X notify=SUCCESS,DELAY orcpt=rfc822;x
 *     tls = off | try | require,  secured = yes (from the first octet)
 *     login = MECHANISM [initial response], or none: QUIT;  respond = text, or *
 */
#include <stdlib.h>

#include "base/escape.h"
#include "base/num.h"
#include "script.h"
#include "smtp/client.h"

#define MAILS_MAX      4
#define RCPTS_MAX      16
#define BODY_BYTES     (64 << 10)
#define OUT_ROOM_BYTES (SMTP_CLIENT_ROOM_BYTES + 64)

struct client_mail {
    struct smtp_client_mail mail;
    struct smtp_client_rcpt rcpts[RCPTS_MAX];
    span body;
};

struct client_play {
    const struct script *script;
    struct playing *p;
    struct smtp_client *client;
    struct smtp_client_conf conf;
    struct buf out;
    struct client_mail mails[MAILS_MAX];
    size_t mail_count;
    size_t next_mail;
    size_t body_at;
    char *held;
    int64_t now_ms;
    bool closed;
    size_t logins; /* settings used so far */
    size_t responses;
    bool wait; /* give the next mail only when the last is done */
    char out_room[OUT_ROOM_BYTES];
    char bodies[BODY_BYTES];
};

static void drain(struct client_play *v)
{
    buf_put(&v->p->out, buf_span(&v->out));
    buf_reset(&v->out);
}

static void tell(struct client_play *v, const char *what, const struct smtp_client_event *ev)
{
    struct buf *b = &v->p->events;

    buf_put(b, span_cstr(what));
    if (ev->kind == SMTP_CLIENT_RCPT_RESULT ||
        (ev->kind == SMTP_CLIENT_DATA_RESULT && ev->rcpt != SMTP_ALL_RCPTS))
        buf_printf(b, " %zu", ev->rcpt);
    if (ev->kind == SMTP_CLIENT_CLOSED)
        buf_printf(b, " %s%s", smtp_client_end_text(ev->end),
                   ev->maybe_delivered ? " maybe-delivered" : "");
    buf_printf(b, " at %s", smtp_stage_text(ev->stage));
    if (ev->kind == SMTP_CLIENT_CHALLENGE) {
        buf_putc(b, ' ');
        escape_text(b, ev->challenge, 100);
    }
    if (ev->reply.code > 0)
        buf_printf(b, " %u", ev->reply.code);
    if (ev->reply.text.n > 0)
        buf_putc(b, ' ');
    escape_text(b, ev->reply.text, 100);
    buf_put(b, ev->reply.disagrees ? SPAN(" (disagrees)\n") : SPAN("\n"));
}

static size_t mail_index(const struct client_play *v, const struct smtp_client_mail *mail)
{
    size_t i = 0;

    while (i < v->mail_count && &v->mails[i].mail != mail)
        i++;
    BUG_IF(i == v->mail_count, "an event about no mail of ours");
    return i;
}

/* A piece of the body; small pieces, so that the engine sees every cut. */
static void give_body(struct client_play *v, const struct smtp_client_event *ev)
{
    span body = v->mails[mail_index(v, ev->mail)].body;
    span rest = span_head(span_skip(body, v->body_at), v->p->play == PLAY_BYTES ? 1 : 4096);

    if (rest.n > 0)
        v->body_at += smtp_client_body(v->client, rest);
    else if (smtp_client_body_end(v->client))
        v->body_at = 0;
    drain(v);
}

/* Give the next mail, or say goodbye; false: nothing to do but wait. */
static bool give_mail(struct client_play *v)
{
    struct smtp_client_mail *mail = &v->mails[v->next_mail].mail;

    if (v->next_mail == v->mail_count) {
        smtp_client_quit(v->client);
        return true;
    }
    if (v->wait && smtp_client_stage(v->client) != SMTP_STAGE_IDLE)
        return false;
    v->next_mail++;
    if (smtp_client_mail(v->client, mail) != ERR_OK)
        buf_put(&v->p->events, SPAN("mail not taken\n"));
    return true;
}

/* The n-th setting of that name, from 0; false when there are no more. */
static bool nth_setting(const struct client_play *v, const char *what, size_t n, span *out)
{
    for (size_t i = 0; i < v->script->setting_count; i++) {
        const struct script_rule *row = &v->script->settings[i];

        if (span_eq(row->what, span_cstr(what)) && n-- == 0) {
            *out = row->reply;
            return true;
        }
    }
    return false;
}

static void give_auth(struct client_play *v)
{
    span text;
    span mechanism;

    if (!nth_setting(v, "login", v->logins++, &text)) {
        smtp_client_quit(v->client);
        return;
    }
    if (!span_split(&text, ' ', &mechanism) || !smtp_client_has_mechanism(v->client, mechanism))
        buf_put(&v->p->events, SPAN("mechanism not offered\n"));
    else if (smtp_client_auth(v->client, mechanism, text) != ERR_OK)
        buf_put(&v->p->events, SPAN("auth not taken\n"));
}

static void give_response(struct client_play *v)
{
    span text;

    if (!nth_setting(v, "respond", v->responses++, &text) || span_eq(text, SPAN("*")))
        smtp_client_auth_cancel(v->client);
    else if (smtp_client_respond(v->client, text) != ERR_OK)
        buf_put(&v->p->events, SPAN("response not taken\n"));
}

static bool handle(struct client_play *v, const struct smtp_client_event *ev)
{
    static const char *const names[] = {
        [SMTP_CLIENT_REFUSED] = "refused",     [SMTP_CLIENT_MAIL_RESULT] = "mail",
        [SMTP_CLIENT_RCPT_RESULT] = "rcpt",    [SMTP_CLIENT_DATA_RESULT] = "data",
        [SMTP_CLIENT_MAIL_DONE] = "done",      [SMTP_CLIENT_CLOSED] = "closed",
        [SMTP_CLIENT_CHALLENGE] = "challenge", [SMTP_CLIENT_AUTH_RESULT] = "auth"};

    if (ev->kind == SMTP_CLIENT_HANDSHAKE)
        return false; /* at the line "TLS" */
    if (ev->kind == SMTP_CLIENT_WANTS_AUTH) {
        give_auth(v);
        return true;
    }

    if (ev->kind == SMTP_CLIENT_READY)
        return give_mail(v);
    if (ev->kind == SMTP_CLIENT_WANTS_BODY) {
        give_body(v, ev);
        return true;
    }
    if (!v->closed)
        tell(v, names[ev->kind], ev);
    if (ev->kind == SMTP_CLIENT_CHALLENGE)
        give_response(v);
    v->closed = ev->kind == SMTP_CLIENT_CLOSED;
    return !v->closed;
}

static void run(struct client_play *v)
{
    struct smtp_client_event ev;

    do {
        while (smtp_client_next(v->client, &ev) && handle(v, &ev))
            continue;
        drain(v);
    } while (smtp_client_rest(v->client).n > 0 ||
             (!v->closed && smtp_client_next(v->client, &ev) && handle(v, &ev)) || v->out.n > 0);
}

static void feed(struct client_play *v, span octets)
{
    v->held = malloc(octets.n + 1);
    memcpy(v->held, octets.p, octets.n);
    smtp_client_feed(v->client, span_of(v->held, octets.n));
    run(v);
    free(v->held);
}

static void feed_cut(struct client_play *v, span octets, size_t seen)
{
    size_t at = v->p->at > seen ? v->p->at - seen : 0;

    if (v->p->play == PLAY_BYTES) {
        for (size_t i = 0; i < octets.n; i++)
            feed(v, span_of(octets.p + i, 1));
    } else if (v->p->play == PLAY_SPLIT && at > 0 && at < octets.n) {
        feed(v, span_head(octets, at));
        feed(v, span_skip(octets, at));
    } else {
        feed(v, octets);
    }
}

static void pass_time(struct client_play *v, int64_t seconds)
{
    (void)smtp_client_deadline(v->client, v->now_ms);
    v->now_ms += seconds * 1000;
    smtp_client_timeout(v->client, v->now_ms);
    run(v);
}

static void set_option(struct client_mail *m, span word)
{
    const struct {
        span word;
        bool *flag;
    } flags[] = {{SPAN("8bit"), &m->mail.eight_bit},
                 {SPAN("binary"), &m->mail.binary},
                 {SPAN("utf8"), &m->mail.utf8},
                 {SPAN("requiretls"), &m->mail.requiretls}};
    span key = span_head(word, span_find(word, '='));
    span value = span_skip(word, key.n + 1);

    for (size_t i = 0; i < COUNT(flags); i++)
        *flags[i].flag |= span_eq(word, flags[i].word);
    if (span_eq(key, SPAN("size")))
        BUG_IF(!num_parse_u64(value, UINT64_MAX, &m->mail.size_bytes), "size");
    if (span_eq(key, SPAN("ret")))
        m->mail.ret = span_eq(value, SPAN("FULL")) ? SMTP_RET_FULL : SMTP_RET_HDRS;
    if (span_eq(key, SPAN("envid")))
        m->mail.envid = value;
    if (span_eq(key, SPAN("notify")) || span_eq(key, SPAN("orcpt"))) {
        struct smtp_rcpt_params params = {0};

        BUG_IF(smtp_rcpt_params_parse(word, SMTP_EXT_DSN, false, &params) != SMTP_PARAM_FINE &&
                   span_eq(key, SPAN("notify")),
               "notify");
        for (size_t i = 0; i < m->mail.rcpt_count; i++) {
            m->rcpts[i].notify |= params.notify;
            m->rcpts[i].orcpt = span_eq(key, SPAN("orcpt")) ? value : m->rcpts[i].orcpt;
        }
    }
}

/* One mail of the script; its parts are borrowed, but the body, which has escapes. */
static void add_mail(struct client_play *v, span text, struct buf *bodies)
{
    struct client_mail *m = &v->mails[v->mail_count++];
    span part[4] = {SPAN_NONE, SPAN_NONE, SPAN_NONE, SPAN_NONE};
    size_t from = bodies->n;
    span word;

    BUG_IF(v->mail_count > MAILS_MAX, "too many mails");
    for (size_t i = 0; i < COUNT(part) && span_split(&text, '|', &part[i]); i++)
        part[i] = span_trim(part[i]);
    m->mail = (struct smtp_client_mail){.sender = part[0], .rcpts = m->rcpts};
    while (span_split(&part[1], ' ', &word))
        m->rcpts[m->mail.rcpt_count++].address = word;
    script_unescape(bodies, part[2]);
    m->body = span_of(bodies->p + from, bodies->n - from);
    while (span_split(&part[3], ' ', &word))
        set_option(m, word);
}

static void set_up(struct client_play *v)
{
    const struct script *s = v->script;
    struct buf bodies = BUF_OVER(v->bodies);
    span name = script_setting(s, "name");

    v->conf = (struct smtp_client_conf){.name = name.n > 0 ? name : SPAN("out.herald.test"),
                                        .lmtp = span_eq(script_setting(s, "lmtp"), SPAN("yes")),
                                        .use = UINT32_MAX};
    if (span_eq(script_setting(s, "tls"), SPAN("try")))
        v->conf.tls = SMTP_CLIENT_TLS_TRY;
    if (span_eq(script_setting(s, "tls"), SPAN("require")))
        v->conf.tls = SMTP_CLIENT_TLS_REQUIRE;
    v->conf.login = script_setting(s, "login").n > 0;
    v->wait = span_eq(script_setting(s, "chain"), SPAN("no"));
    for (size_t i = 0; i < s->setting_count; i++) {
        if (span_eq(s->settings[i].what, SPAN("mail")))
            add_mail(v, s->settings[i].reply, &bodies);
    }
    v->out = BUF_OVER(v->out_room);
    BUG_IF(smtp_client_init(v->client, &v->conf, &v->out) != ERR_OK, "the name is no good");
    if (span_eq(script_setting(s, "secured"), SPAN("yes")))
        smtp_client_secured(v->client);
}

static void play_items(struct client_play *v)
{
    struct buf piece = buf_over(malloc(SCRIPT_BYTES), SCRIPT_BYTES);
    size_t seen = 0;

    for (size_t i = 0; i < v->script->item_count; i++) {
        const struct item *item = &v->script->items[i];
        bool last = i + 1 == v->script->item_count || item[1].kind != ITEM_OCTETS ||
                    item[1].ours != item->ours;

        if (!v->p->early_fault)
            v->p->early_fault = v->p->out.n != item->ours && piece.n == 0;
        if (item->kind == ITEM_TIME)
            pass_time(v, item->seconds);
        if (item->kind == ITEM_TLS && !v->closed) {
            smtp_client_secured(v->client);
            run(v);
        }
        if (item->kind == ITEM_EOF) {
            smtp_client_lost(v->client);
            run(v);
        }
        buf_put(&piece, item->octets);
        if (piece.n > 0 && (last || v->p->play == PLAY_LINES)) {
            feed_cut(v, buf_span(&piece), seen);
            seen += piece.n;
            buf_reset(&piece);
        }
    }
    free(piece.p);
}

void play_client(const struct script *s, struct playing *p)
{
    struct client_play *v = calloc(1, sizeof(*v));

    v->script = s;
    v->p = p;
    v->client = malloc(sizeof(*v->client));
    set_up(v);
    play_items(v);
    free(v->client);
    free(v);
}
