/* SPDX-License-Identifier: ISC */
/* What each line of a replay does. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../transcript/script.h"
#include "base/num.h"
#include "lines.h"
#include "os/heap.h"
#include "os/log.h"
#include "smtp/dot.h"

#define TEXT_BYTES    (1u << 20)
#define SLOW_BYTES    2048
#define SMALL_BYTES   32768
#define PIECE_BYTES   60000
#define LONG_BYTES    40000
#define PEER_IN_BYTES (STAGE_BODY_MAX + TEXT_BYTES)

span line_word(span *line)
{
    span word = SPAN_NONE;

    *line = span_trim(*line);
    (void)span_split(line, ' ', &word);
    *line = span_trim(*line);
    return word;
}

uint64_t line_number(span s, uint64_t max)
{
    uint64_t n = 0;

    if (!num_parse_u64(s, max, &n)) {
        (void)stage_fail("a number expected", s);
        exit(2);
    }
    return n;
}

span line_octets(span line, bool crlf)
{
    static char room[TEXT_BYTES];
    struct buf b = BUF_OVER(room);

    script_unescape(&b, line);
    if (crlf)
        buf_put(&b, SPAN("\r\n"));
    return buf_span(&b);
}

struct stage_job *line_job_of(span word)
{
    return &stage.jobs[line_number(word, STAGE_JOBS_MAX - 1)];
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
    span name = line_word(&line);
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
    struct stage_host *h = host_of(line_word(&line));

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
    span name = line_word(&line);
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
    return say(number, line_octets(line, true));
}

static bool line_server_part(size_t number, span line)
{
    bool ok = say(number, line_octets(line, false));

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
    return expect(number, line_octets(line, true));
}

static bool line_client_part(size_t number, span line)
{
    return expect(number, line_octets(line, false));
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
    const struct stage_job *j = line_job_of(line_word(&line));
    size_t cap = 2 * j->body.n + DOT_END_BYTES + 64;
    struct buf b = buf_over(x_alloc(cap), cap);
    struct dot_writer w = {0};
    bool ok;

    (void)dot_writer_put(&w, &b, j->body);
    if (line.n > 0)
        b.n = line_number(line, b.n);
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
    q->name = line_word(&line);
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
    stage_pass((int64_t)(line_number(span_head(line, line.n - (in_ms ? 2 : 1)), 100000) * unit));
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

/* ---- I: G: ---- */

static bool line_own(size_t unused, span line)
{
    (void)unused;
    stage.pretends = true;
    stage.own = (struct ip_addr){0};
    return span_eq(line, SPAN("none")) || ip_addr_parse(line, &stage.own) ||
           stage_fail("not an address", line);
}

static bool has_all(span text, span words)
{
    span word;

    while (span_split(&words, ';', &word)) {
        word = span_trim(word);
        if (span_search(text, word) == text.n)
            return false;
    }
    return true;
}

static bool log_has(span words)
{
    static char room[256 << 10];
    ssize_t n;
    span rest, line;

    stage_quiet();
    log_flush();
    n = pread(fileno(stage.log), room, sizeof(room), 0);
    rest = span_of(room, n > 0 ? (size_t)n : 0);
    while (span_line(&rest, &line))
        if (has_all(line, words))
            return true;
    return false;
}

static bool line_log(size_t unused, span line)
{
    (void)unused;
    return log_has(line) || stage_fail("the log does not say so", line);
}

static bool line_no_log(size_t unused, span line)
{
    (void)unused;
    return !log_has(line) || stage_fail("the log says so", line);
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
    {'I', ':', false, line_own},      {'G', ':', false, line_log},
    {'G', '-', false, line_no_log},
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
