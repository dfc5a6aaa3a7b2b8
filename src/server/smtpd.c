/* SPDX-License-Identifier: ISC */
#include "server/smtpd.h"

#include "os/heap.h"
#include "server/context.h"
#include "server/session.h"
#include "server/session_auth.h"
#include "smtp/xclient.h"

static void on_accept(void *arg, int fd, const struct net_addr *client)
{
    session_start(arg, fd, client);
}

/* What comes over a Unix socket never left this machine. */
static bool offers_tls(const struct config_listen *l)
{
    return l->tls == CONFIG_TLS_REQUIRED ||
           (l->tls == CONFIG_TLS_STARTTLS && l->address.transport == CONFIG_TCP);
}

static struct smtp_server_conf smtp_conf(const struct config *c, const struct config_listen *l)
{
    struct smtp_server_conf conf = smtp_server_conf_default(c->hostname);

    if (offers_tls(l))
        conf.ext |= (unsigned)SMTP_EXT_STARTTLS;
    if (l->tls != CONFIG_TLS_OFF)
        conf.ext |= (unsigned)SMTP_EXT_REQUIRETLS; /* the engine offers it under TLS only */
    conf.lmtp = l->role == CONFIG_ROLE_LMTP;
    conf.line_endings = c->line_endings == CONFIG_LINES_NORMALISE ? DOT_NORMALISE : DOT_STRICT;
    conf.recipients = c->limits.recipients;
    conf.message_bytes = c->limits.message_size;
    conf.errors = (unsigned)c->limits.errors;
    conf.junk = (unsigned)c->limits.junk_commands;
    conf.command_timeout_ms = (int64_t)c->limits.command_timeout_ms;
    conf.command_line = min_size(c->limits.command_line, SMTP_LINE_MAX_BYTES);
    conf.text_line = c->limits.text_line;
    conf.header_bytes = c->limits.header_size;
    conf.header_fields = c->limits.header_fields;
    conf.data_timeout_ms = (int64_t)c->limits.data_timeout_ms;
    conf.data_deadline_ms = (int64_t)c->limits.data_deadline_ms;
    conf.data_rate = c->limits.data_rate;
    return conf;
}

static void set_confs(struct smtpd_port *port)
{
    port->smtp = smtp_conf(port->smtpd->config, port->config);
    port->listed = port->smtp;
    port->listed.ext |= (unsigned)SMTP_EXT_XCLIENT | (unsigned)SMTP_EXT_XFORWARD;
    port->listed.xclient_attributes = smtp_xclient_attributes(SMTP_XCLIENT);
    port->listed.xforward_attributes = smtp_xclient_attributes(SMTP_XFORWARD);
    session_auth_port(port);
}

static bool open_ports(struct smtpd *d)
{
    struct proc *p = d->proc;

    d->ports = x_alloc(p->listener_count * sizeof(*d->ports));
    d->port_count = p->listener_count;
    for (size_t i = 0; i < d->port_count; i++) {
        struct smtpd_port *port = &d->ports[i];

        port->smtpd = d;
        port->config = p->listeners[i].config;
        set_confs(port);
        if (!listener_start(&port->listener, d->loop, p->listeners[i].fd, on_accept, port))
            return false;
        listener_hold(&port->listener, true);
    }
    return true;
}

/* Nobody is served before there is a queue process: a long message would have nowhere to go. */
static void serve(struct smtpd *d)
{
    for (size_t i = 0; i < d->port_count && !d->draining; i++)
        listener_hold(&d->ports[i].listener, false);
}

static void on_room(void *arg)
{
    struct smtpd *d = arg;

    while (d->stalled != NULL && !put_is_full(&d->queue))
        session_resume(d->stalled);
}

static void on_peer(struct proc *p, unsigned kind, unsigned index, int fd)
{
    struct smtpd *d = p->self;

    if (kind == PROC_QUEUE) {
        put_client_link(&d->queue, fd);
        serve(d);
    } else if (kind == PROC_RESOLVER) {
        resolve_client_link(&d->resolver, fd);
    } else if (kind == PROC_AUTH) {
        login_client_link(&d->logins, index, fd);
    }
}

static void each_session(struct smtpd *d, void (*fn)(struct session *ss))
{
    struct session *next;

    for (struct session *ss = d->sessions; ss != NULL; ss = next) {
        next = session_next(ss);
        fn(ss);
    }
}

static bool is_stressed(const struct smtpd *d)
{
    return census_total(&d->census) * 100 >= d->config->limits.sessions * SMTPD_STRESS_PERCENT;
}

void smtpd_watch_stress(struct smtpd *d)
{
    if (d->stress_watched || d->session_count == 0)
        return;
    d->stress_watched = true;
    loop_timer_set(&d->stress_timer, SMTPD_STRESS_MS);
}

static void on_stress(void *arg)
{
    struct smtpd *d = arg;

    d->stress_watched = false;
    if (is_stressed(d))
        each_session(d, session_hurry);
    smtpd_watch_stress(d);
}

void smtpd_leave(struct smtpd *d)
{
    ledger_client_flush(&d->ledger);
    put_client_flush(&d->queue);
    proc_done(d->proc, PROC_EXIT_OK);
}

static void on_farewell(void *arg)
{
    struct smtpd *d = arg;

    each_session(d, session_kill);
}

static void on_drain(struct proc *p, bool reload, int64_t deadline_ms)
{
    struct smtpd *d = p->self;

    for (size_t i = 0; i < d->port_count && !d->draining; i++)
        listener_stop(&d->ports[i].listener);
    d->draining = true;
    if (d->session_count == 0) {
        smtpd_leave(d);
        return;
    }
    loop_timer_at(&d->drain_timer, deadline_ms - PROC_FAREWELL_MS);
    /* After a reload the sessions go on under the configuration they began with. */
    each_session(d, reload ? session_linger : session_drain);
}

int smtpd_run(struct proc *p)
{
    const struct context *context = p->config;
    static struct smtpd d;
    bool ledger_on = context->config->ledger.enabled == CONFIG_LEDGER_YES;

    d = (struct smtpd){.proc = p, .loop = p->loop, .config = context->config, .tls = context->tls};
    ident_init(&d.ident, p->index, p->count, p->generation);
    census_join(&d.census, context->census, (p->generation & 1) * p->count + p->index);
    put_client_init(&d.queue, p->loop, on_room, &d);
    resolve_client_init(&d.resolver, p->loop);
    login_client_init(&d.logins, p->loop);
    greet_shared_init(&d.greets, p->loop, &d.resolver, context->config);
    loop_timer_init(&d.stress_timer, p->loop, on_stress, &d);
    ledger_client_init(&d.ledger, p->loop, &d.queue, ledger_on);
    past_client_init(&d.past, p->loop, &d.queue);
    own_hear(&d.greets.own, &d.queue);
    if (ledger_on && greeting_policy_wants_past(&context->config->greeting.policy))
        d.greets.past = &d.past;
    loop_timer_init(&d.drain_timer, p->loop, on_farewell, &d);
    d.input = x_alloc(TRANSACTION_CHUNK_BYTES);
    d.output = buf_over(x_alloc(SMTPD_OUTPUT_BYTES), SMTPD_OUTPUT_BYTES);
    loop_spin(p->loop);
    p->self = &d;
    p->on_peer = on_peer;
    p->on_drain = on_drain;
    if (!open_ports(&d) || !proc_enter(p, NULL, 0))
        return PROC_EXIT_FAILED;
    return proc_run(p);
}
