/* SPDX-License-Identifier: ISC */
/* What each line of a replay does. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../transcript/script.h"
#include "base/num.h"
#include "os/heap.h"
#include "server/relay.h"
#include "smtp/dot.h"
#include "stage.h"

#define TEXT_BYTES    (1u << 20)
#define SLOW_BYTES    2048
#define SMALL_BYTES   32768
#define PIECE_BYTES   60000
#define LONG_BYTES    40000
#define PEER_IN_BYTES (STAGE_BODY_MAX + TEXT_BYTES)

static span word_of(span *line)
{
    span word = SPAN_NONE;

    *line = span_trim(*line);
    (void)span_split(line, ' ', &word);
    *line = span_trim(*line);
    return word;
}

static uint64_t number_of(span s, uint64_t max)
{
    uint64_t n = 0;

    if (!num_parse_u64(s, max, &n)) {
        (void)stage_fail("a number expected", s);
        exit(2);
    }
    return n;
}

static span unescaped(span line, bool crlf)
{
    static char room[TEXT_BYTES];
    struct buf b = BUF_OVER(room);

    script_unescape(&b, line);
    if (crlf)
        buf_put(&b, SPAN("\r\n"));
    return buf_span(&b);
}

static struct stage_job *job_of(span word)
{
    return &stage.jobs[number_of(word, STAGE_JOBS_MAX - 1)];
}

/* ---- J> ---- */

static const struct {
    span word;
    enum job_transport transport;
} ways[] = {
    {SPAN_INIT("mx"), JOB_MX},           {SPAN_INIT("smtp"), JOB_SMARTHOST},
    {SPAN_INIT("lmtp"), JOB_LMTP_TCP},   {SPAN_INIT("unix"), JOB_LMTP_UNIX},
    {SPAN_INIT("maildir"), JOB_MAILDIR},
};

struct wish {
    struct job job;
    bool in_file;
    bool is_short;
    struct buf rcpts;
    struct stage_job *noted;
};

static void add_rcpts(struct wish *w, span list)
{
    span address;

    while (span_split(&list, ',', &address)) {
        address = stage_keep(unescaped(address, false));
        struct job_rcpt r = {.index = w->job.rcpt_count++, .address = address};

        job_put_rcpt(&w->rcpts, &r);
        w->noted->rcpts[w->noted->rcpt_count++] = address;
    }
}

static void set_body(struct wish *w, span text)
{
    struct buf b = buf_over(x_alloc(STAGE_BODY_MAX), STAGE_BODY_MAX);

    script_unescape(&b, text);
    w->noted->body = buf_span(&b);
}

/* "key=value"; false when it is the body, which takes the rest of the line. */
static bool set_option(struct wish *w, span word, span rest)
{
    span key = SPAN_NONE;

    (void)span_split(&word, '=', &key);
    if (span_eq(key, SPAN("from")))
        w->job.sender = word;
    else if (span_eq(key, SPAN("to")))
        add_rcpts(w, word);
    else if (span_eq(key, SPAN("port")))
        w->job.port = (uint16_t)number_of(word, UINT16_MAX);
    else if (span_eq(key, SPAN("egress")))
        w->job.egress = word;
    else if (span_eq(key, SPAN("8bit")))
        w->job.flags |= ENVELOPE_8BIT;
    else if (span_eq(key, SPAN("file")))
        w->in_file = true;
    else if (span_eq(key, SPAN("short")))
        w->in_file = w->is_short = true;
    else if (span_eq(key, SPAN("body")))
        set_body(w, span_of(word.p, (size_t)(rest.p + rest.n - word.p)));
    return !span_eq(key, SPAN("body"));
}

static int body_file(span body)
{
    int fd = memfd_create("body", MFD_CLOEXEC);

    if (fd < 0 || write(fd, body.p, body.n) != (ssize_t)body.n) {
        perror("memfd");
        exit(2);
    }
    return fd;
}

static bool send_job(struct wish *w, uint32_t tag)
{
    static char room[QUEUE_INLINE_BYTES + (64u << 10)];
    struct buf b = BUF_OVER(room);
    struct job *j = &w->job;

    j->id = w->noted->id = 0x1000u + tag;
    j->rcpts = buf_span(&w->rcpts);
    j->size = w->noted->body.n + (w->is_short ? 100 : 0);
    j->in_file = w->in_file;
    j->body = w->in_file ? SPAN_NONE : w->noted->body;
    job_put(&b, j);
    w->noted->given = true;
    if (b.overflow)
        return stage_fail("the job is too big", SPAN_NONE);
    return chan_send(stage_queue(), QUEUE_JOB, tag, buf_span(&b), SPAN_NONE,
                     w->in_file ? body_file(w->noted->body) : -1) == ERR_OK ||
           stage_fail("the job could not be sent", SPAN_NONE);
}

static bool line_job(size_t unused, span line)
{
    char rcpts[8192];
    span tag = word_of(&line);
    span way = word_of(&line);
    span host = word_of(&line);
    struct wish w = {.rcpts = BUF_OVER(rcpts), .noted = job_of(tag)};

    (void)unused;
    w.job.transport = JOB_TRANSPORT_COUNT;
    for (size_t i = 0; i < COUNT(ways); i++) {
        if (span_eq(way, ways[i].word))
            w.job.transport = ways[i].transport;
    }
    w.job.host = span_eq(host, SPAN("SOCKET")) ? span_cstr(stage.socket) : host;
    w.job.port = stage.port;
    set_body(&w, SPAN("hi\\r\\n"));
    for (span word = word_of(&line); word.n > 0; word = word_of(&line)) {
        if (!set_option(&w, word, line.n > 0 ? line : span_of(word.p + word.n, 0)))
            break;
    }
    return send_job(&w, (uint32_t)number_of(tag, STAGE_JOBS_MAX - 1));
}

/* ---- L: and A: ---- */

static struct stage_host *host_of(span name)
{
    for (size_t i = 0; i < stage.host_count; i++) {
        if (span_eq(stage.hosts[i].name, name))
            return &stage.hosts[i];
    }
    return NULL;
}

static struct net_addr address_of(span name)
{
    char text[128];
    struct buf b = BUF_OVER(text);
    struct net_addr at = {0};
    bool is_v6 = span_has(name, ':');

    if (span_eq(name, SPAN("SOCKET")))
        buf_printf(&b, "unix:%s", stage.socket);
    else
        buf_printf(&b, is_v6 ? "[%.*s]:%u" : "%.*s:%u", SPAN_ARG(name), stage.port);
    if (net_addr_parse(buf_span(&b), &at, NULL) != ERR_OK) {
        (void)stage_fail("not an address", name);
        exit(2);
    }
    return at;
}

static bool line_listen(size_t unused, span line)
{
    static const int one = 1;
    span name = word_of(&line);
    int room = span_eq(line, SPAN("slow")) ? SLOW_BYTES : SMALL_BYTES;
    struct stage_host *h = &stage.hosts[stage.host_count++];

    (void)unused;
    *h = (struct stage_host){.name = name, .at = address_of(name)};
    h->fd = socket(net_addr_family(&h->at), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (net_addr_family(&h->at) != AF_UNIX)
        (void)setsockopt(h->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (line.n > 0)
        (void)setsockopt(h->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
    return (h->fd >= 0 && bind(h->fd, &h->at.u.any, h->at.len) == 0 && listen(h->fd, 16) == 0) ||
           stage_fail(strerror(errno), name);
}

static bool line_unlisten(size_t unused, span line)
{
    struct stage_host *h = host_of(word_of(&line));

    (void)unused;
    if (h == NULL)
        return stage_fail("nobody listens there", SPAN_NONE);
    close(h->fd);
    *h = stage.hosts[--stage.host_count];
    return true;
}

static bool can_accept(void *arg)
{
    struct pollfd p = {.fd = ((struct stage_host *)arg)->fd, .events = POLLIN};

    return poll(&p, 1, 0) == 1;
}

static bool accept_none(void)
{
    stage_quiet();
    for (size_t i = 0; i < stage.host_count; i++) {
        if (can_accept(&stage.hosts[i]))
            return stage_fail("relay connects", stage.hosts[i].name);
    }
    return true;
}

static bool line_accept(size_t number, span line)
{
    span name = word_of(&line);
    struct stage_host *h = host_of(name);
    struct stage_peer *p = &stage.peers[number];

    if (span_eq(name, SPAN("none")))
        return accept_none();
    if (h == NULL)
        return stage_fail("nobody listens there", SPAN_NONE);
    if (!stage_until(can_accept, h))
        return stage_fail("relay does not connect", name);
    if (p->open)
        close(p->fd);
    free(p->in.p);
    *p = (struct stage_peer){.open = true};
    p->fd = accept4(h->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    p->in = buf_over(x_alloc(PEER_IN_BYTES), PEER_IN_BYTES);
    return p->fd >= 0 || stage_fail(strerror(errno), name);
}

/* ---- S: C: B: X: E: ---- */

static bool say(size_t number, span octets)
{
    struct stage_peer *p = &stage.peers[number];

    if (!p->open)
        return stage_fail("no such connection", SPAN_NONE);
    if (send(p->fd, octets.p, octets.n, MSG_NOSIGNAL) != (ssize_t)octets.n)
        return stage_fail("the connection is gone", SPAN_NONE);
    return true;
}

static bool line_server(size_t number, span line)
{
    return say(number, unescaped(line, true));
}

static bool line_server_part(size_t number, span line)
{
    bool ok = say(number, unescaped(line, false));

    stage_quiet();
    return ok;
}

struct wanted {
    struct stage_peer *peer;
    size_t octets;
};

/* Read no more than is wanted: a server that does not read is felt by relay. */
static bool has_octets(void *arg)
{
    struct wanted *w = arg;
    struct stage_peer *p = w->peer;
    size_t most = w->octets > p->in.n ? min_size(w->octets - p->in.n, PIECE_BYTES) : 0;
    ssize_t n;

    if (most == 0 || p->eof)
        return true;
    n = read(p->fd, p->in.p + p->in.n, most);
    p->eof = n == 0 || (n < 0 && errno != EAGAIN);
    if (n > 0)
        p->in.n += (size_t)n;
    return p->eof || p->in.n >= w->octets;
}

static bool expect(size_t number, span octets)
{
    struct stage_peer *p = &stage.peers[number];
    struct wanted w = {p, octets.n};

    if (!p->open)
        return stage_fail("no such connection", SPAN_NONE);
    if (!stage_until(has_octets, &w) || p->in.n < octets.n)
        return stage_fail(p->eof ? "relay closed; before it said" : "relay says only",
                          buf_span(&p->in));
    if (!span_eq(span_head(buf_span(&p->in), octets.n), octets))
        return stage_fail("relay says", buf_span(&p->in));
    buf_drop(&p->in, octets.n);
    return true;
}

static bool line_client(size_t number, span line)
{
    return expect(number, unescaped(line, true));
}

static bool line_client_part(size_t number, span line)
{
    return expect(number, unescaped(line, false));
}

/* Piece by piece: each may take its time. */
static bool expect_long(size_t number, span octets)
{
    while (octets.n > 0) {
        span piece = span_head(octets, LONG_BYTES);

        if (!expect(number, piece))
            return false;
        octets = span_skip(octets, piece.n);
    }
    return true;
}

static bool line_body(size_t number, span line)
{
    const struct stage_job *j = job_of(word_of(&line));
    size_t cap = 2 * j->body.n + DOT_END_BYTES + 64;
    struct buf b = buf_over(x_alloc(cap), cap);
    struct dot_writer w = {0};
    bool ok;

    (void)dot_writer_put(&w, &b, j->body);
    if (line.n > 0)
        b.n = number_of(line, b.n);
    else
        dot_writer_end(&w, &b);
    ok = expect_long(number, buf_span(&b));
    free(b.p);
    return ok;
}

static bool line_close(size_t number, span line)
{
    struct stage_peer *p = &stage.peers[number];
    struct linger at_once = {1, 0};

    if (!p->open)
        return stage_fail("no such connection", SPAN_NONE);
    if (line.n > 0)
        (void)setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(p->fd);
    p->open = false;
    buf_reset(&p->in);
    stage_quiet();
    return true;
}

static bool line_closed(size_t number, span line)
{
    struct stage_peer *p = &stage.peers[number];
    struct wanted w = {p, 1};

    (void)line;
    if (!p->open)
        return stage_fail("no such connection", SPAN_NONE);
    if (!stage_until(has_octets, &w) || !p->eof)
        return stage_fail("relay does not close, and says", buf_span(&p->in));
    close(p->fd);
    p->open = false;
    return true;
}

/* ---- R: ---- */

static bool is_answered(void *arg)
{
    return ((struct stage_job *)arg)->answered;
}

static bool check_flags(struct stage_job *j, span word)
{
    unsigned flags = span_eq(word, SPAN("unreachable")) ? JOB_UNREACHABLE
                     : span_eq(word, SPAN("not-tried")) ? JOB_NOT_TRIED
                                                        : 0;

    j->flags_told = true;
    if (flags == 0 && j->outcomes > 0)
        return stage_fail("somebody has an outcome", SPAN_NONE);
    return j->flags == flags || stage_fail("the flags are others", SPAN_NONE);
}

static bool check_outcome(struct stage_job *j, span address, span rest)
{
    static const span verdicts[] = {SPAN_INIT("delivered"), SPAN_INIT("deferred"),
                                    SPAN_INIT("failed")};
    static char room[4096];
    struct buf b = BUF_OVER(room);
    const struct job_outcome *o = NULL;
    span words;
    size_t quote;

    for (size_t i = 0; i < j->outcomes; i++) {
        if (span_eq(j->rcpts[j->outcome[i].index], address) && !j->told[j->outcome[i].index])
            o = &j->outcome[i];
    }
    if (o == NULL)
        return stage_fail("there is no outcome for it", SPAN_NONE);
    j->told[o->index] = true;
    buf_put(&b, verdicts[o->verdict]);
    if (o->code != 0)
        buf_printf(&b, " %u", o->code);
    else
        buf_put(&b, SPAN(" -"));
    buf_printf(&b, " %.*s", SPAN_ARG(o->status.n > 0 ? o->status : SPAN("-")));
    quote = span_find(rest, '"');
    words = span_trim(span_head(rest, quote));
    if (!span_eq(words, buf_span(&b)))
        return stage_fail("the outcome is", buf_span(&b));
    buf_reset(&b);
    buf_printf(&b, "%.*s: %.*s", SPAN_ARG(o->mta), SPAN_ARG(o->reply));
    words = unescaped(
        span_head(span_skip(rest, quote + 1), span_find(span_skip(rest, quote + 1), '"')), false);
    if (span_search(buf_span(&b), words) == b.n && words.n > 0)
        return stage_fail("the words are", buf_span(&b));
    return true;
}

static bool line_result(size_t unused, span line)
{
    span tag = word_of(&line);
    span word = word_of(&line);
    struct stage_job *j;

    (void)unused;
    if (span_eq(tag, SPAN("none"))) {
        stage_quiet();
        for (size_t i = 0; i < STAGE_JOBS_MAX; i++) {
            if (stage.jobs[i].answered && !stage.jobs[i].flags_told && !stage.jobs[i].told[0])
                return stage_fail("a job was answered", SPAN_NONE);
        }
        return true;
    }
    j = job_of(tag);
    if (!stage_until(is_answered, j))
        return stage_fail("the job is not answered", SPAN_NONE);
    return line.n == 0 ? check_flags(j, word)
                       : check_outcome(j, stage_keep(unescaped(word, false)), line);
}

/* ---- D? D! ---- */

static size_t find_question(const struct stage_question *wanted)
{
    for (size_t i = 0; i < stage.asked_count; i++) {
        if (stage.asked[i].type == wanted->type && span_ieq(stage.asked[i].name, wanted->name))
            return i;
    }
    return SIZE_MAX;
}

static bool is_asked(void *arg)
{
    return find_question(arg) != SIZE_MAX;
}

static bool line_asked(size_t unused, span line)
{
    struct stage_question *q = &stage.answering;
    size_t at;

    (void)unused;
    q->name = word_of(&line);
    if (!dns_type_parse(line, &q->type))
        return stage_fail("not a type", line);
    if (!stage_until(is_asked, q))
        return stage_fail("relay does not ask", SPAN_NONE);
    at = find_question(q);
    *q = stage.asked[at];
    stage.asked[at] = stage.asked[--stage.asked_count];
    return true;
}

static bool line_answer(size_t unused, span line)
{
    struct dns_script_row rows[16];
    char memory[4096];
    struct dns_script table;
    struct stage_question *q = &stage.answering;
    enum dns_status status;
    span value;

    (void)unused;
    if (span_eq(line, SPAN("never")))
        return true;
    dns_script_init(&table, rows, COUNT(rows), BUF_OVER(memory));
    if (dns_status_parse(line, &status)) {
        if (dns_script_add_status(&table, q->name, q->type, status) != ERR_OK)
            return stage_fail("not a status", line);
    } else {
        while (span_split(&line, ';', &value)) {
            if (dns_script_add(&table, q->name, q->type, span_trim(value)) != ERR_OK)
                return stage_fail("not a value", value);
        }
    }
    stage_answer(*q, &table);
    return true;
}

/* ---- T+ Q: N: P: ---- */

static bool line_time(size_t unused, span line)
{
    bool in_ms = span_ends(line, SPAN("ms"));
    uint64_t unit = in_ms ? 1 : span_ends(line, SPAN("m")) ? 60000 : 1000;

    (void)unused;
    stage_pass((int64_t)(number_of(span_head(line, line.n - (in_ms ? 2 : 1)), 100000) * unit));
    return true;
}

static void lose_jobs(void)
{
    for (size_t i = 0; i < STAGE_JOBS_MAX; i++)
        stage.jobs[i].lost = stage.jobs[i].given && !stage.jobs[i].answered;
}

static bool line_queue(size_t unused, span line)
{
    (void)unused;
    if (span_eq(line, SPAN("new"))) {
        stage_link_queue();
    } else if (span_eq(line, SPAN("replaced"))) {
        lose_jobs();
        stage_link_queue();
    } else if (span_eq(line, SPAN("garbage"))) {
        if (chan_send(stage_queue(), QUEUE_JOB, 1, SPAN("????????no job"), SPAN_NONE, -1) != ERR_OK)
            return stage_fail("nothing can be sent", SPAN_NONE);
        stage.jobs[1].given = true;
        stage.jobs[1].id = 0x3f3f3f3f3f3f3f3fu;
    } else {
        chan_close(stage_queue());
        lose_jobs();
    }
    stage_quiet();
    return true;
}

static bool line_names(size_t unused, span line)
{
    (void)unused;
    if (span_eq(line, SPAN("new")))
        stage_link_resolver();
    else
        chan_close(&stage.resolver);
    stage.asked_count = 0;
    return true;
}

static bool is_done(void *arg)
{
    (void)arg;
    return stage.done;
}

static bool line_supervisor(size_t unused, span line)
{
    bool drain = span_eq(line, SPAN("drain"));

    (void)unused;
    if (drain || span_eq(line, SPAN("reload"))) {
        stage.proc->on_drain(stage.proc, !drain, INT64_MAX);
        return true;
    }
    if (!stage_until(is_done, NULL))
        return stage_fail("relay does not end", SPAN_NONE);
    return (stage.status == PROC_EXIT_OK) == span_eq(line, SPAN("done")) ||
           stage_fail("relay ended otherwise", SPAN_NONE);
}

/* ---- all ---- */

static const struct {
    char verb;
    char mark;
    bool raw; /* blanks at the ends count */
    bool (*play)(size_t number, span line);
} verbs[] = {
    {'J', '>', false, line_job},      {'L', ':', false, line_listen},
    {'L', '-', false, line_unlisten}, {'A', ':', false, line_accept},
    {'S', ':', true, line_server},    {'S', '-', true, line_server_part},
    {'C', ':', true, line_client},    {'C', '-', true, line_client_part},
    {'B', ':', false, line_body},     {'X', ':', false, line_close},
    {'E', ':', false, line_closed},   {'R', ':', false, line_result},
    {'D', '?', false, line_asked},    {'D', '!', false, line_answer},
    {'T', '+', false, line_time},     {'Q', ':', false, line_queue},
    {'N', ':', false, line_names},    {'P', ':', false, line_supervisor},
};

bool stage_line(span line)
{
    size_t number = 1;
    size_t mark = 1;

    if (line.n > 2 && line.p[1] >= '0' && line.p[1] <= '9')
        number = (size_t)(line.p[mark++] - '0');
    for (size_t i = 0; i < COUNT(verbs) && line.n > mark; i++) {
        span rest = span_skip(line, mark + 1);

        if (verbs[i].verb != line.p[0] || verbs[i].mark != line.p[mark])
            continue;
        rest = rest.n > 0 && rest.p[0] == ' ' ? span_skip(rest, 1) : rest;
        return verbs[i].play(number, verbs[i].raw ? rest : span_trim(rest));
    }
    return stage_fail("not a line of a replay", line);
}
