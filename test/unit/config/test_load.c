/* SPDX-License-Identifier: ISC */
#include "config/config.h"

#include <stdlib.h>

#include "../guard.h"
#include "config/map.h"
#include "config/table.h"

static struct config *load(const char *text, struct config_problems *problems)
{
    *problems = (struct config_problems){0};
    return config_load_text("test.conf", guard_copy(span_cstr(text)), problems);
}

static struct config *load_good(const char *text)
{
    struct config_problems problems;
    struct config *c = load(text, &problems);

    if (c == NULL)
        fail_msg("%s: %s", problems.items[0].key, problems.items[0].text);
    config_problems_finish(&problems);
    return c;
}

static void without_a_configuration(void **state)
{
    struct config_problems problems = {0};
    struct config *c = config_load(NULL, &problems);

    (void)state;
    assert_non_null(c);
    assert_int_equal(c->n_listens, 2);
    assert_span_equal(c->listens[0].name, SPAN("mx"));
    assert_int_equal(c->listens[0].address.port, 2525);
    assert_int_equal(c->listens[0].address.ip.octet[0], 127);
    assert_int_equal(c->listens[1].role, CONFIG_ROLE_SUBMISSION);
    assert_int_equal(c->listens[1].address.port, 2587);
    assert_span_equal(c->data_dir, SPAN("herald-data"));
    assert_int_equal(c->unknown_user, CONFIG_UNKNOWN_ACCEPT);
    assert_true(config_map_find(c->domains, SPAN("localhost"), NULL));
    assert_true(config_map_find(c->domains, SPAN("example.test"), NULL));
    assert_int_equal(config_map_count(c->domains), 2);
    assert_int_equal(c->n_routes, 1);
    assert_int_equal(c->routes[0].via, CONFIG_VIA_HOLD);
    assert_span_equal(c->mailbox.path, SPAN("herald-data/mail/{domain}/{user}"));
    assert_true(c->hostname.n != 0);
    config_free(c);
    config_problems_finish(&problems);
}

static void an_empty_file_has_every_default(void **state)
{
    struct config *c = load_good("");

    (void)state;
    assert_int_equal(c->limits.message_size, 35 * 1024 * 1024);
    assert_int_equal(c->limits.recipients, 1000);
    assert_int_equal(c->limits.sessions_per_client, 20);
    assert_int_equal(c->limits.command_timeout_ms, 300000);
    assert_int_equal(c->limits.received_hops, 100);
    assert_int_equal(c->queue.lifetime_ms, 432000000);
    assert_int_equal(c->queue.n_retry, 7);
    assert_int_equal(c->queue.retry_ms[6], 14400000);
    assert_int_equal(c->trusted.n, 2);
    assert_int_equal(c->unknown_user, CONFIG_UNKNOWN_REFUSE);
    assert_int_equal(c->n_egresses, 1);
    assert_int_equal(c->n_routes, 1);
    assert_int_equal(c->routes[0].via, CONFIG_VIA_MX);
    assert_ptr_equal(c->routes[0].egress, &c->egresses[0]);
    assert_int_equal(c->line_endings, CONFIG_LINES_STRICT);
    assert_int_equal(c->log.level, CONFIG_LOG_INFO);
    assert_span_equal(c->user, SPAN("herald"));
    config_free(c);
}

static void what_a_file_says(void **state)
{
    struct config *c = load_good(
        "hostname = \"MX1.Example.net\"\n"
        "listen \"in\" { address = \"[::]:25\" }\n"
        "listen \"sock\" { address = \"unix:/run/x\"; role = lmtp }\n"
        "egress \"a\" { address = \"192.0.2.10\"; greeting = \"a.example.net\"; }\n"
        "egress \"b\" { public_address = \"::ffff:198.51.100.10\" }\n"
        "route \"*.example.org\" { via = \"smtp://relay.example.org:587\"; egress = \"b\" }\n"
        "dns { servers = [\"127.0.0.1@5353\", \"::1\"]; timeout = 2s; }\n"
        "unknown_user = \"catchall:all@example.net\"\n"
        "mailbox = \"lmtp:unix:/run/dovecot/lmtp\"\n"
        "log { format = json; level = debug; }\n");

    (void)state;
    assert_span_equal(c->hostname, SPAN("mx1.example.net"));
    assert_true(c->hostname_is_fit);
    assert_int_equal(c->n_listens, 2);
    assert_int_equal(c->listens[0].address.ip.family, IP_V6);
    assert_int_equal(c->listens[1].address.transport, CONFIG_UNIX);
    assert_string_equal(c->listens[1].address.path.p, "/run/x");
    assert_span_equal(c->egresses[0].greeting, SPAN("a.example.net"));
    assert_int_equal(c->egresses[1].greeting.n, 0);
    assert_true(c->hostname_is_set);
    assert_int_equal(c->egresses[1].public_address.family, IP_V4);
    assert_int_equal(c->n_routes, 2);
    assert_int_equal(c->routes[0].to.port, 587);
    assert_span_equal(c->routes[0].to.host, SPAN("relay.example.org"));
    assert_ptr_equal(c->routes[0].egress, &c->egresses[1]);
    assert_span_equal(c->routes[1].name, SPAN("*"));
    assert_int_equal(c->dns.n_servers, 2);
    assert_int_equal(c->dns.servers[0].port, 5353);
    assert_int_equal(c->dns.servers[1].port, 53);
    assert_span_equal(c->catchall, SPAN("all@example.net"));
    assert_int_equal(c->mailbox.kind, CONFIG_MAILBOX_LMTP);
    assert_int_equal(c->log.format, CONFIG_LOG_JSON);
    config_free(c);
}

/* A table with bad lines: the first of them are named, all are counted, the rest is used. */
static void bad_lines_of_a_table(void **state)
{
    struct config_problems problems;
    struct config *c = load("hostname = mx.example.net\n"
                            "domains = [\"file:bad-domains.list\"]",
                            &problems);

    (void)state;
    assert_non_null(c);
    assert_int_equal(config_map_count(c->domains), 1);
    assert_true(config_map_find(c->domains, SPAN("good.example"), NULL));
    assert_int_equal(problems.n, CONFIG_TABLE_WARNINGS_MAX + 1);
    assert_string_equal(problems.items[0].found, "24");
    assert_non_null(strstr(problems.items[1].text, "a pattern"));
    assert_non_null(strstr(problems.items[2].text, "a pattern"));
    assert_int_equal(problems.items[2].line, 2);
    config_free(c);
    config_problems_finish(&problems);
}

static const struct {
    const char *text;
    const char *said; /* the problems, one a line */
} wrong[] = {
    {"recipients = 5", "test.conf:1:1: error: recipients: this key is not known; "
                       "found: recipients; did you mean limits.recipients?\n"},
    {"hostnam = x", "test.conf:1:1: error: hostnam: this key is not known; found: hostnam; "
                    "did you mean hostname?\n"},
    {"limits { sesions = 5 }\nlimts { }",
     "test.conf:1:10: error: limits.sesions: this key is not known; found: sesions; "
     "did you mean limits.sessions?\n"
     "test.conf:2:1: error: limts: this block is not known; found: limts; "
     "did you mean limits { }?\n"},
    {"console { }", "test.conf:1:1: error: console: this block is not known; found: console\n"},
    {"workers \"x\" = 1", "test.conf:1:1: error: workers: this key has no name; found: workers\n"},
    {"greeting { check = off }", "test.conf:1:12: error: greeting.check: this key needs a name: "
                                 "key \"name\" =; found: check\n"},
    {"domains { }", "test.conf:1:1: error: domains: this is a key, not a block; found: domains\n"},
    {"log = json", "test.conf:1:1: error: log: this is a block, not a key; found: log; "
                   "did you mean log { }?\n"},
    {"workers = 1\nworkers = 2",
     "test.conf:2:1: error: workers: this key is set twice in the same place; found: workers; "
     "allowed: a number from 0 to 256\n"},
    {"log { }\nlog { }", "test.conf:2:1: error: log: this block stands here twice; found: log\n"},
    {"log \"x\" { }", "test.conf:1:1: error: log: this block has no name; found: x\n"},
    {"egress { }", "test.conf:1:1: error: egress: this block needs a name: "
                   "section \"name\" { }; found: egress\n"},
    {"egress \"a\" { }\negress \"a\" { }",
     "test.conf:2:1: error: egress: a block of this name stands here already; found: a\n"},
    {"listen \"x\" { role = mx }",
     "test.conf:1:1: error: listen.address of \"x\": this key must be set; found: nothing; "
     "allowed: \"ADDRESS:PORT\", \"[IPV6]:PORT\" or \"unix:PATH\"\n"},
    {"route \"exa mple\" { }",
     "test.conf:1:1: error: route: a route is named by a domain, \"*.domain\" or \"*\"; "
     "found: exa mple\n"},
    {"route \"a.test\" { via = \"smtp://mx.test\"; }\n"
     "route \"b.test\" { via = \"smtp://MX.test:25\"; tls = off; }\n"
     "route \"c.test\" { via = \"smtp://mx.test:26\"; tls = off; }",
     "test.conf:2:24: error: route.via of \"b.test\": another route names this server with other "
     "tls, ca_file, user or password_file: they must say the same; found: MX.test; "
     "allowed: mx, hold, \"smtp://HOST[:PORT]\", \"smtps://HOST[:PORT]\", \"lmtp://HOST[:PORT]\" "
     "or \"lmtp:unix:PATH\"\n"},
    {"limits { errors = 0; recipients = x }\nlog { level = loud }",
     "test.conf:1:19: error: limits.errors: out of range; found: 0; "
     "allowed: a number from 1 to 10000\n"
     "test.conf:1:35: error: limits.recipients: not a value for this key; found: x; "
     "allowed: a number from 100 to 5000\n"
     "test.conf:2:15: error: log.level: not a value for this key; found: loud; "
     "allowed: one of error warning info debug\n"},
};

static void every_error_is_said(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct config_problems problems;
        char text[4096];
        struct buf b = BUF_OVER(text);

        assert_null(load(wrong[i].text, &problems));
        for (size_t j = 0; j < problems.n; j++) {
            /* What is said about the machine is not said about the file. */
            if (problems.items[j].line == 0)
                continue;
            config_problem_text(&problems.items[j], &b);
            buf_putc(&b, '\n');
        }
        assert_span_equal(buf_span(&b), span_cstr(wrong[i].said));
        config_problems_finish(&problems);
    }
}

/* An event of the log says itself what it is; a terminal must be told. */
static void the_log_is_not_told_twice(void **state)
{
    static const struct {
        struct config_problem problem;
        const char *said;
        const char *logged;
    } rows[] = {
        {{.file = "a.conf", .line = 3, .key = "k", .text = "odd", .warning = true},
         "a.conf:3: warning: k: odd",
         "a.conf:3: k: odd"},
        {{.file = "a.conf", .line = 3, .key = "k", .text = "wrong"},
         "a.conf:3: error: k: wrong",
         "a.conf:3: k: wrong"},
        {{.text = "no place"}, "error: no place", "no place"},
    };
    char text[512];
    struct buf b = BUF_OVER(text);

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        buf_reset(&b);
        config_problem_text(&rows[i].problem, &b);
        assert_span_equal(buf_span(&b), span_cstr(rows[i].said));
        buf_reset(&b);
        config_problem_log(&rows[i].problem, &b);
        assert_span_equal(buf_span(&b), span_cstr(rows[i].logged));
    }
}

/* The keys of greeting { } build one policy, in the order of the table. */
static void a_greeting_policy(void **state)
{
    struct config_problems problems;
    struct config *c =
        load("greeting {\n check \"helo.ip_mismatch\" = unsafe_refuse\n"
             " check \"helo.not_fqdn\" = off\n refuse_at = mail\n"
             " exempt = [{ client = \"203.0.113.0/24\"; check = \"helo.forged_local\";"
             " reason = \"farm\"; until = \"2027-01-01\" }]\n policy = strict\n}",
             &problems);
    const struct greeting_policy *p;

    (void)state;
    assert_non_null(c);
    p = &c->greeting.policy;
    assert_int_equal(p->refuse_at, STAGE_MAIL);
    assert_int_equal(p->state[CHECK_NOT_FQDN], CHECK_OFF);
    assert_int_equal(p->state[CHECK_LOCALHOST], CHECK_ENFORCE);
    assert_true(p->unsafe_refuse[CHECK_IP_MISMATCH]);
    assert_false(p->unsafe_refuse[CHECK_PTR_MISMATCH]);
    assert_int_equal(p->n_exemptions, 1);
    assert_int_equal(p->exemptions[0].until_s, 1798761600);
    assert_span_equal(p->exemptions[0].reason, SPAN("farm"));
    /* Who refuses what RFC 5321 protects is told so. */
    assert_int_equal(problems.n, 1 + !c->hostname_is_fit);
    assert_int_equal(problems.items[problems.n - 1].line, 2);
    assert_true(problems.items[problems.n - 1].warning);
    config_free(c);
    config_problems_finish(&problems);
}

/* Bad lines are named by file and line, and the rest is used. */
static void bad_lines_of_a_list(void **state)
{
    struct config_problems problems;
    struct config *c = load("hostname = mx.example.net\nusers = \"bad-users.list\"\n"
                            "aliases = \"aliases.list\"",
                            &problems);
    char text[4096];
    struct buf b = BUF_OVER(text);

    (void)state;
    assert_non_null(c);
    assert_int_equal(config_map_count(c->users), 2);
    for (size_t i = 0; i < problems.n; i++) {
        config_problem_text(&problems.items[i], &b);
        buf_putc(&b, '\n');
    }
    assert_span_equal(
        buf_span(&b),
        SPAN("aliases.list:10: warning: aliases: a command as target: herald starts no programs; "
             "this target is left out; found: \"|/usr/bin/procmail\"\n"
             "aliases.list:11: warning: aliases: a file as target: herald delivers to mailboxes; "
             "this target is left out; found: /dev/null\n"
             "aliases.list:11: warning: aliases: the alias has no target that can be used; "
             "found: nobody: /dev/null\n"
             "bad-users.list:2: warning: users: there is no domain; found: nobody\n"
             "bad-users.list:4: warning: users: this user stands here twice; "
             "the first line counts; found: ALICE@example.net\n"));
    config_free(c);
    config_problems_finish(&problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_configuration),
        cmocka_unit_test(an_empty_file_has_every_default),
        cmocka_unit_test(what_a_file_says),
        cmocka_unit_test(every_error_is_said),
        cmocka_unit_test(a_greeting_policy),
        cmocka_unit_test(bad_lines_of_a_list),
        cmocka_unit_test(the_log_is_not_told_twice),
        cmocka_unit_test(bad_lines_of_a_table),
    };

    /* The default of data_dir depends on it. */
    unsetenv("XDG_STATE_HOME");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
