/* SPDX-License-Identifier: ISC */
/*
 * The client engine against a hostile server. Replies go to it only as it waits for
 * them, line by line, and each line in pieces of `step`; then the connection is lost.
 */
#include "base/hash.h"
#include "fuzz.h"
#include "smtp/client.h"

#define BODY SPAN(".a\n.\rb\0c")

static struct smtp_client_rcpt rcpts[] = {
    {.address = SPAN_INIT("b@mx.example"), .notify = 2},
    {.address = SPAN_INIT("c@mx.example"), .orcpt = SPAN_INIT("rfc822;c@mx.example")}};

static struct smtp_client_mail mail_of(unsigned how)
{
    return (struct smtp_client_mail){.sender = SPAN("a@herald.test"),
                                     .size_bytes = BODY.n,
                                     .eight_bit = true,
                                     .binary = (how & 8) != 0,
                                     .utf8 = (how & 16) != 0,
                                     .requiretls = (how & 32) != 0,
                                     .ret = SMTP_RET_FULL,
                                     .envid = SPAN("x+2B"),
                                     .rcpts = rcpts,
                                     .rcpt_count = COUNT(rcpts)};
}

static struct smtp_client_mail mail;

/* AUTH as far as the server asks. */
static bool log_in(struct smtp_client *c, const struct smtp_client_event *ev)
{
    if (ev->kind == SMTP_CLIENT_CHALLENGE && ev->challenge.n % 3 == 0)
        return smtp_client_respond(c, ev->challenge) == ERR_OK;
    if (ev->kind == SMTP_CLIENT_CHALLENGE)
        smtp_client_auth_cancel(c);
    else if (smtp_client_has_mechanism(c, SPAN("PLAIN")))
        return smtp_client_auth(c, SPAN("PLAIN"), SPAN("\0a\0b")) == ERR_OK;
    else
        smtp_client_quit(c);
    return true;
}

/* What the event asks for; false: nothing, go on when more has come. */
static bool act(struct smtp_client *c, const struct smtp_client_event *ev, struct fuzz_digest *d)
{
    if (ev->kind == SMTP_CLIENT_HANDSHAKE)
        return false; /* behind the line */
    if (ev->kind == SMTP_CLIENT_WANTS_AUTH || ev->kind == SMTP_CLIENT_CHALLENGE)
        return log_in(c, ev);
    if (ev->kind == SMTP_CLIENT_READY && c->mails < 3)
        return smtp_client_mail(c, &mail) == ERR_OK;
    if (ev->kind == SMTP_CLIENT_READY)
        smtp_client_quit(c);
    if (ev->kind == SMTP_CLIENT_WANTS_BODY && smtp_client_body(c, BODY) > 0)
        return smtp_client_body_end(c);
    if (ev->kind == SMTP_CLIENT_READY || ev->kind == SMTP_CLIENT_WANTS_BODY)
        return true;
    d->told = hash_crc32c(d->told, span_of(&ev->kind, sizeof(ev->kind)));
    d->told = hash_crc32c(d->told, ev->reply.text);
    return ev->kind != SMTP_CLIENT_CLOSED;
}

static bool run(struct smtp_client *c, struct fuzz_digest *d)
{
    struct smtp_client_event ev = {.kind = SMTP_CLIENT_READY};

    do {
        d->out = hash_crc32c(d->out, buf_span(c->out));
        buf_reset(c->out);
        while (smtp_client_next(c, &ev) && act(c, &ev, d))
            continue;
    } while (c->out->n > 0 || smtp_client_rest(c).n > 0);
    return ev.kind != SMTP_CLIENT_CLOSED;
}

struct fuzz_digest fuzz_play(span in, unsigned how, size_t step)
{
    struct smtp_client c;
    char room[SMTP_CLIENT_ROOM_BYTES];
    struct smtp_client_conf conf = {.name = SPAN("out.herald.test"),
                                    .lmtp = (how & 1) != 0,
                                    .use = UINT32_MAX,
                                    .tls =
                                        (how & 2) != 0 ? SMTP_CLIENT_TLS_TRY : SMTP_CLIENT_TLS_OFF,
                                    .login = (how & 4) != 0};
    struct buf out = BUF_OVER(room);
    struct fuzz_digest d = {0, 0, 0};
    bool open = smtp_client_init(&c, &conf, &out) == ERR_OK;

    mail = mail_of(how);
    while (open && in.n > 0) {
        span line = span_head(in, span_find(in, '\n') + 1);

        in = span_skip(in, line.n);
        for (size_t at = 0; open && at < line.n; at += step) {
            smtp_client_feed(&c, fuzz_place(span_head(span_skip(line, at), step)));
            open = run(&c, &d);
        }
        if (open && smtp_client_stage(&c) == SMTP_STAGE_TLS) {
            smtp_client_secured(&c);
            open = run(&c, &d);
        }
    }
    smtp_client_lost(&c);
    (void)run(&c, &d);
    return d;
}
