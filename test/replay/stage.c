/* SPDX-License-Identifier: ISC */
#include "stage.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/escape.h"
#include "net/local.h"
#include "os/clock.h"
#include "os/heap.h"
#include "os/log.h"
#include "server/relay.h"

#define PATIENCE_MS   60000 /* of the machine's time */
#define TURN_MS       5
#define QUIET_TURNS   6
#define FIRST_MONO_MS 1000000
#define FIRST_WALL_MS INT64_C(1790000000000)
#define LAST_WORDS_MS (INT64_C(30) * 60 * 1000)
#define RESULT_MAX    (9u << 20)
#define DNS_MEMORY    (64 << 10)

struct stage stage;

struct kept {
    struct kept *next;
    char octets[];
};

span stage_keep(span s)
{
    static struct kept *all;
    struct kept *k = x_alloc(sizeof(*k) + s.n);

    k->next = all;
    all = k;
    if (s.n > 0)
        memcpy(k->octets, s.p, s.n);
    return span_of(k->octets, s.n);
}

bool stage_fail(const char *why, span got)
{
    static char room[4096];
    struct buf b = BUF_OVER(room);
    span line = stage.at < stage.script->n ? stage.script->lines[stage.at] : SPAN("the end");

    escape_text(&b, got, 600);
    printf("  FAILED %.*s\n    at    %.*s\n    %s%s%.*s\n", SPAN_ARG(stage.script->title),
           SPAN_ARG(line), why, got.n > 0 ? ": " : "", SPAN_ARG(buf_span(&b)));
    return false;
}

/* ---- time ---- */

static int64_t machine_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool stage_until(bool (*holds)(void *arg), void *arg)
{
    int64_t end_ms = machine_ms() + PATIENCE_MS;

    while (!holds(arg)) {
        if (machine_ms() > end_ms)
            return false;
        loop_turn(stage.loop, TURN_MS);
    }
    return true;
}

void stage_quiet(void)
{
    for (int i = 0; i < QUIET_TURNS; i++)
        loop_turn(stage.loop, i < QUIET_TURNS / 2 ? 0 : 1);
}

void stage_pass(int64_t ms)
{
    int64_t end_ms = clock_mono_ms() + ms;

    stage_quiet();
    while (clock_mono_ms() < end_ms) {
        int64_t due_ms = loop_next_due_ms(stage.loop);

        clock_advance((due_ms < end_ms ? due_ms : end_ms) - clock_mono_ms());
        stage_quiet();
    }
}

/* ---- the queue ---- */

static bool take_outcomes(struct stage_job *j, span packed)
{
    struct unpack u = unpack_over(packed);
    struct job_outcome o;

    while (job_next_outcome(&u, &o)) {
        if (o.index >= j->rcpt_count || j->outcomes == STAGE_RCPTS_MAX)
            return false;
        for (size_t i = 0; i < j->outcomes; i++) {
            if (j->outcome[i].index == o.index)
                return false;
        }
        o.status = stage_keep(o.status);
        o.mta = stage_keep(o.mta);
        o.reply = stage_keep(o.reply);
        j->outcome[j->outcomes++] = o;
    }
    return true;
}

static void on_result(void *arg, struct chan *c, struct chan_frame *f)
{
    struct stage_job *j = f->tag < STAGE_JOBS_MAX ? &stage.jobs[f->tag] : NULL;
    struct job_result r;

    (void)arg;
    (void)c;
    if (f->type == QUEUE_NAMED) {
        stage.named = stage_keep(f->body);
        return;
    }
    if (f->type == QUEUE_OWN) {
        BUG_IF(!own_address_get(f->body, &stage.seen_as), "no address");
        return;
    }
    if (j == NULL || !j->given || j->answered || j->lost || !job_result_get(f->body, &r) ||
        r.id != j->id || !take_outcomes(j, r.outcomes)) {
        (void)stage_fail("a result that answers nothing, or twice", SPAN_NONE);
        exit(1);
    }
    j->answered = true;
    j->flags = r.flags;
}

static void link_chan(struct chan *end, const struct chan_conf *conf, unsigned kind)
{
    int fds[2];

    if (chan_pair(fds) != ERR_OK || chan_open(end, stage.loop, fds[0], conf) != ERR_OK) {
        perror("channel");
        exit(2);
    }
    stage.proc->on_peer(stage.proc, kind, 0, fds[1]);
}

struct chan *stage_queue(void)
{
    return &stage.queues[stage.queue_count - 1];
}

void stage_link_queue(void)
{
    static const struct chan_type types[QUEUE_FRAME_END] = {
        [QUEUE_JOB_RESULT] = {"result", RESULT_MAX, false},
        [QUEUE_NAMED] = {"named", QUEUE_NAMED_BYTES, false},
        [QUEUE_OWN] = {"own", OWN_ADDRESS_BYTES, false},
    };
    const struct chan_conf conf = {
        .name = "relay", .types = types, .type_count = COUNT(types), .on_frame = on_result};

    BUG_IF(stage.queue_count == STAGE_QUEUES_MAX, "too many queue processes");
    link_chan(&stage.queues[stage.queue_count++], &conf, PROC_QUEUE);
}

/* ---- the resolver ---- */

void stage_answer(struct stage_question q, const struct dns_script *table)
{
    static char records[DNS_MEMORY];
    static char packed[DNS_MEMORY];
    struct buf mem = BUF_OVER(records);
    struct buf b = BUF_OVER(packed);
    struct dns_answer a = dns_script_ask(table, (struct dns_question){q.name, q.type}, &mem);

    dns_answer_pack(&b, &a);
    if (chan_send(&stage.resolver, RESOLVE_ANSWER, q.tag, buf_span(&b), SPAN_NONE, -1) != ERR_OK)
        (void)stage_fail("the answer could not be sent", SPAN_NONE);
}

/* A line still to come that waits for this question. */
static bool is_awaited(const struct stage_question *q)
{
    for (size_t i = stage.at; i < stage.script->n; i++) {
        span line = stage.script->lines[i];
        span word;

        if (!span_starts(line, SPAN("D? ")))
            continue;
        line = span_skip(line, 3);
        if (span_split(&line, ' ', &word) && span_ieq(word, q->name) &&
            span_eq(line, dns_type_word(q->type)))
            return true;
    }
    return false;
}

static void on_question(void *arg, struct chan *c, struct chan_frame *f)
{
    struct unpack u = unpack_over(f->body);
    struct stage_question q = {.tag = f->tag};

    (void)arg;
    (void)c;
    (void)unpack_u32(&u);
    q.type = (enum dns_type)unpack_u16(&u);
    q.name = stage_keep(unpack_span(&u, RESOLVE_NAME_BYTES));
    if (is_awaited(&q) && stage.asked_count < STAGE_ASKED_MAX)
        stage.asked[stage.asked_count++] = q;
    else
        stage_answer(q, &stage.script->dns);
}

void stage_link_resolver(void)
{
    static const struct chan_type types[RESOLVE_FRAME_COUNT] = {
        [RESOLVE_QUESTION] = {"question", RESOLVE_QUESTION_MAX, false},
    };
    const struct chan_conf conf = {
        .name = "relay", .types = types, .type_count = COUNT(types), .on_frame = on_question};

    link_chan(&stage.resolver, &conf, PROC_RESOLVER);
}

/* ---- the end ---- */

/* What nobody named: connections, octets, outcomes. */
static bool check_leftovers(void)
{
    char octets[512];

    stage_quiet();
    for (size_t i = 0; i < stage.host_count; i++) {
        if (accept(stage.hosts[i].fd, NULL, NULL) >= 0)
            return stage_fail("a connection that was not expected", stage.hosts[i].name);
    }
    for (size_t i = 0; i < STAGE_PEERS_MAX; i++) {
        struct stage_peer *p = &stage.peers[i];
        ssize_t n = p->open && p->in.n == 0 ? read(p->fd, octets, sizeof(octets)) : 0;

        if (p->in.n > 0 || n > 0)
            return stage_fail("relay said more than was expected",
                              p->in.n > 0 ? buf_span(&p->in) : span_of(octets, (size_t)n));
    }
    for (size_t i = 0; i < STAGE_JOBS_MAX; i++) {
        const struct stage_job *j = &stage.jobs[i];

        for (size_t k = 0; k < j->outcomes; k++) {
            if (!j->told[j->outcome[k].index])
                return stage_fail("an outcome that was not expected", j->outcome[k].reply);
        }
        if (j->answered && j->flags != 0 && !j->flags_told)
            return stage_fail("a flag that was not expected", SPAN_NONE);
        if (j->answered && j->outcomes != j->rcpt_count && !j->flags_told)
            return stage_fail("a recipient has no outcome", SPAN_NONE);
    }
    return stage.asked_count == 0 || stage_fail("a question is left", stage.asked[0].name);
}

static bool is_done(void *arg)
{
    (void)arg;
    return stage.done;
}

/* Everybody leaves; relay must answer what is open and end. */
static bool curtain(void)
{
    for (size_t i = 0; i < STAGE_PEERS_MAX; i++) {
        if (stage.peers[i].open)
            close(stage.peers[i].fd);
        free(stage.peers[i].in.p);
    }
    for (size_t i = 0; i < stage.host_count; i++)
        close(stage.hosts[i].fd);
    stage.proc->on_drain(stage.proc, false, clock_mono_ms() + LAST_WORDS_MS);
    stage_pass(LAST_WORDS_MS);
    if (!stage_until(is_done, NULL))
        return stage_fail("relay does not end", SPAN_NONE);
    for (size_t i = 0; i < STAGE_JOBS_MAX; i++) {
        const struct stage_job *j = &stage.jobs[i];

        if (j->given && !j->lost && !j->answered)
            return stage_fail("a job without an answer", SPAN_NONE);
    }
    return true;
}

static bool play_lines(void)
{
    for (stage.at = 0; stage.at < stage.script->n; stage.at++) {
        if (!stage_line(stage.script->lines[stage.at]))
            return false;
    }
    return check_leftovers() && curtain();
}

/* ---- in place of the process library ---- */

bool proc_enter(struct proc *p, const struct sandbox_grant *grants, size_t grant_count)
{
    (void)grants;
    (void)grant_count;
    stage.proc = p;
    stage_link_queue();
    stage_link_resolver();
    return true;
}

int proc_run(struct proc *p)
{
    (void)p;
    return play_lines() ? PROC_EXIT_OK : PROC_EXIT_FAILED;
}

void proc_done(struct proc *p, int status)
{
    (void)p;
    if (!stage.done)
        stage.status = status;
    stage.done = true;
}

/* ---- in place of the machine ---- */

struct ip_addr net_local_of(int fd)
{
    struct net_addr a = {.len = sizeof(a.u)};

    if (stage.pretends)
        return stage.own;
    return getsockname(fd, &a.u.any, &a.len) == 0 ? net_addr_to_ip(&a) : (struct ip_addr){0};
}

struct ip_addr net_local_towards(const struct net_addr *to)
{
    bool is_v4 = net_addr_family(to) == AF_INET;

    return is_v4 == (stage.own.family == IP_V4) ? stage.own : (struct ip_addr){0};
}

struct ip_addr net_local_out(enum ip_family family)
{
    return family == stage.own.family ? stage.own : (struct ip_addr){0};
}

int gethostname(char *name, size_t n)
{
    span text = stage.machine.n > 0 ? stage.machine : SPAN("mx.herald.test");

    if (text.n >= n)
        return -1;
    memcpy(name, text.p, text.n);
    name[text.n] = '\0';
    return 0;
}

/* ---- the beginning ---- */

static const struct config *load(const struct stage_script *script)
{
    static char text[16 << 10];
    struct buf b = BUF_OVER(text);
    struct config_problems problems = {0};
    span conf = buf_span(&script->conf);
    const struct config *c;

    span name = SPAN("# machine: ");
    size_t at = span_search(conf, name);

    stage.machine = span_skip(conf, at < conf.n ? at + name.n : at);
    stage.machine = span_head(stage.machine, span_find(stage.machine, '\n'));
    if (span_search(conf, SPAN("hostname")) == conf.n && stage.machine.n == 0)
        buf_put(&b, SPAN("hostname = \"mx.herald.test\";\n"));
    buf_put(&b, conf);
    c = config_load_text("replay", buf_span(&b), &problems);
    for (size_t i = 0; c == NULL && i < problems.n; i++)
        printf("  %s: %s\n", problems.items[i].key, problems.items[i].text);
    config_problems_finish(&problems);
    return c;
}

/* A port that is free on all of loopback. */
static uint16_t free_port(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET};
    socklen_t n = sizeof(any);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&any, n) == 0 &&
              getsockname(fd, (struct sockaddr *)&any, &n) == 0;

    close(fd);
    return ok ? ntohs(any.sin_port) : 0;
}

bool stage_play(const struct stage_script *script)
{
    static struct context context;
    static struct proc proc;
    int status;

    stage.script = script;
    clock_set(FIRST_MONO_MS, FIRST_WALL_MS);
    stage.loop = loop_new();
    loop_use_clock(stage.loop);
    stage.port = free_port();
    stage.log = tmpfile();
    if (stage.log == NULL)
        return stage_fail("no file for the log", SPAN_NONE);
    log_open(fileno(stage.log), LOG_JSON, LOG_INFO);
    snprintf(stage.socket, sizeof(stage.socket), "/tmp/herald-replay-%d", (int)getpid());
    context.config = load(script);
    if (context.config == NULL)
        return stage_fail("the configuration is wrong", SPAN_NONE);
    if (relay_keys_load(context.config, &context.relay_keys, NULL) != ERR_OK)
        return stage_fail("the files of a route are no good", SPAN_NONE);
    proc = (struct proc){.loop = stage.loop, .config = &context, .kind = PROC_RELAY};
    status = relay_run(&proc);
    (void)unlink(stage.socket);
    return status == PROC_EXIT_OK;
}
