/* SPDX-License-Identifier: ISC */
#include "config/find.h"

#include "../guard.h"

#define UTF8_DOMAIN  "b\303\274cher.example"
#define ASCII_DOMAIN "xn--bcher-kva.example"
#define UTF8_LISTED  "gelistet-\xc3\xbc.example"
#define ASCII_LISTED "xn--gelistet--y9a.example"

static struct config *config;

static int open_config(void **state)
{
    struct config_problems problems = {0};
    span text =
        SPAN("hostname = mx.example.net\n"
             "domains = [\"file:domains.list\"]\n"
             "relay_domains = [\"backup.example\", \"listed.example\", \"" UTF8_LISTED "\"]\n"
             "users = \"users.list\"\n"
             "aliases = \"aliases.list\"\n"
             "auth { senders = \"senders.list\" }\n"
             "trusted = [\"10.0.0.0/8\", \"2001:db8::/32\"]\n"
             "route \"example.com\" { via = hold }\n"
             "route \"*.example.com\" { via = \"smtp://a.example\" }\n"
             "route \"*.deep.example.com\" { via = \"smtp://b.example\" }\n"
             "route \"" UTF8_DOMAIN "\" { via = hold }\n"
             "route \"*." UTF8_DOMAIN "\" { via = hold }\n");

    (void)state;
    config = config_load_text("test", text, &problems);
    config_problems_finish(&problems);
    return config != NULL ? 0 : -1;
}

static int close_config(void **state)
{
    (void)state;
    config_free(config);
    return 0;
}

static const struct {
    const char *local, *domain;
    enum config_recipient what;
} recipients[] = {
    {"alice", "example.net", CONFIG_RECIPIENT_MAILBOX},
    {"ALICE", "Example.NET", CONFIG_RECIPIENT_MAILBOX},
    {"alice", "example.net.", CONFIG_RECIPIENT_MAILBOX},
    {"alice", "example.org", CONFIG_RECIPIENT_UNKNOWN},
    {"nobody-here", "example.net", CONFIG_RECIPIENT_UNKNOWN},
    {"root", "example.org", CONFIG_RECIPIENT_ALIAS},
    {"Abuse", "example.net", CONFIG_RECIPIENT_ALIAS},
    {"abuse", "example.org", CONFIG_RECIPIENT_UNKNOWN},
    {"root", "backup.example", CONFIG_RECIPIENT_RELAY},
    {"known", "listed.example", CONFIG_RECIPIENT_RELAY},
    {"Known", "Listed.Example.", CONFIG_RECIPIENT_RELAY},
    {"unknown", "listed.example", CONFIG_RECIPIENT_UNKNOWN},
    {"postmaster", "listed.example", CONFIG_RECIPIENT_RELAY},
    {"x", "sub.backup.example", CONFIG_RECIPIENT_REMOTE},
    {"root", "elsewhere.example", CONFIG_RECIPIENT_REMOTE},
    {"alice", "", CONFIG_RECIPIENT_REMOTE},
    /* One domain in two spellings, whichever the operator and the client use. */
    {"j\xc3\xb6rg", UTF8_DOMAIN, CONFIG_RECIPIENT_MAILBOX},
    {"j\xc3\xb6rg", ASCII_DOMAIN, CONFIG_RECIPIENT_MAILBOX},
    {"alice", UTF8_DOMAIN, CONFIG_RECIPIENT_MAILBOX},
    {"alice", ASCII_DOMAIN, CONFIG_RECIPIENT_MAILBOX},
    {"chef", ASCII_DOMAIN, CONFIG_RECIPIENT_ALIAS},
    {"jorg", UTF8_DOMAIN, CONFIG_RECIPIENT_UNKNOWN},
    {"known", UTF8_LISTED, CONFIG_RECIPIENT_RELAY},
    {"known", ASCII_LISTED, CONFIG_RECIPIENT_RELAY},
    {"unknown", UTF8_LISTED, CONFIG_RECIPIENT_UNKNOWN},
};

static void recipients_and_what_they_are(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(recipients); i++)
        if (config_recipient_find(config, guard_copy(span_cstr(recipients[i].local)),
                                  guard_copy(span_cstr(recipients[i].domain))) !=
            recipients[i].what)
            fail_msg("%s@%s", recipients[i].local, recipients[i].domain);
}

static const struct {
    const char *login, *local, *domain;
    bool may;
} senders[] = {
    {"alice@example.net", "alice", "example.net", true},
    {"alice@example.net", "ALICE", "Example.NET", true},
    {"alice@example.net", "bob", "example.net", false},
    {"alice@example.net", "sales", "example.net", true},
    {"alice@example.net", "anything", "shop.example", true},
    {"alice@example.net", "anything", "sub.shop.example", false},
    {"alice@example.net", "alice", "example.net.evil.example", false},
    {"bob@example.net", "sales", "example.net", false},
    {"", "", "example.net", false},
    {"alice@example.net", "", "", false},
    {"j\xc3\xb6rg@" ASCII_DOMAIN, "j\xc3\xb6rg", UTF8_DOMAIN, true},
    {"j\xc3\xb6rg@" ASCII_DOMAIN, "team", UTF8_DOMAIN, true},
    {"j\xc3\xb6rg@" ASCII_DOMAIN, "chef", ASCII_DOMAIN, true},
    {"j\xc3\xb6rg@" ASCII_DOMAIN, "any",
     "l\xc3\xa4"
     "den.example",
     true},
    {"j\xc3\xb6rg@" ASCII_DOMAIN, "alice", UTF8_DOMAIN, false},
};

static void as_whom_a_login_may_send(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(senders); i++)
        if (config_may_send_as(config, guard_copy(span_cstr(senders[i].login)),
                               guard_copy(span_cstr(senders[i].local)),
                               guard_copy(span_cstr(senders[i].domain))) != senders[i].may)
            fail_msg("%s as %s@%s", senders[i].login, senders[i].local, senders[i].domain);
}

static const struct {
    const char *local, *domain, *targets;
} expansions[] = {
    {"root", "example.org", "alice@example.org bob@example.net carol@example.org"},
    {"postmaster", "example.net", "alice@example.net bob@example.net carol@example.org"},
    {"loop1", "example.net", ""},
    {"keep", "example.net", "keep@example.net alice@example.net"},
    {"prog", "example.net", "alice@example.net"},
    {"quoted name", "example.net", "alice@example.net"},
    {"alice", "example.net", ""},
    {"chef", UTF8_DOMAIN, "j\xc3\xb6rg@" ASCII_DOMAIN " alice@" ASCII_DOMAIN},
};

static void aliases_and_their_targets(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(expansions); i++) {
        char text[512], joined[512];
        struct buf scratch = BUF_OVER(text), b = BUF_OVER(joined);
        span out[10];
        size_t n = config_alias_expand(config, span_cstr(expansions[i].local),
                                       span_cstr(expansions[i].domain), out, 10, &scratch);

        for (size_t j = 0; j < n; j++) {
            buf_put(&b, j != 0 ? SPAN(" ") : SPAN_NONE);
            buf_put(&b, out[j]);
        }
        assert_span_equal(buf_span(&b), span_cstr(expansions[i].targets));
    }
}

/* What does not fit is none at all, never a part. */
static void an_alias_that_is_too_large(void **state)
{
    char text[512];
    struct buf scratch = BUF_OVER(text), small = buf_over(text, 30);
    span out[10];

    (void)state;
    assert_int_equal(
        config_alias_expand(config, SPAN("root"), SPAN("example.org"), out, 2, &scratch), 0);
    assert_int_equal(
        config_alias_expand(config, SPAN("root"), SPAN("example.org"), out, 10, &small), 0);
}

static struct ip_addr addr(const char *text)
{
    struct ip_addr a;

    assert_true(ip_addr_parse(span_cstr(text), &a));
    return a;
}

static void trusted_clients(void **state)
{
    (void)state;
    assert_true(config_is_trusted(config, addr("10.1.2.3")));
    assert_true(config_is_trusted(config, addr("::ffff:10.1.2.3")));
    assert_true(config_is_trusted(config, addr("2001:db8::1")));
    assert_false(config_is_trusted(config, addr("11.1.2.3")));
    assert_false(config_is_trusted(config, addr("127.0.0.1")));
    assert_false(config_is_trusted(config, (struct ip_addr){0}));
}

static void the_most_exact_route(void **state)
{
    static const struct {
        const char *domain, *route;
    } rows[] = {
        {"example.com", "example.com"},
        {"EXAMPLE.com.", "example.com"},
        {"a.example.com", "*.example.com"},
        {"a.b.example.com", "*.example.com"},
        {"x.deep.example.com", "*.deep.example.com"},
        {"deep.example.com", "*.example.com"},
        {"notexample.com", "*"},
        {ASCII_DOMAIN, ASCII_DOMAIN},
        {"a." ASCII_DOMAIN, "*." ASCII_DOMAIN},
        {"", "*"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_span_equal(config_route_find(config, guard_copy(span_cstr(rows[i].domain)))->name,
                          span_cstr(rows[i].route));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recipients_and_what_they_are),
        cmocka_unit_test(as_whom_a_login_may_send),
        cmocka_unit_test(aliases_and_their_targets),
        cmocka_unit_test(an_alias_that_is_too_large),
        cmocka_unit_test(trusted_clients),
        cmocka_unit_test(the_most_exact_route),
    };

    return cmocka_run_group_tests(tests, open_config, close_config);
}
