/* SPDX-License-Identifier: ISC */
/* The queue's lines of a replay: jobs, results, its deaths. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../transcript/script.h"
#include "lines.h"
#include "os/heap.h"

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
    unsigned notify; /* of the recipients behind it */
    bool in_file;
    bool is_short;
    size_t padding;
    struct buf rcpts;
    struct stage_job *noted;
};

static void add_rcpts(struct wish *w, span list)
{
    span address;

    while (span_split(&list, ',', &address)) {
        address = stage_keep(line_octets(address, false));
        struct job_rcpt r = {.index = w->job.rcpt_count++, .address = address, .notify = w->notify};

        job_put_rcpt(&w->rcpts, &r);
        w->noted->rcpts[w->noted->rcpt_count++] = address;
    }
}

/* Fields without a meaning, and one that is folded. */
static void put_padding(struct buf *b, size_t n)
{
    size_t end = b->n + n;

    buf_put(b, n > 0 ? SPAN("X-Folded: x\r\n") : SPAN_NONE);
    while (b->n < end)
        buf_printf(b, "%s%060d\r\n", b->n < end / 2 ? " " : "X-Padding: ", 0);
}

static void set_body(struct wish *w, span text)
{
    struct buf b = buf_over(x_alloc(STAGE_BODY_MAX), STAGE_BODY_MAX);

    put_padding(&b, w->padding);
    script_unescape(&b, text);
    w->noted->body = buf_span(&b);
}

/* "key=value"; false when it is the body, which takes the rest of the line. */
static bool set_option(struct wish *w, span word, span rest)
{
    span key = SPAN_NONE;

    (void)span_split(&word, '=', &key);
    if (span_eq(key, SPAN("from")))
        w->job.sender = stage_keep(line_octets(word, false));
    else if (span_eq(key, SPAN("to")))
        add_rcpts(w, word);
    else if (span_eq(key, SPAN("port")))
        w->job.port = (uint16_t)line_number(word, UINT16_MAX);
    else if (span_eq(key, SPAN("egress")))
        w->job.egress = word;
    else if (span_eq(key, SPAN("ret")))
        w->job.flags |= span_eq(word, SPAN("full")) ? ENVELOPE_RET_FULL : ENVELOPE_RET_HDRS;
    else if (span_eq(key, SPAN("envid")))
        w->job.envid = word;
    else if (span_eq(key, SPAN("utf8")))
        w->job.flags |= ENVELOPE_SMTPUTF8;
    else if (span_eq(key, SPAN("requiretls")))
        w->job.flags |= ENVELOPE_REQUIRETLS;
    else if (span_eq(key, SPAN("binary")))
        w->job.flags |= ENVELOPE_8BIT | ENVELOPE_BINARY;
    else if (span_eq(key, SPAN("notify")))
        w->notify = (unsigned)line_number(word, ENVELOPE_NOTIFY_KNOWN);
    else if (span_eq(key, SPAN("8bit")))
        w->job.flags |= ENVELOPE_8BIT;
    else if (span_eq(key, SPAN("file")))
        w->in_file = true;
    else if (span_eq(key, SPAN("short")))
        w->in_file = w->is_short = true;
    else if (span_eq(key, SPAN("padding")))
        w->padding = line_number(word, STAGE_BODY_MAX / 2);
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

bool line_job(size_t unused, span line)
{
    char rcpts[8192];
    span tag = line_word(&line);
    span way = line_word(&line);
    span host = line_word(&line);
    struct wish w = {.rcpts = BUF_OVER(rcpts), .noted = line_job_of(tag)};

    (void)unused;
    w.job.transport = JOB_TRANSPORT_COUNT;
    for (size_t i = 0; i < COUNT(ways); i++) {
        if (span_eq(way, ways[i].word))
            w.job.transport = ways[i].transport;
    }
    w.job.host = span_eq(host, SPAN("SOCKET")) ? span_cstr(stage.socket) : host;
    w.job.port = stage.port;
    for (span word = line_word(&line); word.n > 0; word = line_word(&line)) {
        if (!set_option(&w, word, line.n > 0 ? line : span_of(word.p + word.n, 0)))
            break;
    }
    if (w.noted->body.p == NULL)
        set_body(&w, SPAN("hi\\r\\n"));
    return send_job(&w, (uint32_t)line_number(tag, STAGE_JOBS_MAX - 1));
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
                                    SPAN_INIT("failed"), SPAN_INIT("passed"), SPAN_INIT("relayed")};
    bool any = span_starts(rest, SPAN("delivered")); /* whoever reports on it */
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
    buf_put(&b, any && o->verdict >= JOB_PASSED ? SPAN("delivered") : verdicts[o->verdict]);
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
    words = line_octets(
        span_head(span_skip(rest, quote + 1), span_find(span_skip(rest, quote + 1), '"')), false);
    if (span_search(buf_span(&b), words) == b.n && words.n > 0)
        return stage_fail("the words are", buf_span(&b));
    return true;
}

bool line_result(size_t unused, span line)
{
    span tag = line_word(&line);
    span word = line_word(&line);
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
    j = line_job_of(tag);
    if (!stage_until(is_answered, j))
        return stage_fail("the job is not answered", SPAN_NONE);
    return line.n == 0 ? check_flags(j, word)
                       : check_outcome(j, stage_keep(line_octets(word, false)), line);
}

/* ---- Q: ---- */

static void lose_jobs(void)
{
    for (size_t i = 0; i < STAGE_JOBS_MAX; i++)
        stage.jobs[i].lost = stage.jobs[i].given && !stage.jobs[i].answered;
}

/* What the queue was told of an egress since the line before. */
static bool check_named(span egress)
{
    span told;

    stage_quiet();
    told = stage.named;
    stage.named = SPAN_NONE;
    return span_eq(told, egress) || stage_fail("it was told of", told);
}

static bool check_own(span address)
{
    struct ip_addr want, told;

    stage_quiet();
    told = stage.seen_as;
    stage.seen_as = (struct ip_addr){0};
    return (ip_addr_parse(address, &want) && ip_addr_eq(told, want)) ||
           stage_fail("it was not told of", address);
}

bool line_queue(size_t unused, span line)
{
    (void)unused;
    if (span_starts(line, SPAN("named ")))
        return check_named(span_skip(line, 6));
    if (span_starts(line, SPAN("own ")))
        return check_own(span_skip(line, 4));
    if (span_eq(line, SPAN("unnamed")))
        return check_named(SPAN_NONE);
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
