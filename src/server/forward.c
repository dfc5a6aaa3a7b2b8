/* SPDX-License-Identifier: ISC */
#include "server/forward.h"

#include <fcntl.h>
#include <unbound.h>
/* after unbound.h, which it needs */
#include <unbound-event.h>

#include "base/num.h"
#include "os/file.h"
#include "os/log.h"

#define RESOLV_CONF       "/etc/resolv.conf"
#define RESOLV_CONF_BYTES 65536
#define NAMESERVER        "nameserver"
#define LAST_RESORT       "127.0.0.1"
#define SERVER_BYTES      64
#define DNS_PORT          53

struct option {
    const char *name;
    const char *value;
};

static const struct option options[] = {
    /* Its defaults refuse servers on this machine and answer some zones themselves. */
    {"do-not-query-localhost:", "no"},
    {"unblock-lan-zones:", "yes"},
    {"local-zone:", "test. transparent"},
    {"local-zone:", "home.arpa. transparent"},
    {"local-zone:", "127.in-addr.arpa. transparent"},
    {"local-zone:", "2.0.192.in-addr.arpa. transparent"},
    {"local-zone:", "100.51.198.in-addr.arpa. transparent"},
    {"local-zone:", "113.0.203.in-addr.arpa. transparent"},
    {"local-zone:", "8.b.d.0.1.0.0.2.ip6.arpa. transparent"},
    /* A server that was down is asked again soon, not after a quarter of an hour. */
    {"infra-host-ttl:", "30"},
    {"infra-keep-probing:", "yes"},
    {"outgoing-range:", "4096"},
    {"num-queries-per-thread:", "2048"},
    {"msg-cache-size:", "8m"},
    {"rrset-cache-size:", "16m"},
    {"edns-buffer-size:", "1232"},
    {"use-syslog:", "no"},
};

/* Without a trust anchor the validator has nothing to do, and is left out with its faults. */
static const struct option no_validation = {"module-config:", "iterator"};

static bool set(struct ub_ctx *ctx, const struct option *o, struct diag *d)
{
    int e = ub_ctx_set_option(ctx, o->name, o->value);

    if (e != 0)
        diag_set(d, ERR_CONF, 0, "libunbound refuses %s %s: %s", o->name, o->value, ub_strerror(e));
    return e == 0;
}

static bool set_all(struct ub_ctx *ctx, const struct resolver_conf *conf, struct diag *d)
{
    for (size_t i = 0; i < COUNT(options); i++) {
        if (!set(ctx, &options[i], d))
            return false;
    }
    if (conf->trust_anchor_file == NULL)
        return set(ctx, &no_validation, d);
    const struct option anchor = {"trust-anchor-file:", conf->trust_anchor_file};
    return set(ctx, &anchor, d);
}

static uint16_t port_of(span server)
{
    uint64_t port = DNS_PORT;
    size_t at = span_find(server, '@');

    if (at < server.n && !num_parse_u64(span_skip(server, at + 1), UINT16_MAX, &port))
        port = DNS_PORT; /* libunbound has refused such an address before */
    return (uint16_t)port;
}

/* The servers go to the context and their ports to the sandbox. */
struct servers {
    struct ub_ctx *ctx;
    struct sandbox_grant *grants;
    size_t count;
};

static bool add_server(struct servers *s, span server, struct diag *d)
{
    char text[SERVER_BYTES];
    struct buf b = BUF_OVER(text);

    if (s->count == RESOLVER_SERVERS_MAX)
        return true; /* more than anybody waits for */
    buf_put(&b, server);
    const char *name = buf_cstr(&b);
    if (name == NULL || ub_ctx_set_fwd(s->ctx, name) != 0) {
        diag_set(d, ERR_CONF, 0, "\"%.*s\" is no address of a DNS server", SPAN_ARG(server));
        return false;
    }
    s->grants[s->count++] =
        (struct sandbox_grant){.kind = SANDBOX_CONNECT, .fd = -1, .port = port_of(server)};
    return true;
}

/* A symbolic link on many machines, so it is opened as such. */
static void load_system_file(struct heap_buf *out)
{
    int fd = open(RESOLV_CONF, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    if (file_read_all(fd, out) != ERR_OK)
        heap_reset(out);
    file_close(&fd);
}

/* "nameserver 192.0.2.1" (resolv.conf(5)); what is no plain address is passed over. */
static void add_system_servers(struct servers *s)
{
    struct heap_buf file;
    span line;

    heap_init(&file, RESOLV_CONF_BYTES);
    load_system_file(&file);
    span rest = heap_span(&file);
    while (span_line(&rest, &line)) {
        struct diag ignored = {0};
        if (span_starts(line, SPAN(NAMESERVER)))
            (void)!add_server(s, span_trim(span_skip(line, sizeof NAMESERVER - 1)), &ignored);
    }
    heap_finish(&file);
}

static bool add_servers(struct servers *s, const struct resolver_conf *conf, struct diag *d)
{
    for (size_t i = 0; i < conf->server_count; i++) {
        if (!add_server(s, span_cstr(conf->servers[i]), d))
            return false;
    }
    if (conf->server_count == 0)
        add_system_servers(s);
    if (s->count != 0)
        return true;
    log_text(LOG_RESOLVER_TROUBLE, LOG_WARNING,
             SPAN("no DNS server in " RESOLV_CONF "; trying " LAST_RESORT));
    return add_server(s, SPAN(LAST_RESORT), d);
}

/* NOLINTBEGIN(readability-function-size,readability-non-const-parameter): libunbound says how. */
static void on_first(void *arg, int rcode, void *packet, int packet_n, int security,
                     char *why_bogus, int ratelimited)
/* NOLINTEND(readability-function-size,readability-non-const-parameter) */
{
    (void)arg;
    (void)rcode;
    (void)packet;
    (void)packet_n;
    (void)security;
    (void)why_bogus;
    (void)ratelimited;
}

/* The first question makes libunbound read what it reads. It answers this one itself. */
static bool warm_up(struct ub_ctx *ctx, struct diag *d)
{
    int id = 0;
    int e = ub_resolve_event(ctx, "localhost.", 1, 1, NULL, on_first, &id);

    if (e != 0)
        diag_set(d, ERR_IO, 0, "libunbound does not start: %s", ub_strerror(e));
    return e == 0;
}

static void say_version(void)
{
    struct log_line l = log_begin(LOG_TRACE, LOG_DEBUG);
    log_cstr(&l, KEY_TEXT, "libunbound");
    log_cstr(&l, KEY_VERSION, ub_version());
    log_end(&l);
}

struct ub_ctx *forward_open(struct event_base *base, const struct resolver_conf *conf,
                            struct sandbox_grant *grants, size_t *out_grant_count, struct diag *d)
{
    struct servers s = {.ctx = ub_ctx_create_event(base), .grants = grants};

    if (s.ctx == NULL) {
        diag_set(d, ERR_NOMEM, 0, "no memory for libunbound");
        return NULL;
    }
    say_version();
    if (!set_all(s.ctx, conf, d) || !add_servers(&s, conf, d) || !warm_up(s.ctx, d)) {
        ub_ctx_delete(s.ctx);
        return NULL;
    }
    *out_grant_count = s.count;
    return s.ctx;
}
