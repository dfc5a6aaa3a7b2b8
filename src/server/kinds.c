/* SPDX-License-Identifier: ISC */
#include "server/kinds.h"

#include <unistd.h>

#include "net/tls.h"
#include "net/tls_ticket.h"
#include "server/auth.h"
#include "server/auth_keys.h"
#include "server/context.h"
#include "server/deliver.h"
#include "server/guard.h"
#include "server/queue.h"
#include "server/relay.h"
#include "server/resolver.h"
#include "server/sandbox_table.h"
#include "server/smtpd.h"

#define SERVER_TEXT_BYTES 80

/* The resolver's own configuration, out of ours. */
static int run_resolver(struct proc *p)
{
    const struct context *context = p->config;
    const struct config_dns *dns = &context->config->dns;
    char texts[CONFIG_SERVERS_MAX][SERVER_TEXT_BYTES];
    const char *servers[CONFIG_SERVERS_MAX];
    struct resolver_conf conf = {.servers = servers};

    for (size_t i = 0; i < dns->n_servers; i++) {
        struct buf text = BUF_OVER(texts[i]);

        buf_put(&text, dns->servers[i].host);
        buf_putc(&text, '@');
        buf_put_u64(&text, dns->servers[i].port);
        servers[conf.server_count] = buf_cstr(&text);
        if (servers[conf.server_count] != NULL)
            conf.server_count++;
    }
    return resolver_run(p, &conf);
}

static const struct {
    const char *name;
    int (*run)(struct proc *p);
    unsigned peers;
    bool lingers;
} kinds[PROC_KIND_COUNT] = {
    [PROC_SMTPD] = {"smtpd", smtpd_run, 1u << PROC_QUEUE | 1u << PROC_RESOLVER | 1u << PROC_AUTH,
                    true},
    [PROC_RESOLVER] = {"resolver", run_resolver, 0, false},
    [PROC_AUTH] = {"auth", auth_run, 1u << PROC_RESOLVER, false},
    [PROC_QUEUE] = {"queue", queue_run, 1u << PROC_RELAY | 1u << PROC_DELIVER, false},
    [PROC_RELAY] = {"relay", relay_run, 1u << PROC_RESOLVER, true},
    [PROC_DELIVER] = {"deliver", deliver_run, 0, false},
    [PROC_GUARD] = {"guard", guard_run, 1u << PROC_QUEUE | 1u << PROC_RESOLVER, true},
};

/*
 * Secrets that only one kind needs are wiped by the others, which were forked with them: private
 * keys by all but those who talk TLS with clients, passwords by all but auth, those of our own
 * logins elsewhere by all but relay.
 */
static int run_kind(struct proc *p)
{
    struct context *context = (struct context *)(uintptr_t)p->config;

    if (p->kind != PROC_AUTH) {
        config_forget_secrets(context->config);
        auth_keys_forget(context->auth_keys);
    }
    if (p->kind != PROC_SMTPD) {
        tls_side_free(context->tls);
        context->tls = NULL;
        tls_tickets_finish(context->tickets);
        context->tickets = NULL;
    }
    if (p->kind != PROC_RELAY)
        relay_keys_forget(context->relay_keys);
    return kinds[p->kind].run(p);
}

static unsigned workers_of(const struct config *c)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t n = c->workers != 0 ? c->workers : cores > 0 ? (uint64_t)cores : 1;

    return (unsigned)(n < PROC_COUNT_MAX ? n : PROC_COUNT_MAX);
}

/* How many of a kind run; a guard alone has only its resolver beside it. */
static unsigned count_of(unsigned kind, const struct config *c, bool guard_only)
{
    unsigned workers = workers_of(c);

    if (kind == PROC_GUARD)
        return c->n_guards != 0 ? 1 : 0;
    if (guard_only && kind != PROC_RESOLVER)
        return 0;
    if (kind == PROC_AUTH)
        return auth_count(c, workers);
    return kind == PROC_SMTPD ? workers : 1;
}

void kinds_fill(struct proc_spec specs[PROC_KIND_COUNT], const struct config *c, bool guard_only)
{
    for (unsigned kind = 0; kind < PROC_KIND_COUNT; kind++) {
        specs[kind] = (struct proc_spec){
            .name = kinds[kind].name,
            .count = count_of(kind, c, guard_only),
            .run = run_kind,
            .peers = kinds[kind].peers,
            .lingers = kinds[kind].lingers,
            .sandbox = &sandbox_table[kind],
        };
    }
}
