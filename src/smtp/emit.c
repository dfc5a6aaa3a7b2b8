/* SPDX-License-Identifier: ISC */
/*
 * Commands of the client. Every octet of every command passes put_command, which
 * knows one exception: what is not printable ASCII never leaves, but UTF-8 in the
 * addresses of a mail that goes as SMTPUTF8. Addresses, parameters and our name were
 * judged when they were given (smtp_client_mail, smtp_client_init), so anything found
 * here is a bug.
 */
#include "base/ascii.h"
#include "base/base64.h"
#include "smtp/client_impl.h"

static void put_command(struct buf *b, bool utf8, const span *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < parts[i].n; k++)
            BUG_IF(!ascii_is_print(parts[i].p[k]) && !(utf8 && ascii_is_high(parts[i].p[k])),
                   "an octet that no command may have");
        buf_put(b, parts[i]);
    }
    buf_put(b, SPAN("\r\n"));
    BUG_IF(b->overflow, "a command longer than the room kept for it");
}

/* clang-format off */
#define PUT_AS(b, utf8, ...) put_command((b), (utf8), (const span[]){__VA_ARGS__}, \
                                         sizeof((const span[]){__VA_ARGS__}) / sizeof(span))
#define PUT(b, ...) PUT_AS((b), false, __VA_ARGS__)
/* clang-format on */

void smtp_client_emit_greeting(struct smtp_client *c, enum smtp_stage stage)
{
    span verb = c->conf->lmtp ? SPAN("LHLO ") : SPAN("EHLO ");

    if (stage == SMTP_STAGE_HELO)
        verb = SPAN("HELO ");
    PUT(c->out, verb, c->conf->name);
    smtp_client_expect(c, stage, NULL, 1);
}

void smtp_client_emit_sasl(struct smtp_client *c, span first, span octets)
{
    char text[SMTP_SASL_BYTES / 3 * 4 + 8];
    struct buf coded = BUF_OVER(text);

    base64_put(&coded, octets);
    BUG_IF(coded.overflow, "a SASL message over its limit");
    PUT(c->out, first, buf_span(&coded));
}

static span body_word(const struct smtp_client *c, const struct smtp_client_mail *mail)
{
    if (mail->binary)
        return SPAN(" BODY=BINARYMIME");
    return mail->eight_bit && (c->ext & SMTP_EXT_8BITMIME) != 0 ? SPAN(" BODY=8BITMIME")
                                                                : SPAN_NONE;
}

/* The parameters of MAIL, each with a blank in front. */
static void put_mail_params(const struct smtp_client *c, const struct smtp_client_mail *mail,
                            struct buf *b)
{
    static const span rets[] = {
        [SMTP_RET_UNSAID] = SPAN_INIT(""),
        [SMTP_RET_FULL] = SPAN_INIT(" RET=FULL"),
        [SMTP_RET_HDRS] = SPAN_INIT(" RET=HDRS"),
    };

    if (mail->size_bytes > 0 && (c->ext & SMTP_EXT_SIZE) != 0) {
        buf_put(b, SPAN(" SIZE="));
        buf_put_u64(b, mail->size_bytes);
    }
    buf_put(b, body_word(c, mail));
    buf_put(b, mail->utf8 ? SPAN(" SMTPUTF8") : SPAN_NONE);
    buf_put(b, mail->requiretls ? SPAN(" REQUIRETLS") : SPAN_NONE);
    if ((c->ext & SMTP_EXT_DSN) == 0)
        return;
    buf_put(b, rets[mail->ret]);
    if (mail->envid.n > 0) {
        buf_put(b, SPAN(" ENVID="));
        buf_put(b, mail->envid);
    }
}

static void emit_mail(struct smtp_client *c, struct smtp_client_mail *mail)
{
    char text[SMTP_ENVID_MAX_BYTES + 128];
    struct buf params = BUF_OVER(text);

    put_mail_params(c, mail, &params);
    BUG_IF(params.overflow, "parameters longer than they can be");
    PUT_AS(c->out, mail->utf8, SPAN("MAIL FROM:<"), mail->sender, SPAN(">"), buf_span(&params));
    smtp_client_expect(c, SMTP_STAGE_MAIL, mail, 1);
    c->next_stage = SMTP_STAGE_RCPT;
    c->next_rcpt = 0;
    c->mail_refused = false;
    c->good_rcpts = 0;
}

/* One that is too long in the form that this server takes is left out. */
static void put_orcpt(struct buf *b, span orcpt, bool utf8)
{
    char text[SMTP_ORCPT_MAX_BYTES];
    struct buf form = BUF_OVER(text);

    if (orcpt.n > 0)
        smtp_orcpt_put(&form, orcpt, utf8);
    if (form.n == 0 || form.overflow)
        return;
    buf_put(b, SPAN(" ORCPT="));
    buf_put(b, buf_span(&form));
}

static void emit_rcpt(struct smtp_client *c, struct smtp_client_mail *mail)
{
    const struct smtp_client_rcpt *r = &mail->rcpts[c->next_rcpt];
    char text[SMTP_ORCPT_MAX_BYTES + 64];
    struct buf params = BUF_OVER(text);

    if ((c->ext & SMTP_EXT_DSN) != 0) {
        buf_put(&params, r->notify != 0 ? SPAN(" NOTIFY=") : SPAN_NONE);
        smtp_notify_put(&params, r->notify);
        put_orcpt(&params, r->orcpt, mail->utf8);
    }
    BUG_IF(params.overflow, "parameters longer than they can be");
    PUT_AS(c->out, mail->utf8, SPAN("RCPT TO:<"), r->address, SPAN(">"), buf_span(&params));
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

/* One chunk (RFC 3030 2): once it is known that somebody is to get it. */
static void emit_bdat(struct smtp_client *c)
{
    char digits[24];
    struct buf size = BUF_OVER(digits);

    buf_put_u64(&size, c->sending->size_bytes);
    PUT(c->out, SPAN("BDAT "), buf_span(&size), SPAN(" LAST"));
    c->in_chunk = true;
    c->chunk_left = c->sending->size_bytes;
    c->body_open = true;
    c->next_stage = SMTP_STAGE_BODY;
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
    } else if (c->sending->binary) {
        emit_bdat(c);
    } else {
        PUT(c->out, SPAN("DATA"));
        smtp_client_expect(c, SMTP_STAGE_DATA, c->sending, 1);
        c->next_stage = SMTP_STAGE_BODY;
    }
}

static bool may_emit(const struct smtp_client *c)
{
    bool binary = c->sending != NULL && c->sending->binary;
    bool waits = binary && c->next_stage == SMTP_STAGE_DATA;
    bool free_way = c->expect_n == 0 || (!waits && (c->ext & SMTP_EXT_PIPELINING) != 0);

    return !c->closed && !c->handshake && free_way && buf_room(c->out) >= SMTP_CLIENT_ROOM_BYTES;
}

void smtp_client_emit_more(struct smtp_client *c)
{
    if (c->greeting_due && may_emit(c)) {
        c->greeting_due = false;
        smtp_client_emit_greeting(c, SMTP_STAGE_EHLO);
    }
    while (c->sending != NULL && c->next_stage != SMTP_STAGE_BODY && may_emit(c))
        emit_next(c);
    if (c->quitting && c->sending == NULL && c->expect_n == 0 && may_emit(c)) {
        PUT(c->out, SPAN("QUIT"));
        smtp_client_expect(c, SMTP_STAGE_QUIT, NULL, 1);
    }
}
