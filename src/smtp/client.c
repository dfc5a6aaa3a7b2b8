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

/* Read until something is to be told or the input is used up. */
static void read_input(struct smtp_client *c)
{
    while (may_read(c)) {
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

    if (c->closed) {
        *out_ev = c->end;
        return true;
    }
    if (c->body_open) {
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

static enum err check_mail(const struct smtp_client_mail *mail)
{
    enum err e = check_address(mail->sender, PATH_ALLOW_NULL);

    for (size_t i = 0; e == ERR_OK && i < mail->rcpt_count; i++)
        e = check_address(mail->rcpts[i].address, PATH_ALLOW_POSTMASTER);
    return e;
}

enum err smtp_client_mail(struct smtp_client *c, struct smtp_client_mail *mail)
{
    enum err e = check_mail(mail);

    BUG_IF(!smtp_client_is_ready(c), "a mail was given to a client that is not ready");
    BUG_IF(mail->rcpt_count == 0, "a mail to nobody");
    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < mail->rcpt_count; i++)
        mail->rcpts[i].accepted = false;
    c->mails++;
    if ((c->ext & SMTP_EXT_SIZE) != 0 && c->size_limit > 0 && mail->size_bytes > c->size_limit) {
        smtp_client_tell(c,
                         (struct smtp_client_event){
                             .kind = SMTP_CLIENT_MAIL_RESULT,
                             .stage = SMTP_STAGE_MAIL,
                             .reply = {552, SPAN("5.3.4"),
                                       SPAN("larger than the server says it takes"), true, false},
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
    return dot_writer_put(&c->dots, c->out, s);
}

bool smtp_client_body_end(struct smtp_client *c)
{
    BUG_IF(!c->body_open, "the end of a body that nobody wants");
    if (buf_room(c->out) < DOT_END_BYTES)
        return false;
    dot_writer_end(&c->dots, c->out);
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
