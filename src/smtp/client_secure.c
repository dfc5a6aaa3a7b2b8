/* SPDX-License-Identifier: ISC */
/*
 * TLS and AUTH of the client, between EHLO and the first mail.
 *
 * STARTTLS comes before anything else. Whatever a server says behind its 220 was
 * said without TLS by whoever could: no such octet is ever read as a reply under it.
 */
#include "base/ascii.h"
#include "base/base64.h"
#include "smtp/client_impl.h"

static bool wants_tls(const struct smtp_client *c)
{
    return !c->is_secured && c->conf->tls != SMTP_CLIENT_TLS_OFF;
}

bool smtp_client_secure_next(struct smtp_client *c)
{
    bool offered = (c->offered & SMTP_EXT_STARTTLS) != 0;

    if (wants_tls(c) && offered) {
        smtp_client_emit_sasl(c, SPAN("STARTTLS"), SPAN_NONE);
        smtp_client_expect(c, SMTP_STAGE_STARTTLS, NULL, 1);
        return true;
    }
    if (wants_tls(c) && c->conf->tls == SMTP_CLIENT_TLS_REQUIRE) {
        smtp_client_refuse(c, SMTP_STAGE_STARTTLS, 0,
                           SPAN("the server does not offer STARTTLS, which is required"));
        return true;
    }
    c->login_due = c->conf->login;
    if (c->login_due && c->mechanisms_n == 0) {
        c->login_due = false;
        smtp_client_refuse(c, SMTP_STAGE_AUTH, 0, SPAN("the server does not offer AUTH"));
        return true;
    }
    return c->login_due;
}

void smtp_client_on_starttls(struct smtp_client *c)
{
    if (c->reader.code == 220) {
        c->handshake = true;
    } else if (c->conf->tls == SMTP_CLIENT_TLS_REQUIRE) {
        smtp_client_refuse(c, SMTP_STAGE_STARTTLS, 0, SPAN_NONE);
    } else {
        c->offered &= ~(unsigned)SMTP_EXT_STARTTLS;
        c->greeted = !smtp_client_secure_next(c);
    }
}

void smtp_client_secured(struct smtp_client *c)
{
    bool begun = c->handshake; /* or else no octet has come yet */

    BUG_IF(c->is_secured, "TLS twice");
    c->is_secured = true;
    c->handshake = false;
    if (!begun)
        return;
    c->hello_n = 0;
    smtp_client_forget_greeting(c);
    smtp_reader_init(&c->reader);
    c->greeting_due = true;
}

/* ---- AUTH ---- */

void smtp_client_note_mechanisms(struct smtp_client *c, span text)
{
    struct buf b = BUF_OVER(c->mechanisms);

    b.n = c->mechanisms_n;
    if (b.n > 0)
        buf_putc(&b, ' ');
    buf_put(&b, span_head(text, buf_room(&b)));
    c->mechanisms_n = b.n;
}

bool smtp_client_has_mechanism(const struct smtp_client *c, span mechanism)
{
    span rest = span_of(c->mechanisms, c->mechanisms_n);
    span word;

    while (span_split(&rest, ' ', &word)) {
        if (span_ieq(word, mechanism))
            return true;
    }
    return false;
}

/* Written at once: nothing else is under way. */
static enum err say(struct smtp_client *c, span first, span octets)
{
    BUG_IF(buf_room(c->out) < SMTP_CLIENT_ROOM_BYTES, "AUTH without room to say it");
    smtp_client_emit_sasl(c, first, octets);
    smtp_client_expect(c, SMTP_STAGE_AUTH, NULL, 1);
    return ERR_OK;
}

enum err smtp_client_auth(struct smtp_client *c, span mechanism, span initial)
{
    char text[64];
    struct buf first = BUF_OVER(text);

    BUG_IF(!c->login_due, "AUTH that is not due");
    buf_put(&first, SPAN("AUTH "));
    buf_put(&first, mechanism);
    if (initial.p != NULL)
        buf_put(&first, initial.n > 0 ? SPAN(" ") : SPAN(" ="));
    if (first.overflow || initial.n > SMTP_SASL_BYTES)
        return ERR_LIMIT;
    c->login_due = false;
    return say(c, buf_span(&first), initial);
}

enum err smtp_client_respond(struct smtp_client *c, span octets)
{
    BUG_IF(!c->challenged, "a response to no challenge");
    if (octets.n > SMTP_SASL_BYTES)
        return ERR_LIMIT;
    c->challenged = false;
    return say(c, SPAN_NONE, octets);
}

void smtp_client_auth_cancel(struct smtp_client *c)
{
    c->challenged = false;
    (void)say(c, SPAN("*"), SPAN_NONE);
}

void smtp_client_on_auth(struct smtp_client *c)
{
    struct buf b = BUF_OVER(c->challenge);

    if (c->reader.code == 334) {
        c->challenged = base64_take(&b, span_trim(smtp_reader_text(&c->reader)));
        c->challenge_n = b.n;
        if (!c->challenged)
            smtp_client_auth_cancel(c);
        return;
    }
    c->greeted = c->reader.code == 235;
    c->login_due = !c->greeted;
    smtp_client_tell(c, (struct smtp_client_event){.kind = SMTP_CLIENT_AUTH_RESULT,
                                                   .stage = SMTP_STAGE_AUTH,
                                                   .reply = smtp_client_reply_now(c)});
}
