/* SPDX-License-Identifier: ISC */
#include "server/auth_inner.h"

#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "config/idn.h"
#include "config/map.h"
#include "name/path.h"
#include "net/chan.h"
#include "os/clock.h"
#include "os/log.h"
#include "os/random.h"
#include "server/context.h"

#define PROCESSES_MAX 4

struct auth_client {
    struct auth_client *next;
    struct chan chan;
    struct auth_exchange *exchanges;
};

struct auth auth;

static const struct {
    void (*start)(struct auth_exchange *x, const struct auth_start *s);
    void (*step)(struct auth_exchange *x, span response);
} mechanisms[SASL_MECHANISM_COUNT] = {
    [SASL_PLAIN] = {auth_plain_start, auth_plain_step},
    [SASL_LOGIN] = {auth_login_start, auth_login_step},
    [SASL_SCRAM_SHA_256] = {auth_scram_start, auth_scram_step},
    [SASL_SCRAM_SHA_256_PLUS] = {auth_scram_start, auth_scram_step},
    [SASL_EXTERNAL] = {auth_external_start, auth_external_step},
    [SASL_OAUTHBEARER] = {auth_bearer_start, auth_bearer_step},
    [SASL_XOAUTH2] = {auth_bearer_start, auth_bearer_step},
};

/* ---- what a configuration has ---- */

bool auth_introspects(const struct config *c)
{
    return c->auth.introspection.url.server.host.n != 0;
}

static bool has_tokens(const struct config *c)
{
    return c->auth.tokens_file.n != 0 || auth_introspects(c);
}

unsigned auth_mechanisms(const struct config *c)
{
    unsigned set = 0;

    if (c->auth.passwords)
        set |= 1u << SASL_PLAIN | 1u << SASL_LOGIN;
    if (c->auth.passwords && c->auth.scram)
        set |= 1u << SASL_SCRAM_SHA_256 | 1u << SASL_SCRAM_SHA_256_PLUS;
    if (has_tokens(c))
        set |= 1u << SASL_OAUTHBEARER | 1u << SASL_XOAUTH2;
    if (c->users_file.n != 0)
        set |= 1u << SASL_EXTERNAL;
    return set;
}

unsigned auth_count(const struct config *c, unsigned workers)
{
    if (auth_mechanisms(c) == 0)
        return 0;
    return workers < 2 ? 2 : workers < PROCESSES_MAX ? workers : PROCESSES_MAX;
}

/* ---- exchanges ---- */

static void end_exchange(struct auth_exchange *x)
{
    auth_check_drop(x);
    auth_scram_drop(x);
    auth_question_drop(x);
    loop_timer_stop(&x->timer);
    *x->at = x->next;
    if (x->next != NULL)
        x->next->at = x->at;
    explicit_bzero(x, sizeof *x);
    free(x);
    auth.exchange_count--;
}

static void send_result(struct auth_client *to, uint32_t tag, const struct auth_result *r)
{
    char memory[AUTH_RESULT_BYTES];
    struct buf b = BUF_OVER(memory);

    auth_result_put(&b, r);
    (void)!chan_send(&to->chan, AUTH_RESULT, tag, buf_span(&b), SPAN_NONE, -1);
}

void auth_challenge(struct auth_exchange *x, span octets)
{
    if (octets.n > AUTH_CHALLENGE_BYTES)
        auth_finish(x, AUTH_MALFORMED, "the response makes too long a challenge");
    else if (chan_send(&x->client->chan, AUTH_CHALLENGE, x->tag, octets, SPAN_NONE, -1) != ERR_OK)
        auth_finish(x, AUTH_TROUBLE, "the challenge cannot be sent");
}

static struct backoff_who who(const struct auth_exchange *x)
{
    return (struct backoff_who){auth_user(x), span_of(x->client_ip, x->client_n), x->trusted};
}

void auth_failed(struct auth_exchange *x)
{
    struct backoff_who w = who(x);

    if (x->failed)
        return;
    x->failed = true;
    backoff_failed(&auth.backoff, &w, clock_mono_ms());
}

void auth_finish(struct auth_exchange *x, enum auth_status status, const char *why)
{
    struct auth_result r = {status, auth_user(x), span_cstr(why)};
    struct backoff_who w = who(x);

    if (status == AUTH_FINE)
        backoff_passed(&auth.backoff, &w, clock_mono_ms());
    if (status == AUTH_WRONG)
        auth_failed(x);
    send_result(x->client, x->tag, &r);
    end_exchange(x);
}

bool auth_may_try(struct auth_exchange *x)
{
    static const char *const why[BACKOFF_KIND_COUNT] = {
        [BACKOFF_ACCOUNT] = "too many failures of this account",
        [BACKOFF_CLIENT] = "too many failures of this client",
        [BACKOFF_PAIR] = "too many failures of this account from this client",
    };
    struct backoff_who w = who(x);
    enum backoff_kind kind = BACKOFF_ACCOUNT;

    if (backoff_wait(&auth.backoff, &w, clock_mono_ms(), &kind) == 0)
        return true;
    auth_finish(x, AUTH_LATER, why[kind]);
    return false;
}

bool auth_claim(struct auth_exchange *x, span name)
{
    char memory[CONFIG_ADDRESS_BYTES];
    struct buf address = BUF_OVER(memory);
    struct buf user = BUF_OVER(x->user);
    struct path path;

    x->user_n = 0;
    if (path_parse_address(name, PATH_ALLOW_UTF8, &path) != PATH_FINE)
        return false;
    config_idn_put_path(&address, &path);
    buf_put_lower(&user, buf_span(&address));
    if (address.overflow || user.overflow)
        return false;
    x->user_n = user.n;
    return true;
}

static void on_timeout(void *arg)
{
    auth_finish(arg, AUTH_TROUBLE, "the exchange took too long");
}

static struct auth_exchange *find(struct auth_client *c, uint32_t tag)
{
    struct auth_exchange *x = c->exchanges;

    while (x != NULL && x->tag != tag)
        x = x->next;
    return x;
}

static struct auth_exchange *new_exchange(struct auth_client *c, uint32_t tag,
                                          const struct auth_start *s)
{
    struct auth_exchange *x =
        auth.exchange_count < AUTH_EXCHANGES_MAX ? calloc(1, sizeof *x) : NULL;

    if (x == NULL)
        return NULL;
    auth.exchange_count++;
    x->client = c;
    x->tag = tag;
    x->mechanism = sasl_find(s->mechanism);
    x->trusted = s->trusted;
    x->client_n = s->client.n;
    if (s->client.n != 0)
        memcpy(x->client_ip, s->client.p, s->client.n);
    x->next = c->exchanges;
    x->at = &c->exchanges;
    if (x->next != NULL)
        x->next->at = &x->next;
    c->exchanges = x;
    loop_timer_init(&x->timer, auth.proc->loop, on_timeout, x);
    loop_timer_set_common(&x->timer, AUTH_EXCHANGE_MS);
    return x;
}

/* ---- frames ---- */

/* A frame that smtpd cannot have sent: its login fails, all others go on. */
static void broken(struct chan_frame *f, const char *what)
{
    struct log_line l = log_begin(LOG_CHANNEL_BROKEN, LOG_ERROR);

    log_cstr(&l, KEY_PEER, "smtpd");
    log_num(&l, KEY_TYPE, f->type);
    log_cstr(&l, KEY_REASON, what);
    log_end(&l);
}

static void on_start(struct auth_client *c, struct chan_frame *f)
{
    struct auth_start s;
    struct auth_exchange *x;
    struct auth_result later = {AUTH_TROUBLE, SPAN_NONE, SPAN("too many exchanges at once")};

    if (!auth_start_get(f->body, &s) || sasl_find(s.mechanism) == SASL_MECHANISM_COUNT ||
        (auth_mechanisms(auth.config) & 1u << sasl_find(s.mechanism)) == 0 ||
        find(c, f->tag) != NULL) {
        struct auth_result bad = {AUTH_TROUBLE, SPAN_NONE, SPAN("a malformed question")};

        broken(f, "malformed");
        send_result(c, f->tag, &bad);
        return;
    }
    x = new_exchange(c, f->tag, &s);
    if (x == NULL)
        send_result(c, f->tag, &later);
    else
        mechanisms[x->mechanism].start(x, &s);
}

static void on_step(struct auth_client *c, struct chan_frame *f)
{
    struct auth_exchange *x = find(c, f->tag);

    /* It may have ended by its time while this was under way. Nothing is challenged while it waits.
     */
    if (x != NULL && !x->checking && x->asking == NULL)
        mechanisms[x->mechanism].step(x, f->body);
}

static void on_frame(void *arg, struct chan *chan, struct chan_frame *f)
{
    struct auth_client *c = arg;
    struct auth_exchange *x;

    (void)chan;
    if (f->type == AUTH_START) {
        on_start(c, f);
    } else if (f->type == AUTH_STEP) {
        on_step(c, f);
    } else {
        x = find(c, f->tag);
        if (x != NULL)
            end_exchange(x);
    }
}

static void end_when_drained(void)
{
    if (auth.draining && auth.clients == NULL)
        proc_done(auth.proc, PROC_EXIT_OK);
}

static void on_closed(void *arg, struct chan *chan, enum chan_end why)
{
    struct auth_client *c = arg;
    struct auth_client **at = &auth.clients;
    struct auth_exchange *next;

    (void)chan;
    (void)why;
    for (struct auth_exchange *x = c->exchanges; x != NULL; x = next) {
        next = x->next;
        end_exchange(x);
    }
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    free(c);
    end_when_drained();
}

static void on_peer(struct proc *p, unsigned kind, unsigned index, int fd)
{
    struct chan_type types[AUTH_FRAME_END] = {
        [AUTH_START] = {"start", auth_frame_max(AUTH_START), false},
        [AUTH_STEP] = {"step", auth_frame_max(AUTH_STEP), false},
        [AUTH_CANCEL] = {"cancel", auth_frame_max(AUTH_CANCEL), false},
    };
    static struct chan_type kept[AUTH_FRAME_END];
    struct auth_client *c;
    struct chan_conf conf = {
        .name = p->specs[kind].name,
        .types = kept,
        .type_count = COUNT(kept),
        .on_frame = on_frame,
        .on_closed = on_closed,
        .secret = true,
    };

    (void)index;
    if (kind == PROC_RESOLVER) {
        resolve_client_link(&auth.resolver, fd);
        return;
    }
    c = calloc(1, sizeof *c);
    conf.arg = c;
    memcpy(kept, types, sizeof kept);
    if (c == NULL) {
        close(fd);
        return;
    }
    if (chan_open(&c->chan, p->loop, fd, &conf) != ERR_OK) {
        free(c);
        return;
    }
    c->next = auth.clients;
    auth.clients = c;
}

/* Sessions that are being finished may still log in: the last client decides. */
static void on_drain(struct proc *p, bool reload, int64_t deadline_ms)
{
    (void)p;
    (void)reload;
    (void)deadline_ms;
    auth.draining = true;
    end_when_drained();
}

int auth_run(struct proc *p)
{
    const struct context *context = p->config;
    const struct config *c = context->config;
    struct sandbox_grant grant = {
        .kind = SANDBOX_CONNECT, .fd = -1, .port = c->auth.introspection.url.server.port};

    auth = (struct auth){.proc = p, .config = c, .keys = context->auth_keys};
    resolve_client_init(&auth.resolver, p->loop);
    auth.backoff = (struct backoff){context->backoff, (int64_t)c->auth.backoff_account_ms,
                                    (int64_t)c->auth.backoff_client_ms};
    json_object_seed(os_random_u64() | 1); /* it would open a file for that later */
    auth_check_init();
    if (!auth_scram_init())
        return PROC_EXIT_FAILED;
    p->self = &auth;
    p->on_peer = on_peer;
    p->on_drain = on_drain;
    if (!proc_enter(p, &grant, auth_introspects(c) ? 1 : 0))
        return PROC_EXIT_FAILED;
    return proc_run(p);
}
