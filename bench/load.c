/* SPDX-License-Identifier: ISC */
/*
 * load - put an SMTP server on loopback under load, and say in one line of JSON how it did.
 *
 * Exits 0 when every message (or session) was answered 2xx, 1 when one was refused or lost, 64 on
 * wrong usage.
 */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256, TICK_MS = 20, DRIP_US = 1000000 };

struct load {
    struct load_plan plan;
    struct load_totals totals;
    struct load_session *sessions;
    int poll;
    unsigned connecting, held, done;
    uint64_t begun_us, dripped_us;
};

static const char usage[] =
    "usage: load [options] ADDRESS:PORT\n"
    "  -M mail|connect|idle   what each session does (mail)\n"
    "  -c N   sessions at a time (50)          -R N   sessions one after the other in each place "
    "(1)\n"
    "  -m N   messages in each session (100)   -s N   octets of a message (10240)\n"
    "  -r N   recipients of a message (1)      -t A   recipient, # stands for its number "
    "(alice@example.test)\n"
    "  -f A   sender (load@sender.example)     -h NAME  greeting (load.example)\n"
    "  -p     pipeline MAIL, RCPT, DATA        -k     make lost connections anew\n"
    "  -i FILE  write the ids answered 250     -T WORD  beginning of each id (load)\n"
    "  -S N   client addresses 127.0.1.1 up    -w N   idle: seconds to hold (0: until standard "
    "input ends)\n"
    "  -o     idle: one octet a second         -D N   end after so many seconds (600)\n"
    "  -C N   connections being made at a time (200)  -b     look for replies without sleeping\n"
    "  -Z     STARTTLS                         -z     STARTTLS, resumed by tickets\n";

static uint64_t now_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

_Noreturn static void fail(const char *words)
{
    (void)fprintf(stderr, "load: %s\n", words);
    exit(64);
}

static unsigned number(const char *text)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    if (*text == '\0' || *end != '\0' || n > 1000000000ul)
        fail("a number is wanted");
    return (unsigned)n;
}

static void read_server(struct load_plan *plan, const char *text)
{
    const char *colon = strrchr(text, ':');
    char address[INET_ADDRSTRLEN];

    if (colon == NULL || (size_t)(colon - text) >= sizeof(address))
        fail(usage);
    memcpy(address, text, (size_t)(colon - text));
    address[colon - text] = '\0';
    plan->server.sin_family = AF_INET;
    plan->server.sin_port = htons((uint16_t)number(colon + 1));
    if (inet_pton(AF_INET, address, &plan->server.sin_addr) != 1 ||
        (ntohl(plan->server.sin_addr.s_addr) >> 24) != 127)
        fail("an address of the loopback range is wanted");
}

static enum load_mode read_mode(const char *text)
{
    static const char *const names[] = {
        [LOAD_MAIL] = "mail", [LOAD_CONNECT] = "connect", [LOAD_IDLE] = "idle"};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i], text) == 0)
            return (enum load_mode)i;
    fail(usage);
}

static bool read_number(struct load_plan *plan, int option, const char *value)
{
    struct {
        int option;
        unsigned *where;
    } rows[] = {{'c', &plan->sessions},   {'R', &plan->rounds},  {'m', &plan->messages},
                {'r', &plan->recipients}, {'S', &plan->sources}, {'w', &plan->hold_s},
                {'D', &plan->deadline_s}, {'C', &plan->ramp}};

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].option == option) {
            *rows[i].where = number(value);
            return true;
        }
    }
    return false;
}

static bool read_word(struct load_plan *plan, int option, const char *value)
{
    switch (option) {
    case 'M':
        plan->mode = read_mode(value);
        return true;
    case 's':
        plan->size_bytes = number(value);
        return true;
    case 't':
        plan->to = value;
        return true;
    case 'f':
        plan->from = value;
        return true;
    case 'h':
        plan->helo = value;
        return true;
    case 'T':
        plan->prefix = value;
        return true;
    case 'i':
        plan->ids = fopen(value, "we");
        if (plan->ids == NULL)
            fail("the file for the ids cannot be written");
        return true;
    default:
        return false;
    }
}

static void read_options(struct load_plan *plan, int argc, char **argv)
{
    int option;

    while ((option = getopt(argc, argv, "M:c:R:m:s:r:t:f:h:pki:T:S:w:oD:C:bZz")) != -1) {
        if (option == 'p')
            plan->pipelined = true;
        else if (option == 'k')
            plan->stubborn = true;
        else if (option == 'b')
            plan->awake = true;
        else if (option == 'o')
            plan->slow = true;
        else if (option == 'Z' || option == 'z')
            plan->starttls = true;
        else if (!read_number(plan, option, optarg) && !read_word(plan, option, optarg))
            fail(usage);
        plan->resume = plan->resume || option == 'z';
    }
    if (optind + 1 != argc || plan->sessions == 0 || plan->rounds == 0 || plan->recipients == 0)
        fail(usage);
    read_server(plan, argv[optind]);
}

static void watch(const struct load *l, struct load_session *s, int operation)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = s};

    if (load_session_wants_write(s))
        event.events |= EPOLLOUT;
    (void)epoll_ctl(l->poll, operation, s->fd, &event);
}

static void ended(struct load *l, struct load_session *s)
{
    if (s->state > LOAD_WAITING && s->state <= LOAD_EHLO)
        l->connecting--;
    if (s->state == LOAD_HELD)
        l->held--;
    load_session_ended(s, &l->totals, now_us());
    if (s->state == LOAD_DONE)
        l->done++;
}

static void connect_more(struct load *l)
{
    uint64_t now = now_us();

    for (unsigned i = 0; i < l->plan.sessions && l->connecting < l->plan.ramp; i++) {
        struct load_session *s = &l->sessions[i];

        if (s->state != LOAD_WAITING || s->wake_us > now)
            continue;
        l->connecting++;
        if (load_session_connect(s, now))
            watch(l, s, EPOLL_CTL_ADD);
        else
            ended(l, s);
    }
}

/* How far a session has come decides whether it still counts among those that are connecting. */
static void serve(struct load *l, struct load_session *s, unsigned events)
{
    bool was_connecting = s->state <= LOAD_EHLO, wanted = load_session_wants_write(s);
    bool alive = (events & EPOLLOUT) == 0 || load_session_writable(s);

    if (alive && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
        alive = load_session_readable(s, &l->totals, now_us()) && load_session_writable(s);
    if (was_connecting && s->state > LOAD_EHLO)
        l->connecting--;
    if (s->state == LOAD_HELD && was_connecting)
        l->held++;
    if (!alive)
        ended(l, s);
    else if (load_session_wants_write(s) != wanted)
        watch(l, s, EPOLL_CTL_MOD);
}

static void drip(struct load *l)
{
    uint64_t now = now_us();

    if (!l->plan.slow || now - l->dripped_us < DRIP_US)
        return;
    l->dripped_us = now;
    for (unsigned i = 0; i < l->plan.sessions; i++)
        if (l->sessions[i].state == LOAD_HELD && !load_session_drip(&l->sessions[i]))
            ended(l, &l->sessions[i]);
}

/* LOAD_IDLE ends when its time is over or whoever started it closes standard input. */
static bool hold_over(const struct load *l, uint64_t held_since_us)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char octet;

    if (held_since_us == 0)
        return false;
    if (l->plan.hold_s > 0)
        return now_us() - held_since_us > (uint64_t)l->plan.hold_s * 1000000u;
    return poll(&input, 1, 0) > 0 && read(STDIN_FILENO, &octet, 1) <= 0;
}

static bool run(struct load *l)
{
    struct epoll_event events[EVENTS];
    uint64_t end_us = l->begun_us + (uint64_t)l->plan.deadline_s * 1000000u, held_since_us = 0;

    while (l->done < l->plan.sessions) {
        int found;

        connect_more(l);
        found = epoll_wait(l->poll, events, EVENTS, l->plan.awake ? 0 : TICK_MS);
        for (int i = 0; i < found; i++)
            serve(l, events[i].data.ptr, events[i].events);
        drip(l);
        if (held_since_us == 0 && l->plan.mode == LOAD_IDLE &&
            l->held + l->done >= l->plan.sessions) {
            held_since_us = now_us();
            printf("{\"held\":%u,\"lost\":%u}\n", l->held, l->done);
            (void)fflush(stdout);
        }
        if (hold_over(l, held_since_us))
            return true;
        if (now_us() > end_us)
            return false;
    }
    return true;
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static double percentile_ms(const struct load_totals *t, unsigned percent)
{
    uint64_t at = t->accepted == 0 ? 0 : (t->accepted - 1) * percent / 100;

    return t->accepted == 0 ? 0.0 : (double)t->took_us[at] / 1000.0;
}

static double cpu_seconds(void)
{
    struct rusage u;

    (void)getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void print_word(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text >= ' ' && *text != '"' && *text != '\\')
            (void)putchar(*text);
}

static void report(struct load *l, double seconds, bool in_time)
{
    struct load_totals *t = &l->totals;

    if (t->accepted > 0)
        qsort(t->took_us, t->accepted, sizeof(*t->took_us), by_size);
    printf("{\"accepted\":%llu,\"refused\":%llu,\"lost\":%llu,\"unsure\":%llu,\"resumed\":%llu,"
           "\"seconds\":%.3f,\"rate\":%.1f,",
           (unsigned long long)t->accepted, (unsigned long long)t->refused,
           (unsigned long long)t->lost, (unsigned long long)t->unsure,
           (unsigned long long)t->resumed, seconds, (double)t->accepted / seconds);
    printf("\"p50_ms\":%.2f,\"p90_ms\":%.2f,\"p99_ms\":%.2f,\"max_ms\":%.2f,\"cpu_seconds\":%.3f,"
           "\"in_time\":%s,"
           "\"refusal\":\"",
           percentile_ms(t, 50), percentile_ms(t, 90), percentile_ms(t, 99), percentile_ms(t, 100),
           cpu_seconds(), in_time ? "true" : "false");
    print_word(t->last_refusal);
    printf("\"}\n");
}

static void raise_limits(void)
{
    struct rlimit files;

    (void)signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}

int main(int argc, char **argv)
{
    static struct load l = {.plan = {.sessions = 50,
                                     .rounds = 1,
                                     .messages = 100,
                                     .recipients = 1,
                                     .deadline_s = 600,
                                     .ramp = 200,
                                     .size_bytes = 10240,
                                     .helo = "load.example",
                                     .from = "load@sender.example",
                                     .to = "alice@example.test",
                                     .prefix = "load"}};
    bool in_time;

    read_options(&l.plan, argc, argv);
    raise_limits();
    load_body_make(&l.plan);
    if (l.plan.starttls)
        load_secure_make();
    l.poll = epoll_create1(EPOLL_CLOEXEC);
    l.sessions = calloc(l.plan.sessions, sizeof(*l.sessions));
    if (l.poll < 0 || l.sessions == NULL)
        fail("out of memory or descriptors");
    for (unsigned i = 0; i < l.plan.sessions; i++)
        load_session_init(&l.sessions[i], &l.plan, i);
    l.begun_us = now_us();
    in_time = run(&l);
    report(&l, (double)(now_us() - l.begun_us) / 1e6, in_time);
    if (l.plan.ids != NULL && fclose(l.plan.ids) != 0)
        fail("the ids could not be written");
    return in_time && l.totals.refused == 0 && l.totals.lost == 0 ? 0 : 1;
}
