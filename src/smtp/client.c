/* SPDX-License-Identifier: ISC */
/* The session as a whole: giving mails, bodies and input, events, time. */
#include "smtp/client.h"

#include "name/domain.h"
#include "name/literal.h"
#include "name/path.h"
#include "smtp/client_impl.h"

static bool is_our_name(span name)
{
    struct domain d = domain_parse(name);
    struct literal l = literal_parse(name);

    return domain_is_valid(&d) ||
           (l.kind != LITERAL_NONE && l.kind != LITERAL_MALFORMED && l.trailing.n == 0);
}

enum err smtp_client_init(struct smtp_client *c, const struct smtp_client_conf *conf,
                          struct buf *out)
{
    if (!is_our_name(conf->name))
        return ERR_CONF;
    BUG_IF(out->cap < SMTP_CLIENT_ROOM_BYTES, "no room for a command");
    memset(c, 0, offsetof(struct smtp_client, reader));
    smtp_reader_init(&c->reader);
    c->conf = conf;
    c->out = out;
    c->since_ms = -1;
    smtp_client_expect(c, SMTP_STAGE_BANNER, NULL, 1);
    return ERR_OK;
}

void smtp_client_expect(struct smtp_client *c, enum smtp_stage stage, struct smtp_client_mail *mail,
                        size_t count)
{
    struct smtp_client_expect *last = c->expect_n > 0 ? &c->expect[c->expect_n - 1] : NULL;

    if (c->expect_n == 0)
        c->since_ms = -1;
    if (last != NULL && last->stage == stage && last->mail == mail) {
        last->count += count;
        return;
    }
    BUG_IF(c->expect_n == COUNT(c->expect), "more commands under way than can be");
    /* Replies to RCPT are numbered from the first recipient, whenever they were asked for. */
    c->expect[c->expect_n++] = (struct smtp_client_expect){
        stage, mail, stage == SMTP_STAGE_RCPT ? c->next_rcpt + count : count,
        stage == SMTP_STAGE_RCPT ? c->next_rcpt : 0};
}

void smtp_client_tell(struct smtp_client *c, struct smtp_client_event ev)
{
    BUG_IF(c->told_due, "two results at once");
    c->told = ev;
    c->told_due = true;
}

void smtp_client_done(struct smtp_client *c, struct smtp_client_mail *mail)
{
    BUG_IF(c->done_due, "two mails done at once");
    c->done_mail = mail;
    c->done_due = true;
}

/* The mail longest under way, if any. */
static struct smtp_client_mail *oldest_mail(const struct smtp_client *c)
{
    for (size_t i = 0; i < c->expect_n; i++) {
        if (c->expect[i].mail != NULL)
            return c->expect[i].mail;
    }
    return c->sending;
}

void smtp_client_end_with(struct smtp_client *c, enum smtp_client_end end, enum smtp_stage stage,
                          const char *words)
{
    bool dotted =
        c->expect_n > 0 && c->expect[0].stage == SMTP_STAGE_DATA_END && c->expect[0].mail != NULL;

    if (c->closed)
        return;
    c->closed = true;
    c->body_open = false;
    c->handshake = false;
    c->end = (struct smtp_client_event){.kind = SMTP_CLIENT_CLOSED,
                                        .stage = stage,
                                        .reply = {.text = span_cstr(words), .local = true},
                                        .mail = oldest_mail(c),
                                        .end = end,
                                        .maybe_delivered = dotted};
}

void smtp_client_feed(struct smtp_client *c, span in)
{
    c->in = in;
}

span smtp_client_rest(const struct smtp_client *c)
{
    return c->closed ? SPAN_NONE : c->in;
}

/* A reply may make us write: not in a body, where no reply is due. */
static bool may_read(const struct smtp_client *c)
{
    return c->in.n > 0 && !c->told_due && !c->done_due && !c->closed &&
           (c->body_open || buf_room(c->out) >= SMTP_CLIENT_ROOM_BYTES);
}

/* Whoever speaks between the 220 and TLS is not the server that will be under it. */
static void check_injection(struct smtp_client *c)
{
    if (c->handshake && c->in.n > 0)
        smtp_client_end_with(c, SMTP_CLIENT_END_PROTOCOL, SMTP_STAGE_STARTTLS,
                             "octets behind the reply to STARTTLS");
}

/* Read until something is to be told or the input is used up. */
static void read_input(struct smtp_client *c)
{
    while (check_injection(c), may_read(c)) {
        enum smtp_stage stage = smtp_client_stage(c);
        enum smtp_read_step step = smtp_reader_next(&c->reader, &c->in);

        if (step == SMTP_READ_BAD)
            smtp_client_end_with(c, SMTP_CLIENT_END_PROTOCOL, stage, c->reader.bad);
        if ((step == SMTP_READ_LINE || step == SMTP_READ_LAST) && stage == SMTP_STAGE_EHLO)
            smtp_client_hello_line(c, c->reader.lines, c->reader.line);
        if (step == SMTP_READ_LAST)
            smtp_client_reply(c);
        if (step == SMTP_READ_LAST && !c->told_due && !c->done_due)
            smtp_client_emit_more(c);
    }
}

/* What holds as long as nothing new happens. */
static bool tell_standing(struct smtp_client *c, struct smtp_client_event *out_ev)
{
    struct smtp_client_event ev = {.kind = SMTP_CLIENT_READY, .stage = SMTP_STAGE_IDLE};
    bool may_say = !c->quitting && buf_room(c->out) >= SMTP_CLIENT_ROOM_BYTES;

    if (c->closed) {
        *out_ev = c->end;
        return true;
    }
    if (c->handshake) {
        ev = (struct smtp_client_event){.kind = SMTP_CLIENT_HANDSHAKE, .stage = SMTP_STAGE_TLS};
    } else if (c->challenged && may_say) {
        ev = (struct smtp_client_event){.kind = SMTP_CLIENT_CHALLENGE,
                                        .stage = SMTP_STAGE_AUTH,
                                        .challenge = span_of(c->challenge, c->challenge_n)};
    } else if (c->login_due && may_say) {
        ev = (struct smtp_client_event){.kind = SMTP_CLIENT_WANTS_AUTH, .stage = SMTP_STAGE_AUTH};
    } else if (c->body_open) {
        ev = (struct smtp_client_event){
            .kind = SMTP_CLIENT_WANTS_BODY, .stage = SMTP_STAGE_BODY, .mail = c->sending};
    } else if (!smtp_client_is_ready(c)) {
        return false;
    }
    *out_ev = ev;
    return true;
}

bool smtp_client_next(struct smtp_client *c, struct smtp_client_event *out_ev)
{
    if (!c->told_due && !c->done_due) {
        smtp_client_emit_more(c);
        read_input(c);
    }
    if (c->told_due) {
        c->told_due = false;
        *out_ev = c->told;
        return true;
    }
    if (c->done_due) {
        c->done_due = false;
        *out_ev = (struct smtp_client_event){
            .kind = SMTP_CLIENT_MAIL_DONE, .stage = SMTP_STAGE_IDLE, .mail = c->done_mail};
        return true;
    }
    return tell_standing(c, out_ev);
}

bool smtp_client_is_ready(const struct smtp_client *c)
{
    bool chained = (c->ext & SMTP_EXT_PIPELINING) != 0 && c->expect_n <= 1;

    return c->greeted && !c->closed && !c->quitting && c->sending == NULL &&
           (c->expect_n == 0 || chained);
}

static enum err check_address(span address, unsigned allow)
{
    struct path p;
    enum path_fault fault = path_parse_address(address, allow, &p);

    if (fault == PATH_LONG || fault == PATH_LONG_LOCAL)
        return ERR_LIMIT;
    return fault == PATH_FINE ? ERR_OK : ERR_SYNTAX;
}

static enum err check_mail(const struct smtp_client *c, const struct smtp_client_mail *mail)
{
    unsigned utf8 = mail->utf8 && (c->ext & SMTP_EXT_SMTPUTF8) != 0 ? PATH_ALLOW_UTF8 : 0;
    enum err e = check_address(mail->sender, PATH_ALLOW_NULL | utf8);

    if (e == ERR_OK && (mail->envid.n > SMTP_ENVID_MAX_BYTES || !smtp_xtext_ok(mail->envid)))
        e = ERR_SYNTAX;
    for (size_t i = 0; e == ERR_OK && i < mail->rcpt_count; i++) {
        const struct smtp_client_rcpt *r = &mail->rcpts[i];

        e = check_address(r->address, PATH_ALLOW_POSTMASTER | utf8);
        if (e == ERR_OK && r->orcpt.n > 0 && !smtp_orcpt_ok(r->orcpt) &&
            !smtp_orcpt_utf8_ok(r->orcpt))
            e = ERR_SYNTAX;
    }
    return e;
}

/* What a server must have for a mail; the reply that a mail gets which lacks it. */
static const struct {
    size_t wish; /* offset of the mail's bool */
    unsigned ext;
    bool under_tls;
    struct smtp_client_reply reply;
} needs[] = {
    {offsetof(struct smtp_client_mail, requiretls),
     SMTP_EXT_REQUIRETLS,
     true,
     {550, SPAN_INIT("5.7.30"), SPAN_INIT("the server does not do REQUIRETLS"), true, false}},
    {offsetof(struct smtp_client_mail, utf8),
     SMTP_EXT_SMTPUTF8,
     false,
     {553, SPAN_INIT("5.6.7"), SPAN_INIT("the server does not do SMTPUTF8"), true, false}},
    {offsetof(struct smtp_client_mail, binary),
     SMTP_EXT_BINARYMIME | SMTP_EXT_CHUNKING,
     false,
     {554, SPAN_INIT("5.6.1"), SPAN_INIT("the server takes no binary content"), true, false}},
};

static const struct smtp_client_reply too_large = {
    552, SPAN_INIT("5.3.4"), SPAN_INIT("larger than the server says it takes"), true, false};

/* Why the mail cannot be given to this server; NULL: it can. */
static const struct smtp_client_reply *hindrance(const struct smtp_client *c,
                                                 const struct smtp_client_mail *mail)
{
    for (size_t i = 0; i < COUNT(needs); i++) {
        bool wished = *(const bool *)(const void *)((const char *)mail + needs[i].wish);

        if (wished &&
            ((c->ext & needs[i].ext) != needs[i].ext || (needs[i].under_tls && !c->is_secured)))
            return &needs[i].reply;
    }
    if ((c->ext & SMTP_EXT_SIZE) != 0 && c->size_limit > 0 && mail->size_bytes > c->size_limit)
        return &too_large;
    return NULL;
}

enum err smtp_client_mail(struct smtp_client *c, struct smtp_client_mail *mail)
{
    const struct smtp_client_reply *why = hindrance(c, mail);
    enum err e = why == NULL ? check_mail(c, mail) : ERR_OK;

    BUG_IF(!smtp_client_is_ready(c), "a mail was given to a client that is not ready");
    BUG_IF(mail->rcpt_count == 0, "a mail to nobody");
    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < mail->rcpt_count; i++)
        mail->rcpts[i].accepted = false;
    c->mails++;
    if (why != NULL) {
        smtp_client_tell(c, (struct smtp_client_event){.kind = SMTP_CLIENT_MAIL_RESULT,
                                                       .stage = SMTP_STAGE_MAIL,
                                                       .reply = *why,
                                                       .mail = mail,
                                                       .rcpt = SMTP_ALL_RCPTS});
        smtp_client_done(c, mail);
        return ERR_OK;
    }
    c->sending = mail;
    c->next_stage = SMTP_STAGE_MAIL;
    return ERR_OK;
}

size_t smtp_client_body(struct smtp_client *c, span s)
{
    BUG_IF(!c->body_open, "a body that nobody wants");
    c->since_ms = -1;
    if (c->in_chunk) {
        BUG_IF(s.n > c->chunk_left, "more octets than BDAT said");
        s = span_head(s, buf_room(c->out));
        buf_put(c->out, s);
        c->chunk_left -= s.n;
        return s.n;
    }
    return dot_writer_put(&c->dots, c->out, s);
}

bool smtp_client_body_end(struct smtp_client *c)
{
    BUG_IF(!c->body_open, "the end of a body that nobody wants");
    BUG_IF(c->in_chunk && c->chunk_left > 0, "less octets than BDAT said");
    if (buf_room(c->out) < DOT_END_BYTES)
        return false;
    if (!c->in_chunk)
        dot_writer_end(&c->dots, c->out);
    c->in_chunk = false;
    c->body_open = false;
    smtp_client_expect(c, SMTP_STAGE_DATA_END, c->sending, c->conf->lmtp ? c->good_rcpts : 1);
    c->sending = NULL;
    return true;
}

void smtp_client_abort(struct smtp_client *c)
{
    smtp_client_end_with(c, SMTP_CLIENT_END_ABORTED, smtp_client_stage(c),
                         "the message could not be read");
}

void smtp_client_quit(struct smtp_client *c)
{
    c->quitting = true;
}

void smtp_client_lost(struct smtp_client *c)
{
    enum smtp_stage stage = smtp_client_stage(c);

    if (c->refused)
        smtp_client_end_with(c, SMTP_CLIENT_END_REFUSED, stage, "");
    else if (stage == SMTP_STAGE_QUIT)
        smtp_client_end_with(c, SMTP_CLIENT_END_QUIT, stage, "");
    else
        smtp_client_end_with(c, SMTP_CLIENT_END_LOST, stage, "the connection was lost");
}

void smtp_client_wrote(struct smtp_client *c)
{
    c->since_ms = -1;
}

enum smtp_stage smtp_client_stage(const struct smtp_client *c)
{
    if (c->expect_n > 0)
        return c->expect[0].stage;
    if (c->handshake)
        return SMTP_STAGE_TLS;
    if (c->challenged || c->login_due)
        return SMTP_STAGE_AUTH;
    return c->body_open ? SMTP_STAGE_BODY : SMTP_STAGE_IDLE;
}

static const struct {
    const char *name;
    int64_t seconds;
} stages[] = {
#define STAGE_ROW(id, name, seconds) [id] = {name, seconds},
    SMTP_STAGE_LIST(STAGE_ROW)
#undef STAGE_ROW
};

const char *smtp_stage_text(enum smtp_stage stage)
{
    return stages[stage].name;
}

int64_t smtp_client_deadline(struct smtp_client *c, int64_t now_ms)
{
    enum smtp_stage stage = smtp_client_stage(c);
    int64_t wait_ms = stages[stage].seconds * 1000;

    if (c->closed || stage == SMTP_STAGE_IDLE) {
        c->since_ms = -1;
        return INT64_MAX;
    }
    if (c->conf->timeout_ms > 0)
        wait_ms = min_i64(wait_ms, c->conf->timeout_ms);
    if (c->since_ms < 0)
        c->since_ms = now_ms;
    return c->since_ms + wait_ms;
}

void smtp_client_timeout(struct smtp_client *c, int64_t now_ms)
{
    enum smtp_stage stage = smtp_client_stage(c);

    if (c->closed || stage == SMTP_STAGE_IDLE || now_ms < smtp_client_deadline(c, now_ms))
        return;
    smtp_client_end_with(c, c->refused ? SMTP_CLIENT_END_REFUSED : SMTP_CLIENT_END_TIMEOUT, stage,
                         "no reply in time");
}

const char *smtp_client_end_text(enum smtp_client_end end)
{
    static const char *const texts[] = {
        [SMTP_CLIENT_END_QUIT] = "quit",         [SMTP_CLIENT_END_REFUSED] = "refused",
        [SMTP_CLIENT_END_421] = "closed-by-421", [SMTP_CLIENT_END_LOST] = "lost",
        [SMTP_CLIENT_END_TIMEOUT] = "timeout",   [SMTP_CLIENT_END_PROTOCOL] = "protocol",
        [SMTP_CLIENT_END_ABORTED] = "aborted",
    };

    return texts[end];
}
