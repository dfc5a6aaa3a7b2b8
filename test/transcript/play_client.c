/* SPDX-License-Identifier: ISC */
/*
 * Plays a script against the client engine. Its mails are settings:
 *     mail = sender | recipient recipient | body | size=N 8bit
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

static bool handle(struct client_play *v, const struct smtp_client_event *ev)
{
    static const char *const names[] = {
        [SMTP_CLIENT_REFUSED] = "refused",  [SMTP_CLIENT_MAIL_RESULT] = "mail",
        [SMTP_CLIENT_RCPT_RESULT] = "rcpt", [SMTP_CLIENT_DATA_RESULT] = "data",
        [SMTP_CLIENT_MAIL_DONE] = "done",   [SMTP_CLIENT_CLOSED] = "closed"};

    if (ev->kind == SMTP_CLIENT_READY)
        return give_mail(v);
    if (ev->kind == SMTP_CLIENT_WANTS_BODY) {
        give_body(v, ev);
        return true;
    }
    if (!v->closed)
        tell(v, names[ev->kind], ev);
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
    while (span_split(&part[3], ' ', &word)) {
        if (span_eq(word, SPAN("8bit")))
            m->mail.eight_bit = true;
        else if (span_starts(word, SPAN("size=")))
            BUG_IF(!num_parse_u64(span_skip(word, 5), UINT64_MAX, &m->mail.size_bytes), "size");
    }
}

static void set_up(struct client_play *v)
{
    const struct script *s = v->script;
    struct buf bodies = BUF_OVER(v->bodies);
    span name = script_setting(s, "name");

    v->conf = (struct smtp_client_conf){.name = name.n > 0 ? name : SPAN("out.herald.test"),
                                        .lmtp = span_eq(script_setting(s, "lmtp"), SPAN("yes")),
                                        .use = UINT32_MAX};
    v->wait = span_eq(script_setting(s, "chain"), SPAN("no"));
    for (size_t i = 0; i < s->setting_count; i++) {
        if (span_eq(s->settings[i].what, SPAN("mail")))
            add_mail(v, s->settings[i].reply, &bodies);
    }
    v->out = BUF_OVER(v->out_room);
    BUG_IF(smtp_client_init(v->client, &v->conf, &v->out) != ERR_OK, "the name is no good");
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
