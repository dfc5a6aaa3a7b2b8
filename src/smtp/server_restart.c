/* SPDX-License-Identifier: ISC */
/* What begins a session, and what begins it anew: STARTTLS (RFC 3207) and XCLIENT. */
#include "smtp/server_impl.h"

/* All that the client said of itself. */
static void forget_client(struct smtp_server *s)
{
    s->verb = SMTP_GREETING_HELO;
    s->authenticated = false;
}

void smtp_server_begin(struct smtp_server *s)
{
    static const span rest = SPAN_INIT(" ESMTP herald");
    /* No command can come before the banner: its text may stand where lines will. */
    struct buf text = BUF_OVER(s->own_line);

    forget_client(s);
    s->state = SMTP_SERVER_CONNECT;
    s->since_ms = -1;
    buf_put(&text, span_head(s->conf->host, SMTP_REPLY_LINE_BYTES));
    buf_put(&text, rest);
    s->ev = (struct smtp_event){0};
    smtp_server_ask(s, SMTP_EVENT_CONNECT, smtp_reply_of(220, SPAN_NONE, buf_span(&text)));
}

/* ---- STARTTLS ---- */

/* The client must wait for the 220: what it sent before would be taken for protected (RFC
 * 3207 4.2). */
static bool has_injection(struct smtp_server *s)
{
    if (s->in.n == 0)
        return false;
    smtp_server_close(s, SMTP_SAY(554, "5.5.1", "something came behind STARTTLS in the clear"),
                      SMTP_CLOSE_INJECTION);
    return true;
}

void smtp_server_starttls(struct smtp_server *s, span arg)
{
    (void)arg;
    if (!has_injection(s) && smtp_server_junk(s))
        smtp_server_ask(s, SMTP_EVENT_STARTTLS, SMTP_SAY(220, "2.0.0", "begin TLS"));
}

void smtp_server_starttls_settle(struct smtp_server *s, struct smtp_reply reply)
{
    BUG_IF(reply.code / 100 == 2 && reply.code != 220, "STARTTLS is answered 220 or refused");
    if (reply.code == 220 && has_injection(s))
        return;
    if (reply.code == 220)
        smtp_server_enter(s, SMTP_SERVER_TLS);
    smtp_reply_put(s->out, reply, SMTP_REPLY_ENHANCED);
}

void smtp_server_secured(struct smtp_server *s, const struct smtp_server_conf *conf)
{
    BUG_IF(s->state != SMTP_SERVER_TLS || !conf->tls, "TLS that nobody began");
    explicit_bzero(s->own_line, sizeof(s->own_line));
    s->line_n = 0;
    smtp_server_use(s, conf);
    forget_client(s);
    smtp_server_enter(s, SMTP_SERVER_START);
}

/* ---- XCLIENT ---- */

void smtp_server_xclient(struct smtp_server *s, span arg)
{
    s->ev.argument = arg;
    if (arg.n == 0)
        smtp_server_say(s, SMTP_SAY(501, "5.5.4", "attributes must follow"));
    else if (smtp_server_junk(s))
        smtp_server_ask(s, SMTP_EVENT_XCLIENT, SMTP_SAY(550, "5.7.0", "not from you"));
}

void smtp_server_xclient_settle(struct smtp_server *s, struct smtp_reply reply)
{
    BUG_IF(reply.code / 100 == 2 && reply.code != 220, "XCLIENT is answered 220 or refused");
    if (reply.code == 220)
        smtp_server_begin(s); /* the banner is the reply */
    else
        smtp_reply_put(s->out, reply, SMTP_REPLY_ENHANCED);
}
