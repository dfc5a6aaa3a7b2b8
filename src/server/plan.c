/* SPDX-License-Identifier: ISC */
#include "server/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/endpoint.h"
#include "config/watch.h"
#include "net/tls_ticket.h"
#include "os/clock.h"
#include "os/heap.h"
#include "os/log.h"
#include "os/random.h"
#include "server/auth_keys.h"
#include "server/kinds.h"
#include "server/relay_keys.h"
#include "server/tls_keys.h"
#include "store/ledger.h"

#define PATH_BYTES 1024

/* What one configuration came to; context first, so that a pointer to it is one to all. */
struct plan {
    struct context context;
    struct config *config;
    struct proc_spec specs[PROC_KIND_COUNT];
    char addresses[PROC_LISTENERS_MAX][PATH_BYTES];
    bool has_ledger; /* its directory was there, or could be made */
};

/* ---- problems of a configuration ---- */

static void say_problem(const struct config_problem *p, bool started)
{
    char memory[2048];
    struct buf text = BUF_OVER(memory);

    if (started) {
        config_problem_log(p, &text);
        log_text(p->warning ? LOG_CONFIG_WARNING : LOG_CONFIG_BAD,
                 p->warning ? LOG_WARNING : LOG_ERROR, buf_span(&text));
    } else {
        config_problem_text(p, &text);
        (void)fprintf(stderr, "%.*s\n", SPAN_ARG(buf_span(&text)));
    }
}

static struct config *read_config(const struct plan_source *source, struct diag *d)
{
    struct config_problems problems = {0};
    struct config *config = config_load(source->file, &problems);

    for (size_t i = 0; i < problems.n; i++)
        say_problem(&problems.items[i], source->started);
    if (config == NULL)
        (void)diag_set(d, ERR_CONF, 0, "%s: the configuration has %zu error%s",
                       source->file != NULL ? source->file : "built in", problems.n_errors,
                       problems.n_errors == 1 ? "" : "s");
    config_problems_finish(&problems);
    return config;
}

/* ---- directories ---- */

/*
 * Make path (0750, the service user's) unless it is there; those above it must be.
 *
 * follow  a symbolic link is taken too: only where the service user cannot have put it, or he
 *         would be given any directory of the machine
 */
static bool make_dir(const char *path, bool follow, const struct user *user, struct diag *d)
{
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW);
    int fd;

    if (mkdir(path, 0750) != 0 && errno != EEXIST) {
        (void)diag_set(d, err_of_errno(errno), errno, "cannot make the directory %s", path);
        return false;
    }
    fd = open(path, flags);
    if (fd < 0 || user_own(user, fd) != ERR_OK) {
        (void)diag_set(d, err_of_errno(errno), errno, "cannot use the directory %s", path);
        if (fd >= 0)
            (void)close(fd);
        return false;
    }
    (void)close(fd);
    return true;
}

static bool make_sub_dir(span dir, const char *name, const struct user *user, struct diag *d)
{
    char memory[PATH_BYTES];
    struct buf path = BUF_OVER(memory);

    buf_put(&path, dir);
    buf_put(&path, span_cstr(name));
    if (buf_cstr(&path) == NULL) {
        (void)diag_set(d, ERR_LIMIT, 0, "data_dir is too long: %.*s", SPAN_ARG(dir));
        return false;
    }
    return make_dir(memory, *name == '\0', user, d);
}

static bool put_ledger_path(const struct config *c, struct buf *path)
{
    buf_printf(path, "%.*s/" LEDGER_DIR, SPAN_ARG(c->data_dir));
    return buf_cstr(path) != NULL;
}

/*
 * Nothing depends on the ledger: what is in its way is moved aside, and without it mail goes on.
 *
 * returns  false when there is none to be had
 */
static bool make_ledger_dir(const struct config *c, const struct user *user)
{
    char from[PATH_BYTES], to[PATH_BYTES];
    struct buf path = BUF_OVER(from), aside = BUF_OVER(to);
    struct diag d = {0};
    struct stat st;
    struct log_line l;

    buf_printf(&aside, "%.*s/" LEDGER_DIR ".damaged-%lld", SPAN_ARG(c->data_dir),
               (long long)(clock_wall_ms() / 1000));
    if (c->ledger.enabled == CONFIG_LEDGER_NO || !put_ledger_path(c, &path) ||
        buf_cstr(&aside) == NULL)
        return false;
    if (lstat(from, &st) == 0 && !S_ISDIR(st.st_mode) && rename(from, to) != 0)
        (void)diag_set(&d, ERR_IO, errno, "cannot move %s aside", from);
    if (make_sub_dir(c->data_dir, "/" LEDGER_DIR, user, &d))
        return true;
    l = log_begin(LOG_LEDGER_FAILED, LOG_WARNING);
    log_diag(&l, &d);
    log_end(&l);
    return false;
}

/*
 * Somebody removed it while we run. The queue process may open no directory but those it was given,
 * so a new one is made as by a reload; one that could not be made is not tried again.
 */
static bool has_lost_ledger(const struct plan *p)
{
    char memory[PATH_BYTES];
    struct buf path = BUF_OVER(memory);
    struct stat st;

    if (!p->has_ledger || !put_ledger_path(p->config, &path) || lstat(memory, &st) == 0 ||
        errno != ENOENT)
        return false;
    log_text(LOG_LEDGER_FAILED, LOG_WARNING,
             SPAN("its directory was removed: a new one is made, as by a reload"));
    return true;
}

static bool make_dirs(struct plan *p, const struct user *user, struct diag *d)
{
    static const char *const names[] = {"", "/queue", "/mail"};

    for (size_t i = 0; i < COUNT(names); i++) {
        if (!make_sub_dir(p->config->data_dir, names[i], user, d))
            return false;
    }
    p->has_ledger = make_ledger_dir(p->config, user);
    return true;
}

/* ---- listeners ---- */

static bool add_listener(struct supervisor_plan *out, struct supervisor_listen at,
                         struct buf *address)
{
    at.address = buf_cstr(address);
    if (at.address == NULL || out->listen_count == PROC_LISTENERS_MAX)
        return false;
    out->listens[out->listen_count++] = at;
    return true;
}

static struct buf address_room(struct plan *p, const struct supervisor_plan *out)
{
    size_t at = min_size(out->listen_count, PROC_LISTENERS_MAX - 1);

    return buf_over(p->addresses[at], PATH_BYTES);
}

static bool add_listeners(struct plan *p, struct supervisor_plan *out, bool guard_only,
                          struct diag *d)
{
    const struct config *c = p->config;
    struct supervisor_listen control = {.name = "control", .kind = PROC_QUEUE};
    struct buf room;
    bool fits = true;

    for (size_t i = 0; i < c->n_listens && fits && !guard_only; i++) {
        struct supervisor_listen at = {
            .name = c->listens[i].name.p, .kind = PROC_SMTPD, .config = &c->listens[i]};

        room = address_room(p, out);
        config_endpoint_put(&room, &c->listens[i].address);
        fits = add_listener(out, at, &room);
    }
    for (size_t i = 0; i < c->n_guards && fits; i++) {
        struct supervisor_listen at = {
            .name = c->guards[i].name.p, .kind = PROC_GUARD, .config = &c->guards[i], .open = true};

        room = address_room(p, out);
        config_endpoint_put(&room, &c->guards[i].address);
        fits = add_listener(out, at, &room);
    }
    if (guard_only && fits)
        return true;
    room = address_room(p, out);
    buf_put(&room, SPAN("unix:"));
    buf_put(&room, c->data_dir);
    buf_put(&room, SPAN("/control"));
    if (fits && add_listener(out, control, &room))
        return true;
    (void)diag_set(d, ERR_LIMIT, 0, "too many listeners (at most %d), or an address is too long",
                   PROC_LISTENERS_MAX - 1);
    return false;
}

/*
 * One census for all generations with the same number of workers, so that the sessions of one that
 * drains count on. A former table stays: those who drain still use it.
 */
static struct census_table *census_of(unsigned workers)
{
    static struct census_table *table;
    static unsigned columns;
    struct hash_key key;

    if (table == NULL || columns != 2 * workers) {
        columns = 2 * workers;
        os_random(&key, sizeof(key));
        table = census_table_new(key, columns);
    }
    return table;
}

/* One memory of failed logins for all generations: a reload pardons nobody. */
static struct backoff_table *failures(void)
{
    static struct backoff_table *table;
    struct hash_key key;

    if (table == NULL) {
        os_random(&key, sizeof(key));
        table = backoff_table_new(key);
    }
    return table;
}

/*
 * The keys of session tickets, the same for all generations: who came under the former
 * configuration can resume under the new one.
 */
static struct tls_tickets *tickets_of(void)
{
    static struct tls_tickets tickets;
    static bool made;
    uint8_t secret[TLS_TICKET_SECRET_BYTES];

    if (!made) {
        os_random(secret, sizeof(secret));
        tls_tickets_init(&tickets, secret, clock_wall_ms());
        explicit_bzero(secret, sizeof(secret));
        made = true;
    }
    tls_tickets_turn(&tickets, clock_wall_ms());
    return &tickets;
}

static enum err load_files(struct plan *p, struct diag *d)
{
    struct config_problems doubts = {0};
    const struct tls_keys_how how = {p->context.tickets, true, &doubts};
    enum err e = tls_keys_load(p->config, &how, &p->context.tls, d);

    for (size_t i = 0; i < doubts.n; i++)
        say_problem(&doubts.items[i], true);
    config_problems_finish(&doubts);
    if (e == ERR_OK)
        e = relay_keys_load(p->config, &p->context.relay_keys, d);
    if (e == ERR_OK && p->context.relay_keys->doubt != NULL)
        log_text(LOG_CONFIG_WARNING, LOG_WARNING, span_cstr(p->context.relay_keys->doubt));
    if (e == ERR_OK)
        e = auth_keys_load(p->config, p->context.relay_keys->system_side, &p->context.auth_keys, d);
    return e;
}

/* Certificates, keys and passwords are read before privileges are dropped. */
static bool load_keys(struct plan *p, struct diag *d)
{
    static char file[PATH_BYTES]; /* the configuration that named it goes away before it is said */

    p->context.tickets = tickets_of();
    if (load_files(p, d) == ERR_OK)
        return true;
    if (d->file != NULL) {
        (void)snprintf(file, sizeof(file), "%s", d->file);
        d->file = file;
    }
    return false;
}

/* ---- whom to become ---- */

static bool find_user(const struct config *c, struct user *out, struct diag *d)
{
    bool fallback = false;
    bool named = c->user.n != 0 && !span_eq(c->user, SPAN(USER_DEFAULT));

    if (user_find(named ? c->user.p : NULL, out, &fallback, d) != ERR_OK)
        return false;
    if (fallback)
        log_text(LOG_CONFIG_WARNING, LOG_WARNING,
                 SPAN("there is no user \"" USER_DEFAULT "\": running as \"" USER_FALLBACK "\"; "
                      "make one with: adduser --system --group " USER_DEFAULT));
    return true;
}

static void set_log(const struct config *c)
{
    static const enum log_format formats[] = {
        [CONFIG_LOG_AUTO] = LOG_AUTO,
        [CONFIG_LOG_HUMAN] = LOG_HUMAN,
        [CONFIG_LOG_JSON] = LOG_JSON,
        [CONFIG_LOG_LOGFMT] = LOG_LOGFMT,
    };
    static const enum log_level levels[] = {
        [CONFIG_LOG_ERROR] = LOG_ERROR,
        [CONFIG_LOG_WARNING] = LOG_WARNING,
        [CONFIG_LOG_INFO] = LOG_INFO,
        [CONFIG_LOG_DEBUG] = LOG_DEBUG,
    };

    log_open(STDERR_FILENO, formats[c->log.format], levels[c->log.level]);
}

/* What all workers of all generations count in. */
static bool share_memory(struct plan *p)
{
    p->context.census = census_of(p->specs[PROC_SMTPD].count);
    p->context.backoff = failures();
    return p->context.census != NULL && p->context.backoff != NULL;
}

bool plan_load(void *arg, struct supervisor_plan *out, struct diag *d)
{
    struct plan_source *source = arg;
    struct plan *p = x_alloc(sizeof(*p));

    out->config = p;
    out->specs = p->specs;
    out->kind_count = PROC_KIND_COUNT;
    p->config = read_config(source, d);
    if (p->config == NULL)
        return false;
    set_log(p->config);
    kinds_fill(p->specs, p->config, source->guard_only);
    p->context = (struct context){.config = p->config, .guard_only = source->guard_only};
    if (source->guard_only && p->config->n_guards == 0) {
        (void)diag_set(d, ERR_CONF, 0, "%s: there is no guard \"NAME\" { address = ...; } block",
                       source->file != NULL ? source->file : "built in");
        return false;
    }
    if (!source->guard_only && !share_memory(p)) {
        (void)diag_set(d, ERR_NOMEM, errno, "no shared memory");
        return false;
    }
    out->drain_ms = (int64_t)p->config->drain_timeout_ms;
    if (!find_user(p->config, &out->user, d) ||
        (!source->guard_only && !make_dirs(p, &out->user, d)) ||
        (!source->guard_only && !load_keys(p, d)) || !add_listeners(p, out, source->guard_only, d))
        return false;
    source->started = true;
    source->config = p->config;
    return true;
}

void plan_forget(void *arg, const void *config)
{
    struct plan *p = (struct plan *)(uintptr_t)config;

    (void)arg;
    if (p == NULL)
        return;
    tls_side_free(p->context.tls);
    p->context.tls = NULL;
    auth_keys_free(p->context.auth_keys);
    p->context.auth_keys = NULL;
    relay_keys_free(p->context.relay_keys);
    p->context.relay_keys = NULL;
    if (p->config != NULL)
        config_forget_secrets(p->config);
}

/* Wiped first: what is freed here lies in the memory of every process that is started later. */
void plan_unload(void *arg, const void *config)
{
    struct plan *p = (struct plan *)(uintptr_t)config;

    plan_forget(arg, config);
    if (p != NULL)
        config_free(p->config);
    free(p);
}

bool plan_changed(void *arg, const void *config)
{
    struct plan_source *source = arg;
    const struct plan *p = config;
    uint64_t mark = config_watch_now(p->config);
    /* Whoever writes a file is let finish; and what could not be read is not tried again as it is.
     */
    bool rests = mark == source->seen_mark;

    source->seen_mark = mark;
    if (has_lost_ledger(p))
        return true;
    if (mark == config_watch_mark(p->config) || !rests || mark == source->tried_mark)
        return false;
    source->tried_mark = mark;
    return true;
}
