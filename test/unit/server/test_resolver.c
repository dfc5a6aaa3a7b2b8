/* SPDX-License-Identifier: ISC */
/* The resolver process in its sandbox, asked over a channel, with a name server on loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_dns.h"
#include "net/mxplan.h"
#include "os/clock.h"
#include "os/log.h"
#include "server/proc_inner.h"
#include "server/resolver.h"
#include "server/sandbox_table.h"

#define ANSWERS     128
#define PATIENCE_MS 60000
#define ASKED_AGAIN 5 /* an answer that comes late is asked for again */

static struct fake_dns dns;
static struct loop *loop;
static struct resolve_client client;
static char server_text[32];
static const char *servers[1] = {server_text};
static pid_t resolver_pid;
static int control_fd = -1;

static struct answer {
    bool came;
    enum dns_status status;
    uint32_t n;
    char octets[16];
} answers[ANSWERS];
static struct resolve_query queries[ANSWERS];

static int run(struct proc *p)
{
    const struct resolver_conf conf = {servers, 1, NULL};
    return resolver_run(p, &conf);
}

static const struct proc_spec specs[PROC_KIND_COUNT] = {
    [PROC_SMTPD] = {.name = "smtpd", .peers = 1u << PROC_RESOLVER},
    [PROC_RESOLVER] = {.name = "resolver",
                       .run = run,
                       .count = 1,
                       .sandbox = &sandbox_table[PROC_RESOLVER]},
};

static void start_resolver(void)
{
    int control[2];
    int peer[2];
    pid_t self = getpid();
    assert_int_equal(chan_pair(control), ERR_OK);
    assert_int_equal(chan_pair(peer), ERR_OK);
    resolver_pid = fork();
    if (resolver_pid == 0) {
        const struct proc_link link = {PROC_SMTPD, 0, peer[1]};
        const struct proc_start start = {.specs = specs,
                                         .kind = PROC_RESOLVER,
                                         .supervisor = self,
                                         .control = control[1],
                                         .links = &link,
                                         .link_count = 1,
                                         .generation = 1};
        proc_child(&start);
    }
    close(control[1]);
    close(peer[1]);
    control_fd = control[0];
    resolve_client_link(&client, peer[0]);
}

static void stop_resolver(void)
{
    int status = 0;
    kill(resolver_pid, SIGKILL);
    assert_int_equal(waitpid(resolver_pid, &status, 0), resolver_pid);
    /* Killed by this test and by nothing before, such as its sandbox. */
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    close(control_fd);
}

static int set_up(void **state)
{
    struct buf b = BUF_OVER(server_text);
    (void)state;
    memset(answers, 0, sizeof answers);
    dns = fake_dns_start();
    buf_printf(&b, "127.0.0.1@%u", (unsigned)dns.port);
    assert_non_null(buf_cstr(&b));
    loop = loop_new();
    resolve_client_init(&client, loop);
    start_resolver();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    resolve_client_finish(&client);
    stop_resolver();
    fake_dns_stop(&dns);
    loop_free(loop);
    return 0;
}

static void on_answer(void *arg, const struct dns_answer *a)
{
    struct answer *to = arg;
    struct dns_cursor at = dns_records(a);
    struct dns_record r;
    to->came = true;
    to->status = a->status;
    to->n = a->n;
    if (dns_record_next(&at, &r))
        memcpy(to->octets, r.octets.p, min_size(r.octets.n, sizeof to->octets));
}

static void ask(unsigned i, const char *name, enum dns_type type, int64_t timeout_ms)
{
    answers[i].came = false;
    resolve_query_init(&queries[i], on_answer, &answers[i]);
    resolve_ask(&client, &queries[i], span_cstr(name), type, timeout_ms);
    assert_false(answers[i].came);
}

static void await(unsigned i)
{
    int64_t end = clock_mono_ms() + PATIENCE_MS;
    while (!answers[i].came && clock_mono_ms() < end)
        loop_turn(loop, 100);
    assert_true(answers[i].came);
}

static const struct {
    const char *name;
    enum dns_type type;
    enum dns_status status;
    uint32_t n;
} table[] = {
    {"a.test", DNS_A, DNS_FOUND, 1},         {"A.Test.", DNS_A, DNS_FOUND, 1},
    {"a.test", DNS_AAAA, DNS_FOUND, 1},      {"alias.test", DNS_A, DNS_FOUND, 1},
    {"a.test", DNS_MX, DNS_NODATA, 0},       {"nowhere.test", DNS_A, DNS_NXDOMAIN, 0},
    {"broken.test", DNS_A, DNS_SERVFAIL, 0}, {"two.test", DNS_MX, DNS_FOUND, 2},
    {"no..name", DNS_A, DNS_NXDOMAIN, 0},    {"localhost", DNS_A, DNS_FOUND, 1},
};

static void each_outcome_is_told_apart(void **state)
{
    (void)state;
    for (unsigned i = 0; i < COUNT(table); i++) {
        ask(i, table[i].name, table[i].type, PATIENCE_MS);
        await(i);
        if (answers[i].status != table[i].status || answers[i].n != table[i].n)
            fail_msg("%s: %.*s", table[i].name, SPAN_ARG(dns_status_word(answers[i].status)));
    }
    assert_memory_equal(answers[3].octets, "\xc0\x00\x02\x01", 4);
}

static void a_silent_server_is_a_timeout_at_the_deadline(void **state)
{
    int64_t begun = clock_mono_ms();
    (void)state;
    ask(0, "silent.test", DNS_A, 300);
    await(0);
    assert_int_equal(answers[0].status, DNS_TIMEOUT);
    assert_true(clock_mono_ms() - begun >= 295);
}

static void equal_questions_are_asked_once_and_answers_kept(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 50; i++)
        ask(i, i % 2 == 0 ? "b.test" : "B.test.", DNS_A, PATIENCE_MS);
    for (unsigned i = 0; i < 50; i++) {
        await(i);
        assert_int_equal(answers[i].status, DNS_FOUND);
    }
    ask(0, "b.test", DNS_A, PATIENCE_MS);
    await(0);
    assert_in_range(*dns.asked, 1, ASKED_AGAIN);
}

/* Cache hits are answered inside libunbound's call: many in a row must not nest. */
static void many_hits_in_one_turn(void **state)
{
    (void)state;
    ask(0, "a.test", DNS_A, PATIENCE_MS);
    await(0);
    for (unsigned round = 0; round < 200; round++) {
        for (unsigned i = 0; i < ANSWERS; i++)
            ask(i, "a.test", DNS_A, PATIENCE_MS);
        for (unsigned i = 0; i < ANSWERS; i++)
            await(i);
    }
    assert_in_range(*dns.asked, 1, ASKED_AGAIN);
}

static void a_cancelled_question_is_not_answered(void **state)
{
    (void)state;
    ask(0, "a.test", DNS_A, PATIENCE_MS);
    ask(1, "b.test", DNS_A, PATIENCE_MS);
    resolve_cancel(&queries[0]);
    await(1);
    for (unsigned i = 0; i < 20; i++)
        loop_turn(loop, 10);
    assert_false(answers[0].came);
    assert_int_equal(client.in_flight, 0);
}

static void a_new_resolver_is_asked_what_is_open(void **state)
{
    (void)state;
    stop_resolver();
    ask(0, "a.test", DNS_A, PATIENCE_MS);
    loop_turn(loop, 20);
    start_resolver();
    await(0);
    assert_int_equal(answers[0].status, DNS_FOUND);
}

static void without_a_resolver_the_deadline_answers(void **state)
{
    (void)state;
    stop_resolver();
    ask(0, "a.test", DNS_A, 100);
    await(0);
    assert_int_equal(answers[0].status, DNS_TIMEOUT);
    start_resolver();
}

static struct mxplan plan;
static bool planned;

static void on_plan(void *arg, struct mxplan *p)
{
    (void)arg;
    assert_ptr_equal(p, &plan);
    planned = true;
}

static enum mxplan_result make_plan(const char *domain, bool use_mx)
{
    int64_t end = clock_mono_ms() + PATIENCE_MS;
    planned = false;
    mxplan_init(&plan, 25, on_plan, NULL);
    mxplan_start(&plan, &client, span_cstr(domain), use_mx, PATIENCE_MS);
    assert_false(planned);
    while (!planned && clock_mono_ms() < end)
        loop_turn(loop, 100);
    assert_true(planned);
    return plan.result;
}

static const char *address_text(const struct net_addr *a)
{
    static char text[NET_ADDR_TEXT_BYTES];
    struct buf b = BUF_OVER(text);
    net_addr_put(&b, a);
    return buf_cstr(&b);
}

static void plans_say_where_mail_goes(void **state)
{
    (void)state;
    assert_int_equal(make_plan("two.test", true), MXPLAN_READY);
    assert_int_equal(plan.host_count, 2);
    assert_string_equal(plan.hosts[0].name, "alias.test");
    assert_int_equal(plan.hosts[0].address_count, 2);
    assert_string_equal(address_text(&plan.hosts[0].addresses[0]), "[2001:db8::1]:25");
    assert_string_equal(address_text(&plan.hosts[0].addresses[1]), "192.0.2.1:25");
    assert_string_equal(plan.hosts[1].name, "b.test");
    assert_int_equal(plan.hosts[1].preference, 20);
    assert_int_equal(make_plan("none.test", true), MXPLAN_NULL);
    assert_int_equal(make_plan("a.test", true), MXPLAN_READY);
    assert_int_equal(plan.host_count, 1);
    assert_true(plan.implicit);
    assert_int_equal(make_plan("nowhere.test", true), MXPLAN_NODOMAIN);
    assert_int_equal(make_plan("broken.test", true), MXPLAN_RETRY);
    assert_int_equal(make_plan("lost.test", true), MXPLAN_NOHOST);
    assert_int_equal(make_plan("half.test", true), MXPLAN_READY);
    assert_int_equal(plan.host_count, 1);
    assert_string_equal(plan.hosts[0].name, "b.test");
    assert_int_equal(make_plan("b.test", false), MXPLAN_READY);
    assert_int_equal(make_plan("nowhere.test", false), MXPLAN_NODOMAIN);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(each_outcome_is_told_apart),
        WITH(a_silent_server_is_a_timeout_at_the_deadline),
        WITH(equal_questions_are_asked_once_and_answers_kept),
        WITH(many_hits_in_one_turn),
        WITH(a_cancelled_question_is_not_answered),
        WITH(a_new_resolver_is_asked_what_is_open),
        WITH(without_a_resolver_the_deadline_answers),
        WITH(plans_say_where_mail_goes),
    };
    log_open(open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_JSON, LOG_DEBUG);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
