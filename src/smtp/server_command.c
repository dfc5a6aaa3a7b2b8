/* SPDX-License-Identifier: ISC */
/*
 * Commands: which there are, when each may come (RFC 5321 4.1.4), and what each asks of the
 * layer above. What the answers change is in server_answer.c.
 */
#include "base/ascii.h"
#include "smtp/server_impl.h"

#define IN(state) (1u << SMTP_SERVER_##state)

/* Any time between the banner and the body. */
#define ANY (IN(START) | IN(GREETED) | IN(MAIL) | IN(RCPT) | IN(CHUNKS) | IN(BROKEN))

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
    if (fault == PATH_NEEDS_UTF8 || fault == PATH_BAD_UTF8)
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
    return said && (smtp_server_ext(s) & SMTP_EXT_SMTPUTF8) != 0 ? PATH_ALLOW_UTF8 : 0;
}

static void do_mail(struct smtp_server *s, span arg)
{
    unsigned allow = (unsigned)PATH_ALLOW_NULL | allow_utf8(s, true);
    struct smtp_reply complaint = SMTP_SAY(501, "5.1.7", "");
    uint64_t limit = s->conf->message_bytes;

    if (!take_path(s, &arg, SPAN("FROM:"), allow, complaint) ||
        !params_are_fine(s, smtp_mail_params_parse(arg, smtp_server_ext(s), &s->ev.mail)))
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
        !params_are_fine(s, smtp_rcpt_params_parse(arg, smtp_server_ext(s), s->utf8, &s->ev.rcpt)))
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
    if (s->recipients == 0)
        smtp_server_say(s, smtp_server_no_recipient(s));
    else if (s->binary)
        smtp_server_say(s, SMTP_SAY(503, "5.5.1", "BINARYMIME content comes by BDAT only"));
    else
        smtp_server_ask(s, SMTP_EVENT_DATA,
                        SMTP_SAY(354, "", "send the message, end it with CRLF.CRLF"));
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

/* What wants something behind it and changes nothing. */
static void ask_about(struct smtp_server *s, enum smtp_event_kind kind, span arg,
                      struct smtp_reply reply)
{
    if (arg.n == 0)
        smtp_server_say(s, SMTP_SAY(501, "5.5.4", "something must follow that command"));
    else
        ask_junk(s, kind, arg, reply);
}

/* RFC 5321 7.3: who shows no addresses says neither yes nor no. */
static void do_vrfy(struct smtp_server *s, span arg)
{
    ask_about(s, SMTP_EVENT_VRFY, arg, SMTP_SAY(252, "2.5.0", "not verified; send mail and see"));
}

static void do_expn(struct smtp_server *s, span arg)
{
    ask_about(s, SMTP_EVENT_EXPN, arg, SMTP_SAY(252, "2.5.0", "not expanded; send mail and see"));
}

/* RFC 1985 is not announced; what waits here goes out by itself. */
static void do_etrn(struct smtp_server *s, span arg)
{
    ask_about(s, SMTP_EVENT_ETRN, arg, SMTP_SAY(502, "5.5.1", "no queue is started on request"));
}

static void do_xforward(struct smtp_server *s, span arg)
{
    ask_about(s, SMTP_EVENT_XFORWARD, arg, SMTP_SAY(550, "5.7.0", "not from you"));
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

static void do_help(struct smtp_server *s, span arg);

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
    ARG_NONE,   /* 501 when there is something */
    ARG_OCTETS, /* octets follow the line: they must be passed over also where it is not offered */
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
    unsigned ext; /* offered with that extension only; 0: always */
    void (*run)(struct smtp_server *s, span arg);
    span form; /* for HELP; empty: not told there */
} commands[] = {
    {SPAN_INIT("EHLO"), ANY, ARG_ANY, SMTP_ONLY, 0, do_ehlo, SPAN_INIT("EHLO name")},
    {SPAN_INIT("HELO"), ANY, ARG_ANY, SMTP_ONLY, 0, do_helo, SPAN_INIT("HELO name")},
    {SPAN_INIT("LHLO"), ANY, ARG_ANY, LMTP_ONLY, 0, do_lhlo, SPAN_INIT("LHLO name")},
    {SPAN_INIT("STARTTLS"), IN(START) | IN(GREETED), ARG_NONE, BOTH, SMTP_EXT_STARTTLS,
     smtp_server_starttls, SPAN_INIT("STARTTLS: then the session goes on under TLS")},
    {SPAN_INIT("AUTH"), IN(GREETED), ARG_ANY, BOTH, SMTP_EXT_AUTH, smtp_server_auth,
     SPAN_INIT("AUTH mechanism [base64]")},
    {SPAN_INIT("MAIL"), IN(GREETED), ARG_ANY, BOTH, 0, do_mail,
     SPAN_INIT("MAIL FROM:<address> [KEY=value ...]")},
    {SPAN_INIT("RCPT"), IN(MAIL) | IN(RCPT), ARG_ANY, BOTH, 0, do_rcpt,
     SPAN_INIT("RCPT TO:<address> [KEY=value ...]")},
    {SPAN_INIT("DATA"), IN(MAIL) | IN(RCPT), ARG_NONE, BOTH, 0, do_data,
     SPAN_INIT("DATA: then the message, up to a line that is a dot")},
    {SPAN_INIT("BDAT"), ANY | IN(REFUSED), ARG_OCTETS, BOTH, SMTP_EXT_CHUNKING, smtp_server_bdat,
     SPAN_INIT("BDAT octets [LAST]: then so many octets of the message")},
    {SPAN_INIT("RSET"), ANY, ARG_NONE, BOTH, 0, do_rset,
     SPAN_INIT("RSET: the message begun is forgotten")},
    {SPAN_INIT("NOOP"), ANY, ARG_ANY, BOTH, 0, do_noop, SPAN_INIT("NOOP: nothing is done")},
    {SPAN_INIT("VRFY"), ANY, ARG_ANY, BOTH, 0, do_vrfy,
     SPAN_INIT("VRFY address: answered, but not told")},
    {SPAN_INIT("EXPN"), ANY, ARG_ANY, BOTH, 0, do_expn,
     SPAN_INIT("EXPN list: answered, but not told")},
    {SPAN_INIT("HELP"), ANY, ARG_ANY, BOTH, 0, do_help, SPAN_INIT("HELP [command]")},
    {SPAN_INIT("QUIT"), ANY | IN(REFUSED), ARG_NONE, BOTH, 0, do_quit,
     SPAN_INIT("QUIT: the session ends")},
    {SPAN_INIT("ETRN"), ANY, ARG_ANY, BOTH, 0, do_etrn, SPAN_INIT("")},
    {SPAN_INIT("TURN"), ANY, ARG_ANY, BOTH, 0, not_here, SPAN_INIT("")},
    {SPAN_INIT("XCLIENT"), IN(START) | IN(GREETED), ARG_ANY, BOTH, SMTP_EXT_XCLIENT,
     smtp_server_xclient, SPAN_INIT("")},
    {SPAN_INIT("XFORWARD"), IN(START) | IN(GREETED), ARG_ANY, BOTH, SMTP_EXT_XFORWARD, do_xforward,
     SPAN_INIT("")},
    {SPAN_INIT("GET"), ANY | IN(REFUSED), ARG_ANY, BOTH, 0, not_smtp, SPAN_INIT("")},
    {SPAN_INIT("POST"), ANY | IN(REFUSED), ARG_ANY, BOTH, 0, not_smtp, SPAN_INIT("")},
    {SPAN_INIT("PUT"), ANY | IN(REFUSED), ARG_ANY, BOTH, 0, not_smtp, SPAN_INIT("")},
    {SPAN_INIT("HEAD"), ANY | IN(REFUSED), ARG_ANY, BOTH, 0, not_smtp, SPAN_INIT("")},
    {SPAN_INIT("DELETE"), ANY | IN(REFUSED), ARG_ANY, BOTH, 0, not_smtp, SPAN_INIT("")},
    {SPAN_INIT("PATCH"), ANY | IN(REFUSED), ARG_ANY, BOTH, 0, not_smtp, SPAN_INIT("")},
    {SPAN_INIT("TRACE"), ANY | IN(REFUSED), ARG_ANY, BOTH, 0, not_smtp, SPAN_INIT("")},
    {SPAN_INIT("OPTIONS"), ANY | IN(REFUSED), ARG_ANY, BOTH, 0, not_smtp, SPAN_INIT("")},
    {SPAN_INIT("CONNECT"), ANY | IN(REFUSED), ARG_ANY, BOTH, 0, not_smtp, SPAN_INIT("")},
    {SPAN_INIT("PROXY"), ANY | IN(REFUSED), ARG_ANY, BOTH, 0, not_smtp, SPAN_INIT("")},
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

static bool is_offered(const struct smtp_server *s, const struct command *c)
{
    return c->ext == 0 || (smtp_server_announced(s) & c->ext) != 0;
}

/* A command of an extension that is not there now. */
static struct smtp_reply not_offered(const struct smtp_server *s, unsigned ext)
{
    if (ext == SMTP_EXT_STARTTLS && s->conf->tls)
        return SMTP_SAY(503, "5.5.1", "the session is under TLS already");
    if (ext == SMTP_EXT_AUTH && (s->conf->ext & SMTP_EXT_AUTH) != 0 &&
        (smtp_server_announced(s) & SMTP_EXT_STARTTLS) != 0)
        return SMTP_SAY(538, "5.7.11", "logging in needs TLS; say STARTTLS first");
    /* It is there, but for others (Postfix's XCLIENT_README). */
    if (ext == SMTP_EXT_XCLIENT || ext == SMTP_EXT_XFORWARD)
        return SMTP_SAY(550, "5.7.0", "not from you");
    return SMTP_SAY(502, "5.5.1", "that command is not offered here");
}

/* ---- HELP ---- */

/* The commands there are, in the memory of the line, which is done with. */
static struct smtp_reply help_all(struct smtp_server *s)
{
    struct buf text = BUF_OVER(s->own_line);

    buf_put(&text, SPAN("commands:"));
    for (size_t i = 0; i < COUNT(commands); i++) {
        const struct command *c = find_command(s, commands[i].verb);

        if (c != &commands[i] || c->form.n == 0 || !is_offered(s, c))
            continue;
        buf_putc(&text, ' ');
        buf_put(&text, c->verb);
    }
    buf_put(&text, SPAN("\nHELP and a command tells its form; RFC 5321 tells what it does"));
    return smtp_reply_of(214, SPAN("2.0.0"), buf_span(&text));
}

static void do_help(struct smtp_server *s, span arg)
{
    const struct command *c = find_command(s, arg);

    if (arg.n == 0)
        ask_junk(s, SMTP_EVENT_HELP, arg, help_all(s));
    else if (c == NULL || c->form.n == 0)
        smtp_server_say(s, SMTP_SAY(504, "5.5.4", "there is no such command; say HELP alone"));
    else if (is_offered(s, c))
        ask_junk(s, SMTP_EVENT_HELP, arg, smtp_reply_of(214, SPAN("2.0.0"), c->form));
    else
        smtp_server_say(s, smtp_reply_of(504, SPAN("5.5.4"), not_offered(s, c->ext).text));
}

/* ---- one line ---- */

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

/* A greeting that is missing is the layer above's to word and to note. */
static void out_of_order(struct smtp_server *s, span verb)
{
    s->ev.argument = verb;
    if (s->state == SMTP_SERVER_START)
        smtp_server_ask(s, SMTP_EVENT_UNGREETED, smtp_server_order(s));
    else
        smtp_server_say(s, smtp_server_order(s));
}

void smtp_server_command(struct smtp_server *s, span line, enum smtp_line_end end)
{
    struct smtp_reply fault = line_fault(s, line, end);
    span verb = span_head(line, verb_length(line));
    span arg = span_trim(span_skip(line, verb.n));
    const struct command *c = find_command(s, verb);

    if (s->state == SMTP_SERVER_AUTH)
        smtp_server_auth_line(s, line, fault);
    else if (fault.code != 0)
        smtp_server_say(s, fault);
    else if (span_istarts(line, SPAN("SSH-")))
        not_smtp(s, arg);
    else if (c == NULL)
        smtp_server_say(s, SMTP_SAY(500, "5.5.2", "command not recognized"));
    else if (!is_offered(s, c) && c->argument != ARG_OCTETS)
        smtp_server_say(s, not_offered(s, c->ext));
    else if ((c->when & 1u << s->state) == 0)
        out_of_order(s, verb);
    else if (c->argument == ARG_NONE && arg.n > 0)
        smtp_server_say(s, SMTP_SAY(501, "5.5.4", "nothing may follow that command"));
    else
        c->run(s, arg);
}
