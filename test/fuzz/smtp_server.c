/* SPDX-License-Identifier: ISC */
/*
 * The server engine: however the input is cut, the same goes out and the same is told. What stands
 * behind a STARTTLS comes after the handshake, since its fate depends on the cut by design.
 */
#include "base/hash.h"
#include "fuzz.h"
#include "smtp/server.h"

struct play {
    struct smtp_server s;
    struct buf out;
    struct smtp_server_conf conf;
    struct smtp_server_conf conf_tls;
    struct fuzz_digest d;
    bool refuses_data;
    bool closed;
    char room[SMTP_SERVER_ROOM_BYTES];
    char line[SMTP_AUTH_LINE_BYTES];
};

/* A login: a challenge at first, then whoever says something is let in. */
static void answer_login(struct smtp_server *s, const struct smtp_event *ev)
{
    if (ev->kind == SMTP_EVENT_AUTH)
        smtp_server_challenge(s, span_head(ev->argument, SMTP_CHALLENGE_MAX_BYTES));
    else if (ev->argument.n > 0)
        smtp_server_answer(s, smtp_reply_of(235, SPAN("2.7.0"), SPAN("come in")));
    else
        smtp_server_answer(s, ev->reply);
}

/* What plain consent would not try: every third recipient is refused, and data where it is said. */
static struct smtp_reply reply_of(const struct play *p, const struct smtp_event *ev)
{
    if (ev->kind == SMTP_EVENT_RCPT && p->s.recipients == 2)
        return smtp_reply_of(550, SPAN("5.1.1"), ev->path.text);
    if (ev->kind == SMTP_EVENT_DATA && p->refuses_data)
        return smtp_reply_of(451, SPAN("4.3.0"), SPAN("not now"));
    if (ev->kind == SMTP_EVENT_XCLIENT && ev->argument.n > 8)
        return smtp_reply_of(220, SPAN_NONE, SPAN_NONE);
    return ev->reply;
}

static void tell(struct play *p, const struct smtp_event *ev)
{
    struct fuzz_digest *d = &p->d;

    d->told = hash_crc32c(d->told, span_of(&ev->kind, sizeof(ev->kind)));
    d->told = hash_crc32c(d->told, ev->argument);
    d->told = hash_crc32c(d->told, ev->mechanism);
    d->told = hash_crc32c(d->told, ev->path.text);
    d->told = hash_crc32c(d->told, ev->mail.envid);
    d->told = hash_crc32c(d->told, ev->rcpt.orcpt);
    if (ev->kind == SMTP_EVENT_DATA_END && ev->fault == SMTP_DATA_WHOLE)
        d->told = hash_crc32c(d->told, span_of(&d->body, sizeof(d->body)));
}

static void answer(struct play *p, const struct smtp_event *ev)
{
    if (ev->kind == SMTP_EVENT_CHUNK) {
        p->d.body = hash_crc32c(p->d.body, ev->chunk);
        smtp_server_took(&p->s);
        return;
    }
    if (ev->kind == SMTP_EVENT_LONG_LINE) {
        smtp_server_lend(&p->s, p->line);
        return;
    }
    if (ev->kind == SMTP_EVENT_DATA)
        p->d.body = 0;
    tell(p, ev);
    if (ev->kind == SMTP_EVENT_AUTH || ev->kind == SMTP_EVENT_AUTH_STEP)
        answer_login(&p->s, ev);
    else
        smtp_server_answer(&p->s, reply_of(p, ev));
}

static void drain(struct play *p)
{
    p->d.out = hash_crc32c(p->d.out, buf_span(&p->out));
    buf_reset(&p->out);
}

static void feed(struct play *p, span in)
{
    struct smtp_event ev;

    smtp_server_feed(&p->s, fuzz_place(in), 0);
    for (;;) {
        bool more = smtp_server_next(&p->s, &ev);

        p->closed = more && ev.kind == SMTP_EVENT_CLOSE;
        if (more && !p->closed)
            answer(p, &ev);
        else if (p->closed || !smtp_server_wants_room(&p->s))
            break;
        drain(p);
    }
    drain(p);
}

/* Up to the end of the line in which STARTTLS stands. */
static span take_part(span *in)
{
    size_t at = span_isearch(*in, SPAN("STARTTLS"));
    size_t n = at + span_find(span_skip(*in, at), '\n') + 1;
    span part = span_head(*in, n);

    *in = span_skip(*in, n);
    return part;
}

static void set_up(struct play *p, unsigned how)
{
    p->conf = smtp_server_conf_default(SPAN("mx.herald.test"));
    p->conf.line_endings = (how & 1) != 0 ? DOT_NORMALISE : DOT_STRICT;
    p->conf.lmtp = (how & 2) != 0;
    p->conf.ext = (how & 4) != 0 ? UINT32_MAX : SMTP_EXT_SERVED;
    p->conf.message_bytes = (how & 8) != 0 ? 100 : 0;
    p->conf.text_line = (how & 8) != 0 ? 50 : 0;
    p->conf.header_bytes = (how & 8) != 0 ? 40 : 0;
    p->conf.header_fields = (how & 8) != 0 ? 3 : 0;
    p->conf.auth_mechanisms = (how & 16) != 0 ? SPAN("PLAIN LOGIN") : SPAN_NONE;
    p->refuses_data = (how & 32) != 0;
    p->conf_tls = p->conf;
    p->conf_tls.tls = true;
    p->conf_tls.auth_mechanisms = SPAN("PLAIN SCRAM-SHA-256");
    p->out = BUF_OVER(p->room);
    smtp_server_init(&p->s, &p->conf, &p->out);
}

struct fuzz_digest fuzz_play(span in, unsigned how, size_t step)
{
    struct play p = {0};

    set_up(&p, how);
    feed(&p, SPAN_NONE);
    while (in.n > 0 && !p.closed) {
        span part = take_part(&in);

        for (size_t at = 0; at < part.n && !p.closed; at += step)
            feed(&p, span_head(span_skip(part, at), step));
        if (p.s.state == SMTP_SERVER_TLS)
            smtp_server_secured(&p.s, &p.conf_tls);
    }
    return p.d;
}
