/* SPDX-License-Identifier: ISC */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OUT_FIXED_BYTES = 2048, RCPT_BYTES = 160, RETRY_US = 50000 };

static char *body;
static size_t body_length;

void load_body_make(const struct load_plan *plan)
{
    static const char line[] =
        "0123456789 the quick brown fox jumps over the lazy dog 0123456789 abcdefg\r\n";
    static const char end[] = ".\r\n";
    size_t want =
        plan->size_bytes > 400 ? plan->size_bytes - 400 : 0; /* the header has about 400 octets */

    body = malloc(want + sizeof(line) + sizeof(end));
    if (body == NULL)
        abort();
    while (body_length < want) {
        memcpy(body + body_length, line, sizeof(line) - 1);
        body_length += sizeof(line) - 1;
    }
    memcpy(body + body_length, end, sizeof(end) - 1);
    body_length += sizeof(end) - 1;
}

__attribute__((format(printf, 2, 3))) static void say(struct load_session *s, const char *form, ...)
{
    va_list args;
    int length;

    if (s->out_at == s->out_length)
        s->out_at = s->out_length = 0;
    va_start(args, form);
    length = vsnprintf(s->out + s->out_length, s->out_room - s->out_length, form, args);
    va_end(args);
    if (length < 0 || (size_t)length >= s->out_room - s->out_length)
        abort(); /* load_session_init made too small a buffer */
    s->out_length += (size_t)length;
}

/* The recipient: every # in the pattern stands for its number. */
static void say_rcpt(struct load_session *s, unsigned number)
{
    char address[RCPT_BYTES - 16] = "";
    size_t length = 0;

    for (const char *p = s->plan->to; *p != '\0' && length + 12 < sizeof(address); p++) {
        if (*p == '#')
            length += (size_t)snprintf(address + length, sizeof(address) - length, "%u", number);
        else
            address[length++] = *p;
    }
    address[length] = '\0';
    say(s, "RCPT TO:<%s>\r\n", address);
}

void load_session_init(struct load_session *s, const struct load_plan *plan, unsigned number)
{
    *s = (struct load_session){.plan = plan, .fd = -1, .number = number};
    s->state = LOAD_WAITING;
    s->rounds_left = plan->rounds;
    s->messages_left = plan->messages;
    s->out_room = OUT_FIXED_BYTES + (size_t)plan->recipients * RCPT_BYTES;
    s->out = malloc(s->out_room);
    if (s->out == NULL)
        abort();
}

static void choose_source(struct load_session *s)
{
    struct sockaddr_in source = {.sin_family = AF_INET};
    int one = 1;

    if (s->plan->sources == 0)
        return;
    source.sin_addr.s_addr = htonl(0x7f000101u + s->number % s->plan->sources);
    (void)setsockopt(s->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
    (void)bind(s->fd, (const struct sockaddr *)&source, sizeof(source));
}

bool load_session_connect(struct load_session *s, uint64_t now_us)
{
    const struct sockaddr *server = (const struct sockaddr *)&s->plan->server;
    int one = 1;

    s->state = LOAD_BANNER; /* the banner is what comes first, and an error shows when it is read */
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0)
        return false;
    (void)setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    choose_source(s);
    s->out_at = s->out_length = s->line_length = 0;
    s->body_pending = false;
    s->begun_us = now_us;
    return connect(s->fd, server, sizeof(s->plan->server)) == 0 || errno == EINPROGRESS;
}

bool load_session_wants_write(const struct load_session *s)
{
    return s->out_at < s->out_length || s->body_pending;
}

static ssize_t send_parts(struct load_session *s, const struct iovec parts[2])
{
    if (s->ssl == NULL)
        return writev(s->fd, parts, 2);
    if (parts[0].iov_len > 0)
        return load_secure_send(s, parts[0].iov_base, parts[0].iov_len);
    return load_secure_send(s, parts[1].iov_base, parts[1].iov_len);
}

bool load_session_writable(struct load_session *s)
{
    while (s->out_at < s->out_length || s->body_pending) {
        struct iovec parts[2] = {
            {s->out + s->out_at, s->out_length - s->out_at},
            {body + s->body_at, s->body_pending ? body_length - s->body_at : 0}};
        ssize_t sent = send_parts(s, parts);
        size_t from_out;

        if (sent < 0)
            return errno == EAGAIN || errno == EINTR;
        from_out = (size_t)sent < parts[0].iov_len ? (size_t)sent : parts[0].iov_len;
        s->out_at += from_out;
        s->body_at += (size_t)sent - from_out;
        if (s->body_pending && s->body_at == body_length)
            s->body_pending = false;
    }
    return true;
}

static void say_header(struct load_session *s)
{
    say(s,
        "From: <%s>\r\nTo: undisclosed-recipients:;\r\nDate: Sat, 01 Jan 2028 00:00:00 +0000\r\n"
        "Subject: load message %u of session %u\r\nMessage-ID: <%s-%u-%u@load.example>\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n"
        "X-Load-Id: %s-%u-%u\r\n\r\n",
        s->plan->from, s->sent, s->number, s->plan->prefix, s->number, s->sent, s->plan->prefix,
        s->number, s->sent);
    s->body_pending = true;
    s->body_at = 0;
}

static void quit(struct load_session *s)
{
    say(s, "QUIT\r\n");
    s->state = LOAD_QUIT_SENT;
}

static void begin_message(struct load_session *s, uint64_t now_us)
{
    if (s->messages_left == 0) {
        quit(s);
        return;
    }
    s->begun_us = now_us;
    s->sent++;
    s->rcpt_done = s->rcpt_good = 0;
    s->state = LOAD_MAIL_SENT;
    say(s, "MAIL FROM:<%s>\r\n", s->plan->from);
    if (!s->plan->pipelined)
        return;
    for (unsigned i = 0; i < s->plan->recipients; i++)
        say_rcpt(s, i);
    say(s, "DATA\r\n");
}

static void count(struct load_session *s, struct load_totals *t, uint64_t now_us)
{
    if (t->accepted == t->took_room) {
        t->took_room = t->took_room * 2 + 4096;
        t->took_us = realloc(t->took_us, t->took_room * sizeof(*t->took_us));
        if (t->took_us == NULL)
            abort();
    }
    t->took_us[t->accepted++] = (uint32_t)(now_us - s->begun_us);
}

static void refused(struct load_session *s, struct load_totals *t)
{
    t->refused++;
    (void)snprintf(t->last_refusal, sizeof(t->last_refusal), "%.*s", (int)s->line_length, s->line);
}

static void answer_to_mail(struct load_session *s, bool good)
{
    if (!s->plan->pipelined && !good) {
        s->state = LOAD_RSET_SENT;
        say(s, "RSET\r\n");
        return;
    }
    s->state = LOAD_RCPT_SENT;
    if (!s->plan->pipelined)
        say_rcpt(s, 0);
}

static void answer_to_rcpt(struct load_session *s, bool good)
{
    s->rcpt_done++;
    s->rcpt_good += good ? 1 : 0;
    if (s->rcpt_done < s->plan->recipients) {
        if (!s->plan->pipelined)
            say_rcpt(s, s->rcpt_done);
        return;
    }
    s->state = LOAD_DATA_SENT;
    if (!s->plan->pipelined)
        say(s, "DATA\r\n");
}

static void answer_to_data(struct load_session *s, bool go)
{
    if (!go) {
        s->state = LOAD_RSET_SENT;
        say(s, "RSET\r\n");
        return;
    }
    s->state = LOAD_BODY_SENT;
    if (s->rcpt_good == 0)
        say(s, ".\r\n"); /* RFC 2920 3.1: a 354 without a good recipient */
    else
        say_header(s);
}

static void answer_to_body(struct load_session *s, struct load_totals *t, bool good,
                           uint64_t now_us)
{
    s->messages_left--;
    if (good) {
        count(s, t, now_us);
        if (s->plan->ids != NULL)
            (void)fprintf(s->plan->ids, "%s-%u-%u\n", s->plan->prefix, s->number, s->sent);
    }
    begin_message(s, now_us);
}

static void begin_tls(struct load_session *s)
{
    load_secure_begin(s);
    s->state = LOAD_SHAKING;
}

static void greeted(struct load_session *s, uint64_t now_us)
{
    if (s->plan->mode == LOAD_IDLE)
        s->state = LOAD_HELD;
    else if (s->plan->mode == LOAD_CONNECT)
        quit(s);
    else
        begin_message(s, now_us);
}

/* One whole reply has come; its code stands at the beginning of s->line. */
static bool answered(struct load_session *s, struct load_totals *t, uint64_t now_us)
{
    bool good = s->line[0] == '2', go = s->line[0] == '3';

    if (!good && !go)
        refused(s, t);
    switch (s->state) {
    case LOAD_BANNER:
        say(s, "EHLO %s\r\n", s->plan->helo);
        s->state = s->plan->starttls ? LOAD_EHLO_PLAIN : LOAD_EHLO;
        return good;
    case LOAD_EHLO_PLAIN:
        say(s, "STARTTLS\r\n");
        s->state = LOAD_STARTTLS_SENT;
        return good;
    case LOAD_STARTTLS_SENT:
        begin_tls(s);
        return good;
    case LOAD_EHLO:
        greeted(s, now_us);
        return good;
    case LOAD_MAIL_SENT:
        answer_to_mail(s, good);
        return true;
    case LOAD_RCPT_SENT:
        answer_to_rcpt(s, good);
        return true;
    case LOAD_DATA_SENT:
        answer_to_data(s, go);
        return true;
    case LOAD_BODY_SENT:
        answer_to_body(s, t, good, now_us);
        return true;
    case LOAD_RSET_SENT:
        s->messages_left--;
        begin_message(s, now_us);
        return true;
    case LOAD_QUIT_SENT:
        if (s->plan->mode == LOAD_CONNECT)
            count(s, t, now_us);
        s->state = LOAD_DONE;
        return false;
    case LOAD_WAITING:
    case LOAD_SHAKING:
    case LOAD_HELD:
    case LOAD_DONE:
        break;
    }
    return false;
}

/* Cut what came into lines; the last line of a reply has no hyphen after its code. */
static bool take(struct load_session *s, struct load_totals *t, const char *p, size_t length,
                 uint64_t now_us)
{
    for (size_t i = 0; i < length; i++) {
        if (p[i] != '\n') {
            if (s->line_length < sizeof(s->line))
                s->line[s->line_length++] = p[i];
            continue;
        }
        if (s->line_length >= 3 && (s->line_length == 3 || s->line[3] != '-') &&
            !answered(s, t, now_us))
            return false;
        s->line_length = 0;
    }
    return true;
}

/* False: it failed. Done, the client greets again. */
static bool shake(struct load_session *s, struct load_totals *t)
{
    ssize_t done = load_secure_shake(s);

    if (done != 1)
        return done < 0 && errno == EAGAIN;
    t->resumed += load_secure_resumed(s) ? 1 : 0;
    say(s, "EHLO %s\r\n", s->plan->helo);
    s->state = LOAD_EHLO;
    return true;
}

bool load_session_readable(struct load_session *s, struct load_totals *t, uint64_t now_us)
{
    char in[8192];

    for (;;) {
        ssize_t length;

        if (s->state == LOAD_SHAKING && (!shake(s, t) || s->state == LOAD_SHAKING))
            return s->state == LOAD_SHAKING && errno == EAGAIN;
        length =
            s->ssl != NULL ? load_secure_recv(s, in, sizeof(in)) : recv(s->fd, in, sizeof(in), 0);

        if (length <= 0)
            return length < 0 && (errno == EAGAIN || errno == EINTR);
        if (!take(s, t, in, (size_t)length, now_us))
            return false;
        if ((size_t)length < sizeof(in) && s->ssl == NULL)
            return true;
    }
}

void load_session_ended(struct load_session *s, struct load_totals *t, uint64_t now_us)
{
    load_secure_end(s);
    if (s->fd >= 0)
        (void)close(s->fd);
    s->fd = -1;
    if (s->state == LOAD_DONE) {
        s->rounds_left--;
        s->messages_left = s->plan->messages;
        s->state = s->rounds_left > 0 ? LOAD_WAITING : LOAD_DONE;
        s->wake_us = now_us;
        return;
    }
    t->lost++;
    if (s->state == LOAD_BODY_SENT)
        t->unsure++;
    s->state = s->plan->stubborn ? LOAD_WAITING : LOAD_DONE;
    s->wake_us = now_us + RETRY_US;
}

bool load_session_drip(struct load_session *s)
{
    static const char command[] = "MAIL FROM:<slow@example.org> ";

    if (s->octets >= 900)
        return true; /* a command line has its limit, and that is another test */
    const char *octet = command + s->octets++ % (sizeof(command) - 1);
    return (s->ssl != NULL ? load_secure_send(s, octet, 1) : send(s->fd, octet, 1, MSG_NOSIGNAL)) ==
               1 ||
           errno == EAGAIN;
}
