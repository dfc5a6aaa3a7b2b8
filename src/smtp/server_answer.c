/* SPDX-License-Identifier: ISC */
/* What answers change, and what the engine can tell of itself: its extensions, what must come next.
 */
#include "smtp/server_impl.h"

/* ---- extensions ---- */

unsigned smtp_server_announced(const struct smtp_server *s)
{
    unsigned ext = s->conf->ext;
    unsigned without = s->conf->tls ? SMTP_EXT_STARTTLS : SMTP_EXT_REQUIRETLS;

    if (s->conf->auth_mechanisms.n == 0)
        without |= SMTP_EXT_AUTH;
    if ((ext & SMTP_EXT_CHUNKING) == 0)
        without |= SMTP_EXT_BINARYMIME;
    if ((ext & SMTP_EXT_8BITMIME) == 0)
        without |= SMTP_EXT_SMTPUTF8;
    return ext & ~without;
}

unsigned smtp_server_ext(const struct smtp_server *s)
{
    return s->verb == SMTP_GREETING_HELO ? 0 : smtp_server_announced(s);
}

/* What stands behind the keyword of one extension. */
static void put_argument(struct buf *text, const struct smtp_server_conf *conf, unsigned ext)
{
    static const span none = {NULL, 0};
    span words = ext == SMTP_EXT_AUTH       ? conf->auth_mechanisms
                 : ext == SMTP_EXT_XCLIENT  ? conf->xclient_attributes
                 : ext == SMTP_EXT_XFORWARD ? conf->xforward_attributes
                                            : none;

    if (words.n > 0) {
        buf_putc(text, ' ');
        buf_put(text, words);
    } else if (ext == SMTP_EXT_SIZE && conf->message_bytes > 0) {
        buf_putc(text, ' ');
        buf_put_u64(text, conf->message_bytes);
    } else if (ext == SMTP_EXT_LIMITS) {
        buf_put(text, SPAN(" RCPTMAX="));
        buf_put_u64(text, conf->recipients);
    }
}

/* The lines of an EHLO reply behind the first: what is announced, with its argument. */
static void put_extensions(const struct smtp_server *s, struct buf *text)
{
    unsigned announced = smtp_server_announced(s);
    span keyword;

    for (unsigned bit = 0; (keyword = smtp_ext_keyword(bit)).n > 0; bit++) {
        if ((announced & 1u << bit) == 0)
            continue;
        buf_putc(text, '\n');
        buf_put(text, keyword);
        put_argument(text, s->conf, 1u << bit);
    }
}

/* ---- order ---- */

struct smtp_reply smtp_server_order(const struct smtp_server *s)
{
    switch (s->state) {
    case SMTP_SERVER_REFUSED:
        return SMTP_SAY(503, "5.5.1", "no mail service for you; only QUIT is left");
    case SMTP_SERVER_START:
        return s->conf->lmtp ? SMTP_SAY(503, "5.5.1", "say LHLO first")
                             : SMTP_SAY(503, "5.5.1", "say EHLO or HELO first");
    case SMTP_SERVER_GREETED:
        return SMTP_SAY(503, "5.5.1", "MAIL must come first");
    case SMTP_SERVER_MAIL:
    case SMTP_SERVER_RCPT:
        return SMTP_SAY(503, "5.5.1", "a sender was given already; RSET forgets it");
    case SMTP_SERVER_CHUNKS:
        return SMTP_SAY(503, "5.5.1", "a message by BDAT is under way; RSET forgets it");
    case SMTP_SERVER_BROKEN:
        return SMTP_SAY(503, "5.5.1", "the message was refused; say RSET");
    case SMTP_SERVER_CONNECT:
    case SMTP_SERVER_TLS:
    case SMTP_SERVER_AUTH:
    case SMTP_SERVER_CHUNK:
    case SMTP_SERVER_DATA:
    case SMTP_SERVER_CLOSED:
        break;
    }
    BUG("a state in which no command is read");
}

struct smtp_reply smtp_server_no_recipient(const struct smtp_server *s)
{
    return s->refused_recipients && !s->conf->lmtp
               ? SMTP_SAY(554, "5.5.1", "no valid recipients")
               : SMTP_SAY(503, "5.5.1", "a recipient must come first");
}

/* ---- answers ---- */

static void settle_greeting(struct smtp_server *s, struct smtp_reply reply)
{
    char room[SMTP_REPLY_TEXT_BYTES];
    struct buf text = BUF_OVER(room);

    if (reply.code / 100 == 2) {
        smtp_server_drop_mail(s);
        s->verb = s->ev.verb;
        smtp_server_enter(s, SMTP_SERVER_GREETED);
    }
    if (reply.code / 100 == 2 && s->verb != SMTP_GREETING_HELO) {
        buf_put(&text, span_head(reply.text, SMTP_REPLY_LINE_BYTES / 2));
        put_extensions(s, &text);
        reply.text = buf_span(&text);
    }
    smtp_reply_put(s->out, reply, SMTP_REPLY_PLAIN);
}

static void settle_connect(struct smtp_server *s, struct smtp_reply reply)
{
    smtp_server_enter(s, reply.code == 220 ? SMTP_SERVER_START : SMTP_SERVER_REFUSED);
    smtp_reply_put(s->out, reply, SMTP_REPLY_PLAIN);
}

static void settle_mail(struct smtp_server *s, struct smtp_reply reply)
{
    if (reply.code / 100 == 2) {
        s->utf8 = s->ev.mail.smtputf8;
        s->binary = s->ev.mail.body == SMTP_BODY_BINARYMIME;
        smtp_server_enter(s, SMTP_SERVER_MAIL);
    }
    smtp_reply_put(s->out, reply, SMTP_REPLY_ENHANCED);
}

static void settle_rcpt(struct smtp_server *s, struct smtp_reply reply)
{
    if (reply.code / 100 == 2) {
        s->recipients++;
        smtp_server_enter(s, SMTP_SERVER_RCPT);
    } else {
        s->refused_recipients = true;
    }
    smtp_reply_put(s->out, reply, SMTP_REPLY_ENHANCED);
}

static void settle_data(struct smtp_server *s, struct smtp_reply reply)
{
    unsigned consent = s->ev.chunked ? 2 : 3;

    BUG_IF(reply.code < 400 && reply.code / 100 != consent, "DATA is answered 354, BDAT 250");
    if (reply.code < 400)
        smtp_server_data_begin(s);
    else if (s->ev.chunked)
        smtp_server_bdat_refused(s, reply);
    /* A chunk is answered when it is there. */
    if (!s->ev.chunked)
        smtp_reply_put(s->out, reply, SMTP_REPLY_ENHANCED);
}

/*
 * LMTP wants an answer for each recipient (RFC 2033 4.2): ask again for the next one. A chunk that
 * is not the last has one, and others may follow it.
 */
static void settle_data_end(struct smtp_server *s, struct smtp_reply reply)
{
    bool early = s->state == SMTP_SERVER_CHUNK && !s->chunk_last;

    smtp_reply_put(s->out, reply, SMTP_REPLY_ENHANCED);
    if (s->conf->lmtp && !early && ++s->ev.recipient < s->recipients) {
        s->pending = true;
        return;
    }
    smtp_server_drop_mail(s);
    if (reply.code / 100 == 2)
        s->junk = 0;
    if (early)
        smtp_server_enter(s, SMTP_SERVER_BROKEN);
}

static void settle_rset(struct smtp_server *s, struct smtp_reply reply)
{
    smtp_server_drop_mail(s);
    smtp_reply_put(s->out, reply, SMTP_REPLY_ENHANCED);
}

static void settle_plain(struct smtp_server *s, struct smtp_reply reply)
{
    smtp_reply_put(s->out, reply, SMTP_REPLY_ENHANCED);
}

void smtp_server_settle(struct smtp_server *s, struct smtp_reply reply)
{
    static void (*const settle[])(struct smtp_server * s, struct smtp_reply reply) = {
        [SMTP_EVENT_CONNECT] = settle_connect,
        [SMTP_EVENT_GREETING] = settle_greeting,
        [SMTP_EVENT_UNGREETED] = smtp_server_say,
        [SMTP_EVENT_MAIL] = settle_mail,
        [SMTP_EVENT_RCPT] = settle_rcpt,
        [SMTP_EVENT_DATA] = settle_data,
        [SMTP_EVENT_DATA_END] = settle_data_end,
        [SMTP_EVENT_RSET] = settle_rset,
        [SMTP_EVENT_VRFY] = settle_plain,
        [SMTP_EVENT_EXPN] = settle_plain,
        [SMTP_EVENT_ETRN] = settle_plain,
        [SMTP_EVENT_HELP] = settle_plain,
        [SMTP_EVENT_NOOP] = settle_plain,
        [SMTP_EVENT_STARTTLS] = smtp_server_starttls_settle,
        [SMTP_EVENT_AUTH] = smtp_server_auth_settle,
        [SMTP_EVENT_AUTH_STEP] = smtp_server_auth_settle,
        [SMTP_EVENT_AUTH_CANCEL] = smtp_server_auth_settle,
        [SMTP_EVENT_XCLIENT] = smtp_server_xclient_settle,
        [SMTP_EVENT_XFORWARD] = settle_plain,
        [SMTP_EVENT_CLOSE] = NULL,
    };

    BUG_IF(reply.code / 100 == 3 && s->ev.kind != SMTP_EVENT_DATA, "3yz is for DATA alone");
    BUG_IF(settle[s->ev.kind] == NULL, "an answer to an event that wants none");
    settle[s->ev.kind](s, reply);
}
