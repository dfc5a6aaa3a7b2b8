/* SPDX-License-Identifier: ISC */
/* The server engine: however the input is cut, the same goes out and the same is told. */
#include "base/hash.h"
#include "fuzz.h"
#include "smtp/server.h"

/* One question of the engine; the third recipient of each mail is refused. */
static void answer(struct smtp_server *s, const struct smtp_event *ev, struct fuzz_digest *d)
{
    if (ev->kind == SMTP_EVENT_CHUNK) {
        d->body = hash_crc32c(d->body, ev->chunk);
        smtp_server_took(s);
        return;
    }
    if (ev->kind == SMTP_EVENT_DATA)
        d->body = 0;
    d->told = hash_crc32c(d->told, span_of(&ev->kind, sizeof(ev->kind)));
    d->told = hash_crc32c(d->told, ev->argument);
    d->told = hash_crc32c(d->told, ev->path.text);
    if (ev->kind == SMTP_EVENT_DATA_END && ev->fault == SMTP_DATA_WHOLE)
        d->told = hash_crc32c(d->told, span_of(&d->body, sizeof(d->body)));
    smtp_server_answer(s, ev->kind == SMTP_EVENT_RCPT && s->recipients == 2
                              ? smtp_reply_of(550, SPAN("5.1.1"), ev->path.text)
                              : ev->reply);
}

struct fuzz_digest fuzz_play(span in, unsigned how, size_t step)
{
    struct smtp_server s;
    char room[SMTP_SERVER_ROOM_BYTES];
    struct smtp_server_conf conf = smtp_server_conf_default(SPAN("mx.herald.test"));
    struct buf out = BUF_OVER(room);
    struct fuzz_digest d = {0, 0, 0};
    struct smtp_event ev = {.kind = SMTP_EVENT_NOOP};

    conf.line_endings = (how & 1) != 0 ? DOT_NORMALISE : DOT_STRICT;
    conf.lmtp = (how & 2) != 0;
    conf.ext = (how & 4) != 0 ? UINT32_MAX : SMTP_EXT_SERVED;
    conf.message_bytes = (how & 8) != 0 ? 100 : 0;
    smtp_server_init(&s, &conf, &out);
    for (size_t at = 0; at <= in.n && ev.kind != SMTP_EVENT_CLOSE; at += step) {
        smtp_server_feed(&s, fuzz_place(span_head(span_skip(in, at), step)), 0);
        while (ev.kind != SMTP_EVENT_CLOSE) {
            if (smtp_server_next(&s, &ev) && ev.kind != SMTP_EVENT_CLOSE)
                answer(&s, &ev, &d);
            else if (!smtp_server_wants_room(&s))
                break;
            d.out = hash_crc32c(d.out, buf_span(&out));
            buf_reset(&out);
        }
        d.out = hash_crc32c(d.out, buf_span(&out));
        buf_reset(&out);
    }
    return d;
}
