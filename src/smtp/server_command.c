/* SPDX-License-Identifier: ISC */
/*
 * Commands: which there are, when each may come (RFC 5321 4.1.4), what each
 * asks of the layer above, and what the answer changes.
 */
#include "base/ascii.h"
#include "smtp/server_impl.h"

#define IN(state) (1u << SMTP_SERVER_##state)

/* Any time between the banner and the body. */
#define ANY (IN(START) | IN(GREETED) | IN(MAIL) | IN(RCPT))

/* ---- one function for each command ---- */

static void ask_greeting(struct smtp_server *s, enum smtp_greeting_verb verb, span name)
{
    if (name.n == 0) {
        smtp_server_say(s, SMTP_SAY(501, "5.5.4", "your name must follow"));
        return;
    }
    if (!smtp_server_junk(s))
        return;
    s->ev.verb = verb;
    s->ev.argument = name;
    smtp_server_ask(s, SMTP_EVENT_GREETING, smtp_reply_of(250, SPAN_NONE, s->conf->host));
}

static void do_helo(struct smtp_server *s, span arg)
{
    ask_greeting(s, SMTP_GREETING_HELO, arg);
}

static void do_ehlo(struct smtp_server *s, span arg)
{
    ask_greeting(s, SMTP_GREETING_EHLO, arg);
}

static void do_lhlo(struct smtp_server *s, span arg)
{
    ask_greeting(s, SMTP_GREETING_LHLO, arg);
}

/* Extensions in force: HELO promises none. */
static unsigned ext_of(const struct smtp_server *s)
{
    return s->verb == SMTP_GREETING_HELO ? 0 : s->conf->ext;
}

/* Take "FROM:" or "TO:" and the path off *arg; false: it was answered. */
static bool take_path(struct smtp_server *s, span *arg, span keyword, unsigned allow,
                      struct smtp_reply complaint)
{
    enum path_fault fault;

    if (!span_istarts(*arg, keyword)) {
        complaint.enhanced = SPAN("5.5.4");
        complaint.text = SPAN("the form is MAIL FROM:<address> or RCPT TO:<address>");
        smtp_server_say(s, complaint);
        return false;
    }
    /* A blank behind the colon is no good SMTP, but common, and means nothing else. */
    *arg = span_trim(span_skip(*arg, keyword.n));
    fault = path_take(arg, allow, &s->ev.path);
    if (fault == PATH_FINE)
        return true;
    complaint.text = span_cstr(path_fault_text(fault));
    if (fault == PATH_NEEDS_UTF8)
        complaint = smtp_reply_of(553, SPAN("5.6.7"), complaint.text);
    smtp_server_say(s, complaint);
    return false;
}

static bool params_are_fine(struct smtp_server *s, enum smtp_param_fault fault)
{
    switch (fault) {
    case SMTP_PARAM_FINE:
        return true;
    case SMTP_PARAM_UNKNOWN:
        smtp_server_say(s, SMTP_SAY(555, "5.5.4", "a parameter that is not known here"));
        return false;
    case SMTP_PARAM_BAD:
        smtp_server_say(s, SMTP_SAY(501, "5.5.4", "a parameter has a malformed value"));
        return false;
    case SMTP_PARAM_REPEATED:
        smtp_server_say(s, SMTP_SAY(501, "5.5.4", "a parameter was given twice"));
        return false;
    }
    BUG("a fault that parameters do not have");
}

static unsigned allow_utf8(const struct smtp_server *s, bool said)
{
    return said && (ext_of(s) & SMTP_EXT_SMTPUTF8) != 0 ? PATH_ALLOW_UTF8 : 0;
}

static void do_mail(struct smtp_server *s, span arg)
{
    unsigned allow = (unsigned)PATH_ALLOW_NULL | allow_utf8(s, true);
    struct smtp_reply complaint = SMTP_SAY(501, "5.1.7", "");
    uint64_t limit = s->conf->message_bytes;

    if (!take_path(s, &arg, SPAN("FROM:"), allow, complaint) ||
        !params_are_fine(s, smtp_mail_params_parse(arg, ext_of(s), &s->ev.mail)))
        return;
    if (s->ev.path.utf8 && !s->ev.mail.smtputf8)
        smtp_server_say(s, SMTP_SAY(553, "5.6.7", "an octet above 127 needs SMTPUTF8"));
    else if (limit > 0 && s->ev.mail.size_bytes > limit)
        smtp_server_say(s, SMTP_SAY(552, "5.3.4", "the message is larger than this server takes"));
    else
        smtp_server_ask(s, SMTP_EVENT_MAIL, SMTP_SAY(250, "2.1.0", "sender accepted"));
}

static void do_rcpt(struct smtp_server *s, span arg)
{
    unsigned allow = (unsigned)PATH_ALLOW_POSTMASTER | allow_utf8(s, s->utf8);
    struct smtp_reply complaint = SMTP_SAY(501, "5.1.3", "");

    if (!take_path(s, &arg, SPAN("TO:"), allow, complaint) ||
        !params_are_fine(s, smtp_rcpt_params_parse(arg, ext_of(s), &s->ev.rcpt)))
        return;
    if (s->recipients >= s->conf->recipients)
        /* The client sends the rest later (RFC 5321 4.5.3.1.10): no error of its own. */
        smtp_reply_put(s->out, SMTP_SAY(452, "4.5.3", "too many recipients"), SMTP_REPLY_ENHANCED);
    else
        smtp_server_ask(s, SMTP_EVENT_RCPT, SMTP_SAY(250, "2.1.5", "recipient accepted"));
}

static void do_data(struct smtp_server *s, span arg)
{
    (void)arg;
    if (s->recipients > 0)
        smtp_server_ask(s, SMTP_EVENT_DATA,
                        SMTP_SAY(354, "", "send the message, end it with CRLF.CRLF"));
    else if (s->refused_recipients && !s->conf->lmtp)
        smtp_server_say(s, SMTP_SAY(554, "5.5.1", "no valid recipients"));
    else
        smtp_server_say(s, SMTP_SAY(503, "5.5.1", "a recipient must come first"));
}

static void do_rset(struct smtp_server *s, span arg)
{
    (void)arg;
    if (smtp_server_junk(s))
        smtp_server_ask(s, SMTP_EVENT_RSET, SMTP_SAY(250, "2.0.0", "forgotten"));
}

/* Commands that change nothing. */
static void ask_junk(struct smtp_server *s, enum smtp_event_kind kind, span arg,
                     struct smtp_reply reply)
{
    if (!smtp_server_junk(s))
        return;
    s->ev.argument = arg;
    smtp_server_ask(s, kind, reply);
}

static void do_noop(struct smtp_server *s, span arg)
{
    ask_junk(s, SMTP_EVENT_NOOP, arg, SMTP_SAY(250, "2.0.0", "still here"));
}

static void do_help(struct smtp_server *s, span arg)
{
    ask_junk(s, SMTP_EVENT_HELP, arg,
             SMTP_SAY(214, "2.0.0",
                      "commands: HELO EHLO MAIL RCPT DATA RSET NOOP VRFY HELP QUIT\n"
                      "RFC 5321 tells what they do"));
}

static void do_vrfy(struct smtp_server *s, span arg)
{
    if (arg.n == 0)
        smtp_server_say(s, SMTP_SAY(501, "5.5.4", "an address must follow"));
    else
        ask_junk(s, SMTP_EVENT_VRFY, arg,
                 SMTP_SAY(252, "2.5.0", "not verified; send mail and see"));
}

static void do_quit(struct smtp_server *s, span arg)
{
    (void)arg;
    smtp_server_close(s, SMTP_SAY(221, "2.0.0", "goodbye"), SMTP_CLOSE_QUIT);
}

static void not_here(struct smtp_server *s, span arg)
{
    (void)arg;
    smtp_server_say(s, SMTP_SAY(502, "5.5.1", "that command is not offered here"));
}

/* A web browser, a proxy, a shell: whatever follows is not meant for us (ALPACA, 2021). */
static void not_smtp(struct smtp_server *s, span arg)
{
    (void)arg;
    smtp_server_close(s, SMTP_SAY(554, "5.5.1", "this is a mail server"), SMTP_CLOSE_NOT_SMTP);
}

/* ---- the table ---- */

/* What follows the verb. */
enum argument {
    ARG_ANY,
    ARG_NONE, /* 501 when there is something */
};

/* Whose verb it is. */
enum dialect {
    BOTH,
    SMTP_ONLY,
    LMTP_ONLY,
};

static const struct command {
    span verb;
    unsigned when; /* set of IN(state); elsewhere it is answered 503 */
    enum argument argument;
    enum dialect dialect;
    void (*run)(struct smtp_server *s, span arg);
} commands[] = {
    {SPAN_INIT("EHLO"), ANY, ARG_ANY, SMTP_ONLY, do_ehlo},
    {SPAN_INIT("HELO"), ANY, ARG_ANY, SMTP_ONLY, do_helo},
    {SPAN_INIT("LHLO"), ANY, ARG_ANY, LMTP_ONLY, do_lhlo},
    {SPAN_INIT("MAIL"), IN(GREETED), ARG_ANY, BOTH, do_mail},
    {SPAN_INIT("RCPT"), IN(MAIL) | IN(RCPT), ARG_ANY, BOTH, do_rcpt},
    {SPAN_INIT("DATA"), IN(MAIL) | IN(RCPT), ARG_NONE, BOTH, do_data},
    {SPAN_INIT("RSET"), ANY, ARG_NONE, BOTH, do_rset},
    {SPAN_INIT("NOOP"), ANY, ARG_ANY, BOTH, do_noop},
    {SPAN_INIT("VRFY"), ANY, ARG_ANY, BOTH, do_vrfy},
    {SPAN_INIT("HELP"), ANY, ARG_ANY, BOTH, do_help},
    {SPAN_INIT("QUIT"), ANY | IN(REFUSED), ARG_NONE, BOTH, do_quit},
    {SPAN_INIT("EXPN"), ANY, ARG_ANY, BOTH, not_here},
    {SPAN_INIT("ETRN"), ANY, ARG_ANY, BOTH, not_here},
    {SPAN_INIT("TURN"), ANY, ARG_ANY, BOTH, not_here},
    {SPAN_INIT("AUTH"), ANY, ARG_ANY, BOTH, not_here},
    {SPAN_INIT("BDAT"), ANY, ARG_ANY, BOTH, not_here},
    {SPAN_INIT("STARTTLS"), ANY, ARG_ANY, BOTH, not_here},
    {SPAN_INIT("XCLIENT"), ANY, ARG_ANY, BOTH, not_here},
    {SPAN_INIT("XFORWARD"), ANY, ARG_ANY, BOTH, not_here},
    {SPAN_INIT("GET"), ANY | IN(REFUSED), ARG_ANY, BOTH, not_smtp},
    {SPAN_INIT("POST"), ANY | IN(REFUSED), ARG_ANY, BOTH, not_smtp},
    {SPAN_INIT("PUT"), ANY | IN(REFUSED), ARG_ANY, BOTH, not_smtp},
    {SPAN_INIT("HEAD"), ANY | IN(REFUSED), ARG_ANY, BOTH, not_smtp},
    {SPAN_INIT("DELETE"), ANY | IN(REFUSED), ARG_ANY, BOTH, not_smtp},
    {SPAN_INIT("PATCH"), ANY | IN(REFUSED), ARG_ANY, BOTH, not_smtp},
    {SPAN_INIT("TRACE"), ANY | IN(REFUSED), ARG_ANY, BOTH, not_smtp},
    {SPAN_INIT("OPTIONS"), ANY | IN(REFUSED), ARG_ANY, BOTH, not_smtp},
    {SPAN_INIT("CONNECT"), ANY | IN(REFUSED), ARG_ANY, BOTH, not_smtp},
    {SPAN_INIT("PROXY"), ANY | IN(REFUSED), ARG_ANY, BOTH, not_smtp},
};

static const struct command *find_command(const struct smtp_server *s, span verb)
{
    enum dialect other = s->conf->lmtp ? SMTP_ONLY : LMTP_ONLY;

    for (size_t i = 0; i < COUNT(commands); i++) {
        if (commands[i].dialect != other && span_ieq(commands[i].verb, verb))
            return &commands[i];
    }
    return NULL;
}

/* It came at the wrong time: what should come instead? */
static void say_order(struct smtp_server *s)
{
    if (s->state == SMTP_SERVER_REFUSED)
        smtp_server_say(s, SMTP_SAY(503, "5.5.1", "no mail service for you; only QUIT is left"));
    else if (s->state == SMTP_SERVER_START && s->conf->lmtp)
        smtp_server_say(s, SMTP_SAY(503, "5.5.1", "say LHLO first"));
    else if (s->state == SMTP_SERVER_START)
        smtp_server_say(s, SMTP_SAY(503, "5.5.1", "say EHLO or HELO first"));
    else if (s->state == SMTP_SERVER_GREETED)
        smtp_server_say(s, SMTP_SAY(503, "5.5.1", "MAIL must come first"));
    else
        smtp_server_say(s, SMTP_SAY(503, "5.5.1", "a sender was given already; RSET forgets it"));
}

/* A fault that makes the line no command at all; code 0: there is none. */
static struct smtp_reply line_fault(const struct smtp_server *s, span line, enum smtp_line_end end)
{
    if (end == SMTP_LINE_TOO_LONG)
        return SMTP_SAY(500, "5.5.2", "line too long");
    if (end == SMTP_LINE_BARE_LF && s->conf->line_endings == DOT_STRICT)
        return SMTP_SAY(500, "5.5.2", "a bare LF; lines must end with CRLF");
    if (span_has(line, '\r'))
        return SMTP_SAY(500, "5.5.2", "a bare CR in the line");
    for (size_t i = 0; i < line.n; i++) {
        if (ascii_is_control(line.p[i]) && line.p[i] != '\t')
            return SMTP_SAY(501, "5.5.2", "a control octet in the line");
    }
    return smtp_reply_of(0, SPAN_NONE, SPAN_NONE);
}

static size_t verb_length(span line)
{
    size_t n = 0;

    while (n < line.n && !ascii_is_blank(line.p[n]))
        n++;
    return n;
}

void smtp_server_command(struct smtp_server *s, span line, enum smtp_line_end end)
{
    struct smtp_reply fault = line_fault(s, line, end);
    span verb = span_head(line, verb_length(line));
    span arg = span_trim(span_skip(line, verb.n));
    const struct command *c = find_command(s, verb);

    if (fault.code != 0)
        smtp_server_say(s, fault);
    else if (span_istarts(line, SPAN("SSH-")))
        not_smtp(s, arg);
    else if (c == NULL)
        smtp_server_say(s, SMTP_SAY(500, "5.5.2", "command not recognized"));
    else if ((c->when & 1u << s->state) == 0)
        say_order(s);
    else if (c->argument == ARG_NONE && arg.n > 0)
        smtp_server_say(s, SMTP_SAY(501, "5.5.4", "nothing may follow that command"));
    else
        c->run(s, arg);
}

/* ---- answers ---- */

/* The lines of an EHLO reply behind the first: what is announced, with its argument. */
static void put_extensions(struct smtp_server *s, struct buf *text)
{
    span keyword;

    for (unsigned bit = 0; (keyword = smtp_ext_keyword(bit)).n > 0; bit++) {
        if ((s->conf->ext & 1u << bit) == 0)
            continue;
        buf_putc(text, '\n');
        buf_put(text, keyword);
        if (1u << bit == SMTP_EXT_SIZE && s->conf->message_bytes > 0) {
            buf_putc(text, ' ');
            buf_put_u64(text, s->conf->message_bytes);
        }
    }
}

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
        s->junk = 0;
        s->utf8 = s->ev.mail.smtputf8;
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
    BUG_IF(reply.code / 100 == 2, "DATA is answered 354 or refused");
    if (reply.code / 100 == 3)
        smtp_server_data_begin(s);
    smtp_reply_put(s->out, reply, SMTP_REPLY_ENHANCED);
}

/* LMTP wants an answer for each recipient (RFC 2033 4.2): ask again for the next one. */
static void settle_data_end(struct smtp_server *s, struct smtp_reply reply)
{
    smtp_reply_put(s->out, reply, SMTP_REPLY_ENHANCED);
    if (s->conf->lmtp && ++s->ev.recipient < s->recipients)
        s->pending = true;
    else
        smtp_server_drop_mail(s);
}

static void settle_rset(struct smtp_server *s, struct smtp_reply reply)
{
    smtp_server_drop_mail(s);
    smtp_reply_put(s->out, reply, SMTP_REPLY_ENHANCED);
}

void smtp_server_settle(struct smtp_server *s, struct smtp_reply reply)
{
    BUG_IF(reply.code / 100 == 3 && s->ev.kind != SMTP_EVENT_DATA, "3yz is for DATA alone");
    switch (s->ev.kind) {
    case SMTP_EVENT_CONNECT:
        settle_connect(s, reply);
        return;
    case SMTP_EVENT_GREETING:
        settle_greeting(s, reply);
        return;
    case SMTP_EVENT_MAIL:
        settle_mail(s, reply);
        return;
    case SMTP_EVENT_RCPT:
        settle_rcpt(s, reply);
        return;
    case SMTP_EVENT_DATA:
        settle_data(s, reply);
        return;
    case SMTP_EVENT_DATA_END:
        settle_data_end(s, reply);
        return;
    case SMTP_EVENT_RSET:
        settle_rset(s, reply);
        return;
    case SMTP_EVENT_VRFY:
    case SMTP_EVENT_HELP:
    case SMTP_EVENT_NOOP:
        smtp_reply_put(s->out, reply, SMTP_REPLY_ENHANCED);
        return;
    case SMTP_EVENT_EXPN:
    case SMTP_EVENT_ETRN:
    case SMTP_EVENT_STARTTLS:
    case SMTP_EVENT_AUTH:
    case SMTP_EVENT_AUTH_STEP:
    case SMTP_EVENT_AUTH_CANCEL:
    case SMTP_EVENT_XCLIENT:
    case SMTP_EVENT_XFORWARD:
    case SMTP_EVENT_LONG_LINE:
    case SMTP_EVENT_CHUNK:
    case SMTP_EVENT_CLOSE:
        break;
    }
    BUG("an answer to an event that wants none");
}
