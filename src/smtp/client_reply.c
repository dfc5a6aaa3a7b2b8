/* SPDX-License-Identifier: ISC */
/* What each reply means, by what it answers. */
#include "name/literal.h"
#include "smtp/client_impl.h"

#include "base/num.h"

struct smtp_client_reply smtp_client_reply_now(const struct smtp_client *c)
{
    struct smtp_client_reply r = {.code = c->reader.code, .text = smtp_reader_text(&c->reader)};

    if (smtp_enhanced_take(r.text, &r.enhanced))
        r.disagrees = (unsigned)(r.enhanced.p[0] - '0') != r.code / 100;
    r.disagrees = r.disagrees || c->reader.first_code != r.code;
    return r;
}

static bool is_good(const struct smtp_client *c)
{
    return c->reader.code / 100 == 2;
}

static size_t keep(char out[SMTP_HELLO_TEXT_BYTES], span text)
{
    text = span_head(text, SMTP_HELLO_TEXT_BYTES);
    if (text.n > 0)
        memcpy(out, text.p, text.n);
    return text.n;
}

void smtp_client_hello_line(struct smtp_client *c, unsigned number, span line)
{
    struct smtp_ext_line ext = smtp_ext_parse(line);

    if (number == 1) {
        c->hello_n = keep(c->hello, line);
        return;
    }
    c->offered |= ext.ext;
    if (ext.ext == SMTP_EXT_AUTH)
        smtp_client_note_mechanisms(c, ext.argument);
    if (ext.ext == SMTP_EXT_SIZE && !num_parse_u64(ext.argument, UINT64_MAX, &c->size_limit))
        c->size_limit = 0;
}

void smtp_client_forget_greeting(struct smtp_client *c)
{
    c->offered = 0;
    c->ext = 0;
    c->size_limit = 0;
    c->mechanisms_n = 0;
    c->greeted = false;
}

void smtp_client_refuse(struct smtp_client *c, enum smtp_stage stage, unsigned code, span words)
{
    struct smtp_client_reply r = {.code = code, .text = words, .local = true};

    if (words.n == 0)
        r = smtp_client_reply_now(c);
    smtp_client_tell(
        c, (struct smtp_client_event){.kind = SMTP_CLIENT_REFUSED, .stage = stage, .reply = r});
    c->greeted = false;
    c->refused = true;
    c->quitting = true;
}

/* By its reply. */
static void refuse(struct smtp_client *c, enum smtp_stage stage)
{
    smtp_client_refuse(c, stage, 0, SPAN_NONE);
}

static void on_banner(struct smtp_client *c)
{
    c->banner_n = keep(c->banner, smtp_reader_text(&c->reader));
    if (c->reader.code == 220)
        smtp_client_emit_greeting(c, SMTP_STAGE_EHLO);
    else
        refuse(c, SMTP_STAGE_BANNER);
}

/*
 * HELO is for servers that do not know EHLO (RFC 5321 3.2, 4.1.4); a server that
 * refuses our name would refuse it again, and HELO has no literals. LMTP has none.
 */
static bool may_say_helo(const struct smtp_client *c)
{
    bool unknown = c->reader.code == 500 || c->reader.code == 502;

    return unknown && !c->conf->lmtp && literal_parse(c->conf->name).kind == LITERAL_NONE;
}

static void on_ehlo(struct smtp_client *c)
{
    if (is_good(c)) {
        c->ext = c->offered & c->conf->use;
        c->greeted = !smtp_client_secure_next(c);
    } else if (may_say_helo(c)) {
        c->said_helo = true;
        smtp_client_forget_greeting(c);
        smtp_client_emit_greeting(c, SMTP_STAGE_HELO);
    } else {
        refuse(c, SMTP_STAGE_EHLO);
    }
}

static void on_helo(struct smtp_client *c)
{
    smtp_client_forget_greeting(c);
    if (is_good(c))
        c->greeted = !smtp_client_secure_next(c);
    else
        refuse(c, SMTP_STAGE_HELO);
}

static void tell_result(struct smtp_client *c, enum smtp_client_kind kind,
                        const struct smtp_client_expect *e, size_t rcpt)
{
    smtp_client_tell(c, (struct smtp_client_event){.kind = kind,
                                                   .stage = e->stage,
                                                   .reply = smtp_client_reply_now(c),
                                                   .mail = e->mail,
                                                   .rcpt = rcpt});
}

static void on_mail(struct smtp_client *c, const struct smtp_client_expect *e)
{
    c->mail_refused = !is_good(c);
    tell_result(c, SMTP_CLIENT_MAIL_RESULT, e, SMTP_ALL_RCPTS);
}

static void on_rcpt(struct smtp_client *c, const struct smtp_client_expect *e)
{
    /* Behind a refused MAIL come refusals of order, which say nothing about the recipient. */
    if (c->mail_refused)
        return;
    e->mail->rcpts[e->seen].accepted = is_good(c);
    c->good_rcpts += is_good(c);
    tell_result(c, SMTP_CLIENT_RCPT_RESULT, e, e->seen);
}

/* 354 although nobody is to get it (RFC 2920 3.1): an empty message ends it. */
static void end_unwanted(struct smtp_client *c, struct smtp_client_mail *mail)
{
    dot_writer_end(&c->dots, c->out);
    /* LMTP answers for each accepted recipient, and there is none. */
    if (!c->conf->lmtp)
        smtp_client_expect(c, SMTP_STAGE_DATA_END, NULL, 1);
    smtp_client_done(c, mail);
    c->sending = NULL;
}

static void on_data(struct smtp_client *c, const struct smtp_client_expect *e)
{
    bool wanted = !c->mail_refused && c->good_rcpts > 0;

    if (c->reader.code / 100 == 3 && wanted) {
        c->body_open = true;
        c->dots = (struct dot_writer){0};
    } else if (c->reader.code / 100 == 3) {
        end_unwanted(c, e->mail);
    } else {
        if (wanted)
            tell_result(c, SMTP_CLIENT_DATA_RESULT, e, SMTP_ALL_RCPTS);
        c->needs_rset = !c->mail_refused;
        smtp_client_done(c, e->mail);
        c->sending = NULL;
        if (is_good(c))
            smtp_client_end_with(c, SMTP_CLIENT_END_PROTOCOL, e->stage, "DATA was answered 2yz");
    }
}

/* The place of the n-th accepted recipient. */
static size_t nth_accepted(const struct smtp_client_mail *mail, size_t n)
{
    size_t i = 0;

    for (; i < mail->rcpt_count; i++) {
        if (mail->rcpts[i].accepted && n-- == 0)
            break;
    }
    return i;
}

static void on_data_end(struct smtp_client *c, const struct smtp_client_expect *e)
{
    if (e->mail == NULL)
        return; /* the end of a message to nobody */
    tell_result(c, SMTP_CLIENT_DATA_RESULT, e,
                c->conf->lmtp ? nth_accepted(e->mail, e->seen) : SMTP_ALL_RCPTS);
    if (e->seen + 1 == e->count)
        smtp_client_done(c, e->mail);
}

static void dispatch(struct smtp_client *c, const struct smtp_client_expect *e)
{
    switch (e->stage) {
    case SMTP_STAGE_BANNER:
        on_banner(c);
        return;
    case SMTP_STAGE_EHLO:
        on_ehlo(c);
        return;
    case SMTP_STAGE_HELO:
        on_helo(c);
        return;
    case SMTP_STAGE_STARTTLS:
        smtp_client_on_starttls(c);
        return;
    case SMTP_STAGE_AUTH:
        smtp_client_on_auth(c);
        return;
    case SMTP_STAGE_MAIL:
        on_mail(c, e);
        return;
    case SMTP_STAGE_RCPT:
        on_rcpt(c, e);
        return;
    case SMTP_STAGE_DATA:
        on_data(c, e);
        return;
    case SMTP_STAGE_DATA_END:
        on_data_end(c, e);
        return;
    case SMTP_STAGE_QUIT:
        smtp_client_end_with(c, SMTP_CLIENT_END_QUIT, SMTP_STAGE_QUIT, "");
        return;
    case SMTP_STAGE_RSET:
        return;
    case SMTP_STAGE_TLS:
    case SMTP_STAGE_BODY:
    case SMTP_STAGE_IDLE:
        break;
    }
    BUG("a reply to nothing that has replies");
}

/* Take the first expectation's next reply; gone when all have come. */
static struct smtp_client_expect take_expected(struct smtp_client *c)
{
    struct smtp_client_expect e = c->expect[0];

    if (++c->expect[0].seen == e.count) {
        c->expect_n--;
        memmove(c->expect, c->expect + 1, c->expect_n * sizeof(c->expect[0]));
    }
    return e;
}

void smtp_client_reply(struct smtp_client *c)
{
    struct smtp_client_expect e = {.stage = smtp_client_stage(c)};
    bool closes = c->reader.code == 421;

    c->since_ms = -1;
    if (c->expect_n > 0) {
        e = take_expected(c);
        dispatch(c, &e);
    } else if (!closes) {
        smtp_client_end_with(c, SMTP_CLIENT_END_PROTOCOL, e.stage, "a reply to no command");
    }
    if (closes) {
        smtp_client_end_with(c, c->refused ? SMTP_CLIENT_END_REFUSED : SMTP_CLIENT_END_421, e.stage,
                             "");
        c->end.reply = smtp_client_reply_now(c);
    }
}
