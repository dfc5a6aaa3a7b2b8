/* SPDX-License-Identifier: ISC */
/*
 * test/unit/server/greet_rig.h - greetings of sessions, over a real channel to a resolver that
 * answers from a table.
 */
#ifndef TEST_UNIT_SERVER_GREET_RIG_H
#define TEST_UNIT_SERVER_GREET_RIG_H

#include "../guard.h"

#include "dns/script.h"
#include "message/authres.h"
#include "net/local.h"
#include "os/clock.h"
#include "server/greet.h"

#define TTL_S 300

/* The only address of the machine of the tests; at first it has none. */
static struct ip_addr machine;

size_t net_local_all(struct ip_addr *out, size_t max)
{
    if (machine.family == IP_NONE || max == 0)
        return 0;
    out[0] = machine;
    return 1;
}

static struct loop *loop;
static struct resolve_client client;
static struct chan resolver;
static struct greet_shared shared;
static struct config *config;
static struct dns_script script;
static unsigned questions, calls;

static const struct {
    const char *name;
    enum dns_type type;
    const char *data;
} records[] = {
    {"mx1.example.net", DNS_A, "192.0.2.1"},
    {"mx1.example.net", DNS_MX, "10 mail.example.net"},
    {"mail.example.net", DNS_A, "192.0.2.2"},
    /* a web server that greets with what it hosts, while mail for it comes here */
    {"hosted.example.org", DNS_A, "198.51.100.20"},
    {"hosted.example.org", DNS_MX, "10 mx1.example.net"},
    {"20.100.51.198.in-addr.arpa", DNS_PTR, "web1.far.example"},
    {"web1.far.example", DNS_A, "198.51.100.20"},
    {"mail.far.example", DNS_A, "198.51.100.7"},
    {"mail.far.example", DNS_TXT, "v=spf1 a -all"},
    {"7.100.51.198.in-addr.arpa", DNS_PTR, "mail.far.example"},
    {"far.example", DNS_TXT, "v=spf1 ip4:198.51.100.0/24 -all"},
    {"xn--bcher-kva.example", DNS_TXT, "v=spf1 -all"},
    {"else.example", DNS_A, "198.51.100.80"},
    {"moved.example.org", DNS_A, "198.51.100.80"},
    {"moved.example.org", DNS_MX, "10 moved.example.org"},
};

/* The client 203.0.113.99 and all of slow.example: nobody answers. */
static const char *const silent[] = {"99.113.0.203.in-addr.arpa", "slow.example"};

static inline void fill_script(void)
{
    static struct dns_script_row rows[64];
    static char memory[8192];

    dns_script_init(&script, rows, COUNT(rows), BUF_OVER(memory));
    for (size_t i = 0; i < COUNT(records); i++)
        assert_int_equal(dns_script_add(&script, span_cstr(records[i].name), records[i].type,
                                        span_cstr(records[i].data)),
                         ERR_OK);
    for (size_t i = 0; i < COUNT(silent); i++)
        assert_int_equal(dns_script_add_status(&script, span_cstr(silent[i]), 0, DNS_TIMEOUT),
                         ERR_OK);
    assert_int_equal(dns_script_add_status(&script, SPAN("broken.example"), 0, DNS_SERVFAIL),
                     ERR_OK);
}

static inline void on_question(void *arg, struct chan *c, struct chan_frame *f)
{
    static char memory[DNS_ANSWER_MAX_BYTES], packed[DNS_PACKED_MAX_BYTES];
    struct buf mem = BUF_OVER(memory), b = BUF_OVER(packed);
    struct unpack u = unpack_over(f->body);
    struct dns_question q;
    struct dns_answer a;

    (void)arg;
    (void)unpack_u32(&u);
    q.type = (enum dns_type)unpack_u16(&u);
    q.name = unpack_span(&u, RESOLVE_NAME_BYTES);
    assert_true(unpack_done(&u));
    questions++;
    a = dns_script_ask(&script, q, &mem);
    if (a.status == DNS_TIMEOUT)
        return;
    a.ttl_s = TTL_S;
    dns_answer_pack(&b, &a);
    assert_int_equal(chan_send(c, RESOLVE_ANSWER, f->tag, buf_span(&b), SPAN_NONE, -1), ERR_OK);
}

static inline void on_closed(void *arg, struct chan *c, enum chan_end why)
{
    (void)arg;
    (void)c;
    (void)why;
}

static inline void turns(void)
{
    for (int i = 0; i < 40; i++)
        loop_turn(loop, 0);
}

static inline void resolver_start(void)
{
    static const struct chan_type types[RESOLVE_FRAME_COUNT] = {
        [RESOLVE_QUESTION] = {"question", RESOLVE_QUESTION_MAX, false}};
    const struct chan_conf conf = {.name = "smtpd",
                                   .types = types,
                                   .type_count = COUNT(types),
                                   .on_frame = on_question,
                                   .on_closed = on_closed};
    int fds[2];

    assert_int_equal(chan_pair(fds), ERR_OK);
    assert_int_equal(chan_open(&resolver, loop, fds[1], &conf), ERR_OK);
    resolve_client_link(&client, fds[0]);
}

/* A process begins under this policy. */
static inline void start(const char *policy)
{
    struct config_problems problems = {0};
    char text[1024];
    struct buf b = BUF_OVER(text);

    buf_printf(&b,
               "hostname = \"mx1.example.net\"\n"
               "domains = [\"example.net\", \"hosted.example.org\", \"moved.example.org\"]\n"
               "listen \"mx\" { address = \"192.0.2.9:25\" }\ndns { timeout = 5s }\n"
               "greeting { %s }\n",
               policy);
    config = config_load_text("test", buf_span(&b), &problems);
    config_problems_finish(&problems);
    assert_non_null(config);
    clock_set(1000000, 1795294680000);
    loop = loop_new();
    loop_use_clock(loop);
    questions = 0;
    calls = 0;
    fill_script();
    resolve_client_init(&client, loop);
    resolver_start();
    greet_shared_init(&shared, loop, &client, config);
}

static inline void stop(void)
{
    greet_shared_finish(&shared);
    resolve_client_finish(&client);
    chan_close(&resolver);
    turns();
    loop_free(loop);
    config_free(config);
    clock_unset();
}

static inline void on_ready(void *arg)
{
    (void)arg;
    calls++;
}

enum from { OUTSIDE, TRUSTED, SUBMISSION };

static inline struct greet *greet_from_start(const char *address, struct greet_start s)
{
    struct greet *g;

    s.fn = on_ready;
    assert_true(ip_addr_parse(span_cstr(address), &s.client));
    g = greet_new(&shared, &s);
    assert_non_null(g);
    return g;
}

static inline struct greet *greet_as(const char *address, const char *name, enum from from,
                                     bool gave_up)
{
    struct greet_start s = {
        .name = guard_copy(span_cstr(name)),
        .trusted = from == TRUSTED,
        .submission = from == SUBMISSION,
        .gave_up = gave_up,
    };

    return greet_from_start(address, s);
}

/* Wait for it as a session does. */
static inline void await(struct greet *g)
{
    turns();
    if (!greet_is_ready(g) || !greet_from_is_ready(g)) {
        clock_advance(5001);
        turns();
    }
    assert_true(greet_is_ready(g) && greet_from_is_ready(g));
}

#endif
