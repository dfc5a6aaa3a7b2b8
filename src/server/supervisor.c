/* SPDX-License-Identifier: ISC */
/*
 * A generation is one configuration with its listeners and children. There is
 * one in force; older ones drain until their last child has gone.
 *
 *     start -> [in force] -- SIGHUP, good --> [draining] -- last child gone --> freed
 *                  |                              |
 *                  +---------- SIGTERM ---------->+  after drain_ms: SIGKILL
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/pack.h"
#include "os/clock.h"
#include "os/descriptors.h"
#include "os/heap.h"
#include "os/notify.h"
#include "os/title.h"
#include "server/supervisor_inner.h"

#define EXIT_MACHINE 71

static struct supervisor sup;

/* Generations */

static void free_generation(struct generation *g)
{
    struct generation **at = &sup.all;

    while (*at != NULL && *at != g)
        at = &(*at)->next;
    if (*at == g)
        *at = g->next;
    if (sup.current == g)
        sup.current = NULL;
    bind_close(&g->bound);
    for (size_t i = 0; i < g->child_count; i++) {
        chan_close(&g->children[i].control);
        loop_timer_stop(&g->children[i].restart);
    }
    loop_timer_stop(&g->kill);
    if (sup.conf->unload != NULL && g->plan.config != NULL)
        sup.conf->unload(sup.conf->arg, g->plan.config);
    free(g->children);
    free(g);
}

static size_t living(const struct generation *g)
{
    size_t n = 0;
    for (size_t i = 0; i < g->child_count; i++)
        n += g->children[i].pid != 0;
    return n;
}

/* Called when something ended: free what has drained, end when nothing is left. */
static void settle(void)
{
    for (struct generation *g = sup.all, *next = NULL; g != NULL; g = next) {
        next = g->next;
        if (g->draining && living(g) == 0)
            free_generation(g);
    }
    if (sup.stopping && sup.all == NULL)
        loop_stop(sup.loop);
}

static void kill_generation(void *arg)
{
    struct generation *g = arg;

    for (size_t i = 0; i < g->child_count; i++) {
        struct child *c = &g->children[i];
        if (c->pid == 0)
            continue;
        struct log_line l = supervisor_child_line(c, LOG_PROCESS_KILLED, LOG_WARNING);
        log_end(&l);
        kill(c->pid, SIGKILL);
    }
}

static void drain(struct generation *g, bool reload)
{
    char mem[CONTROL_BODY_MAX];
    struct buf b = BUF_OVER(mem);
    int64_t ms = reload ? SUPERVISOR_RELOAD_MS : g->plan.drain_ms;

    /* One that drains after a reload is told again when the server ends. */
    if (g->draining && reload)
        return;
    g->draining = true;
    pack_u8(&b, reload);
    pack_i64(&b, clock_mono_ms() + ms);
    for (size_t i = 0; i < g->child_count; i++) {
        struct child *c = &g->children[i];
        loop_timer_stop(&c->restart);
        /* A child that cannot be told is killed when the time is over. */
        if (c->pid != 0)
            (void)!chan_send(&c->control, CONTROL_DRAIN, 0, buf_span(&b), SPAN_NONE, -1);
    }
    bind_close(&g->bound);
    loop_timer_set(&g->kill, ms);
}

/* Readiness */

static bool all_ready(const struct generation *g)
{
    for (size_t i = 0; i < g->child_count; i++) {
        if (!g->children[i].ready)
            return false;
    }
    return true;
}

static void announce(struct generation *g)
{
    struct log_line l = log_begin(LOG_SERVER_READY, LOG_INFO);

    log_num(&l, KEY_GENERATION, g->number);
    log_num(&l, KEY_COUNT, (int64_t)g->child_count);
    log_num(&l, KEY_DELAY, clock_mono_ms() - sup.started_ms);
    log_end(&l);
    notify_say("READY=1");
    if (!sup.announced && sup.conf->ready != NULL)
        sup.conf->ready(sup.conf->arg, g->bound.listeners, g->bound.count);
    sup.announced = true;
    g->announced = true;
}

void supervisor_child_ready(struct child *c)
{
    struct generation *g = c->generation;

    if (g == sup.current && !g->announced && !sup.stopping && all_ready(g))
        announce(g);
}

/* Deaths */

static void stop_all(int status)
{
    if (sup.stopping)
        return;
    sup.stopping = true;
    sup.status = status;
    struct log_line l = log_begin(LOG_SERVER_STOP, LOG_INFO);
    log_end(&l);
    notify_say("STOPPING=1");
    for (struct generation *g = sup.all; g != NULL; g = g->next)
        drain(g, false);
    settle();
}

static void child_died(struct child *c, int status)
{
    bool refused = WIFEXITED(status) && WEXITSTATUS(status) == PROC_EXIT_CONF;

    chan_close(&c->control);
    c->ready = false;
    if (!c->generation->draining && !(refused && !sup.announced)) {
        supervisor_child_replace(c, status);
        return;
    }
    supervisor_child_log_exit(c, status);
    c->pid = 0;
    if (c->generation->draining)
        settle();
    else
        stop_all(PROC_EXIT_CONF);
}

static struct child *find_child(pid_t pid)
{
    for (struct generation *g = sup.all; g != NULL; g = g->next) {
        for (size_t i = 0; i < g->child_count; i++) {
            if (g->children[i].pid == pid)
                return &g->children[i];
        }
    }
    return NULL;
}

static void reap(void)
{
    int status = 0;
    pid_t pid = 0;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        struct child *c = find_child(pid);
        if (c != NULL)
            child_died(c, status);
    }
}

/* Configurations */

/* Sockets of the older generations are kept where the address is the same. */
static bool bind_listeners(struct generation *g, struct diag *d)
{
    const struct bound *former = sup.current != NULL ? &sup.current->bound : NULL;
    return bind_all(&g->bound, &g->plan, former, d) == ERR_OK;
}

/* A generation from what the configuration says now; NULL with *d when it is not to be used. */
static struct generation *load(struct diag *d)
{
    struct generation *g = x_alloc(sizeof *g);

    g->supervisor = &sup;
    g->plan.drain_ms = SUPERVISOR_DRAIN_MS;
    loop_timer_init(&g->kill, sup.loop, kill_generation, g);
    if (!sup.conf->load(sup.conf->arg, &g->plan, d) || !bind_listeners(g, d)) {
        free_generation(g);
        return NULL;
    }
    g->number = ++sup.last_number;
    supervisor_children_make(g);
    g->next = sup.all;
    sup.all = g;
    return g;
}

static void say_bad(const struct diag *d)
{
    struct log_line l = log_begin(LOG_CONFIG_BAD, LOG_ERROR);
    log_diag(&l, d);
    log_end(&l);
}

static void say_loaded(const struct generation *g)
{
    struct log_line l = log_begin(LOG_CONFIG_LOADED, LOG_INFO);
    log_num(&l, KEY_GENERATION, g->number);
    log_end(&l);
}

static void reload(void)
{
    struct diag d = {0};

    if (sup.stopping)
        return;
    notify_say("RELOADING=1");
    struct generation *fresh = load(&d);
    if (fresh == NULL) {
        say_bad(&d);
        notify_say("READY=1");
        return;
    }
    struct generation *old = sup.current;
    sup.current = fresh;
    say_loaded(fresh);
    drain(old, true);
    supervisor_children_start(fresh);
    settle();
}

static bool has_room_for_another(void)
{
    size_t n = 0;

    for (const struct generation *g = sup.all; g != NULL; g = g->next)
        n++;
    return n < SUPERVISOR_GENERATIONS;
}

/* Files that the configuration names are read anew when they change. */
static void on_poll(void *arg)
{
    const struct supervisor_conf *conf = sup.conf;

    (void)arg;
    if (sup.current != NULL && !sup.stopping && has_room_for_another() &&
        conf->changed(conf->arg, sup.current->plan.config))
        reload();
    loop_timer_set(&sup.poll, SUPERVISOR_POLL_MS);
}

static void on_signal(void *arg, int number)
{
    (void)arg;
    if (number == SIGCHLD) {
        reap();
        return;
    }
    if (number == SIGHUP) {
        reload();
        return;
    }
    /* Who asks twice does not want to wait. */
    for (struct generation *g = sup.all; sup.stopping && g != NULL; g = g->next)
        kill_generation(g);
    stop_all(PROC_EXIT_OK);
}

static void on_log_flush(void *arg)
{
    (void)arg;
    log_flush();
}

static int machine_lacks(const char *what)
{
    struct diag d = {0};

    diag_set(&d, ERR_IO, errno, "%s", what);
    say_bad(&d);
    return EXIT_MACHINE;
}

int supervisor_run(const struct supervisor_conf *conf)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD, 0};
    struct diag d = {0};

    sup = (struct supervisor){.conf = conf, .started_ms = clock_mono_ms(), .loop = loop_new()};
    if (sup.loop == NULL || !loop_signals(sup.loop, signals, on_signal, NULL))
        return machine_lacks("no event loop");
    signal(SIGPIPE, SIG_IGN);
    descriptors_raise();
    bind_init();
    loop_add_hook(sup.loop, &sup.flush, on_log_flush, NULL);
    title_set("herald: supervisor", "herald");
    sup.current = load(&d);
    if (sup.current == NULL) {
        say_bad(&d);
        loop_free(sup.loop);
        return PROC_EXIT_CONF;
    }
    say_loaded(sup.current);
    supervisor_children_start(sup.current);
    loop_timer_init(&sup.poll, sup.loop, on_poll, NULL);
    if (conf->changed != NULL)
        loop_timer_set(&sup.poll, SUPERVISOR_POLL_MS);
    loop_run(sup.loop);
    loop_timer_stop(&sup.poll);
    log_flush();
    loop_free(sup.loop);
    return sup.status;
}
