/* SPDX-License-Identifier: ISC */
/*
 * Commands of the client. Every octet of every command passes put_command, which
 * knows no exception: what is not printable ASCII never leaves. Addresses and our
 * name were judged when they were given (smtp_client_mail, smtp_client_init), so
 * anything found here is a bug.
 */
#include "base/ascii.h"
#include "smtp/client_impl.h"

static void put_command(struct buf *b, const span *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < parts[i].n; k++)
            BUG_IF(!ascii_is_print(parts[i].p[k]), "an octet that no command may have");
        buf_put(b, parts[i]);
    }
    buf_put(b, SPAN("\r\n"));
    BUG_IF(b->overflow, "a command longer than the room kept for it");
}

/* clang-format off */
#define PUT(b, ...) put_command((b), (const span[]){__VA_ARGS__}, \
                                sizeof((const span[]){__VA_ARGS__}) / sizeof(span))
/* clang-format on */

void smtp_client_emit_greeting(struct smtp_client *c, enum smtp_stage stage)
{
    span verb = c->conf->lmtp ? SPAN("LHLO ") : SPAN("EHLO ");

    if (stage == SMTP_STAGE_HELO)
        verb = SPAN("HELO ");
    PUT(c->out, verb, c->conf->name);
    smtp_client_expect(c, stage, NULL, 1);
}

static void emit_mail(struct smtp_client *c, struct smtp_client_mail *mail)
{
    char digits[24];
    struct buf size = BUF_OVER(digits);
    bool say_size = mail->size_bytes > 0 && (c->ext & SMTP_EXT_SIZE) != 0;
    bool say_body = mail->eight_bit && (c->ext & SMTP_EXT_8BITMIME) != 0;

    if (say_size)
        buf_put_u64(&size, mail->size_bytes);
    PUT(c->out, SPAN("MAIL FROM:<"), mail->sender, SPAN(">"), say_size ? SPAN(" SIZE=") : SPAN_NONE,
        buf_span(&size), say_body ? SPAN(" BODY=8BITMIME") : SPAN_NONE);
    smtp_client_expect(c, SMTP_STAGE_MAIL, mail, 1);
    c->next_stage = SMTP_STAGE_RCPT;
    c->next_rcpt = 0;
    c->mail_refused = false;
    c->good_rcpts = 0;
}

static void emit_rcpt(struct smtp_client *c, struct smtp_client_mail *mail)
{
    PUT(c->out, SPAN("RCPT TO:<"), mail->rcpts[c->next_rcpt].address, SPAN(">"));
    smtp_client_expect(c, SMTP_STAGE_RCPT, mail, 1);
    if (++c->next_rcpt == mail->rcpt_count)
        c->next_stage = SMTP_STAGE_DATA;
}

/* All replies are in and there is nobody to send to: the mail ends without DATA. */
static bool mail_is_lost(const struct smtp_client *c)
{
    return c->expect_n == 0 && c->next_stage != SMTP_STAGE_MAIL &&
           (c->mail_refused || (c->next_stage == SMTP_STAGE_DATA && c->good_rcpts == 0));
}

static void drop_mail(struct smtp_client *c)
{
    c->needs_rset = !c->mail_refused;
    smtp_client_done(c, c->sending);
    c->sending = NULL;
}

static void emit_next(struct smtp_client *c)
{
    if (c->next_stage == SMTP_STAGE_MAIL && c->needs_rset) {
        c->needs_rset = false;
        PUT(c->out, SPAN("RSET"));
        smtp_client_expect(c, SMTP_STAGE_RSET, NULL, 1);
    } else if (c->next_stage == SMTP_STAGE_MAIL) {
        emit_mail(c, c->sending);
    } else if (mail_is_lost(c)) {
        drop_mail(c);
    } else if (c->next_stage == SMTP_STAGE_RCPT) {
        emit_rcpt(c, c->sending);
    } else {
        PUT(c->out, SPAN("DATA"));
        smtp_client_expect(c, SMTP_STAGE_DATA, c->sending, 1);
        c->next_stage = SMTP_STAGE_BODY;
    }
}

static bool may_emit(const struct smtp_client *c)
{
    bool free_way = c->expect_n == 0 || (c->ext & SMTP_EXT_PIPELINING) != 0;

    return !c->closed && free_way && buf_room(c->out) >= SMTP_CLIENT_ROOM_BYTES;
}

void smtp_client_emit_more(struct smtp_client *c)
{
    while (c->sending != NULL && c->next_stage != SMTP_STAGE_BODY && may_emit(c))
        emit_next(c);
    if (c->quitting && c->sending == NULL && c->expect_n == 0 && may_emit(c)) {
        PUT(c->out, SPAN("QUIT"));
        smtp_client_expect(c, SMTP_STAGE_QUIT, NULL, 1);
    }
}
