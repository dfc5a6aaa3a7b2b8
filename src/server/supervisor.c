/* SPDX-License-Identifier: ISC */
/*
 * A generation is one configuration with its listeners and children. There is
 * one in force; older ones drain until their last child has gone. Whoever is
 * started makes the pairs to all peers that live: one end goes with the fork, the
 * other to the peer by its control channel. So first start and restart are the same
 * act. Peers are of one generation, but for this: a child that drains after a
 * reload is joined with those of the new generation that it asks (the sessions that
 * go on need the new queue, since two cannot have the store at once).
 *
 *     start -> [in force] -- SIGHUP, good --> [draining] -- last child gone --> freed
 *                  |                              |
 *                  +---------- SIGTERM ---------->+  after drain_ms: SIGKILL
 */
#include "server/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/pack.h"
#include "os/clock.h"
#include "os/descriptors.h"
#include "os/heap.h"
#include "os/log.h"
#include "os/notify.h"
#include "os/title.h"
#include "server/bind.h"
#include "server/proc_inner.h"

#define EXIT_MACHINE 71

struct generation;

struct child {
    struct generation *generation;
    unsigned kind;
    unsigned index;
    pid_t pid; /* 0: not running */
    bool ready;
    struct chan control;
    int64_t started_ms;
    int64_t backoff_ms; /* how long to wait when it dies next */
    struct loop_timer restart;
};

struct generation {
    struct generation *next;
    unsigned number;
    bool draining;
    bool announced; /* all of its children were ready once */
    struct supervisor_plan plan;
    struct bound bound;
    struct loop_timer kill;
    size_t child_count;
    struct child *children;
};

static struct supervisor {
    const struct supervisor_conf *conf;
    struct loop *loop;
    struct generation *current;
    struct generation *all;
    unsigned last_number;
    bool stopping;
    bool announced;
    int status;
    int64_t started_ms;
    struct loop_hook flush;
    struct loop_timer poll;
} sup;

static void start_child(struct child *c);

static const struct proc_spec *spec_of(const struct child *c)
{
    return &c->generation->plan.specs[c->kind];
}

static struct log_line child_line(const struct child *c, enum log_event event, enum log_level level)
{
    struct log_line l = log_begin(event, level);
    log_cstr(&l, KEY_PROCESS, spec_of(c)->name);
    log_num(&l, KEY_INDEX, c->index);
    log_num(&l, KEY_PID, c->pid);
    return l;
}

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
        struct log_line l = child_line(c, LOG_PROCESS_KILLED, LOG_WARNING);
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

/* Children */

static void restart_now(void *arg)
{
    start_child(arg);
}

static void make_children(struct generation *g)
{
    for (unsigned kind = 0; kind < g->plan.kind_count; kind++)
        g->child_count += g->plan.specs[kind].count;
    g->children = x_alloc(g->child_count * sizeof *g->children);
    size_t n = 0;
    for (unsigned kind = 0; kind < g->plan.kind_count; kind++) {
        BUG_IF(g->plan.specs[kind].count > PROC_COUNT_MAX, "too many processes of a kind");
        for (unsigned i = 0; i < g->plan.specs[kind].count; i++) {
            struct child *c = &g->children[n++];
            *c = (struct child){.generation = g, .kind = kind, .index = i};
            loop_timer_init(&c->restart, sup.loop, restart_now, c);
        }
    }
}

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

static void on_ready_frame(void *arg, struct chan *chan, struct chan_frame *f)
{
    struct child *c = arg;

    (void)chan;
    (void)f;
    if (c->ready)
        return;
    c->ready = true;
    struct generation *g = c->generation;
    if (g == sup.current && !g->announced && !sup.stopping && all_ready(g))
        announce(g);
}

static enum err open_control(struct child *c, int fd)
{
    static const struct chan_type types[CONTROL_COUNT] = {
        [CONTROL_READY] = {"ready", 0, false},
    };
    const struct chan_conf conf = {
        .name = spec_of(c)->name,
        .types = types,
        .type_count = COUNT(types),
        .on_frame = on_ready_frame, /* the death of a child is told by SIGCHLD */
        .arg = c,
    };

    return chan_open(&c->control, sup.loop, fd, &conf);
}

static bool are_peers(const struct child *a, const struct child *b)
{
    return a != b && (proc_has_peer(spec_of(a), b->kind) || proc_has_peer(spec_of(b), a->kind));
}

/* An older child that goes on and asks processes of c's kind; its own ones end soon. */
static bool outlives(const struct child *older, const struct child *c)
{
    return spec_of(older)->lingers && older->generation->draining && !c->generation->draining &&
           proc_has_peer(spec_of(older), c->kind);
}

/* Join c, which is about to be forked, with a living peer. */
static bool join(struct child *c, struct child *peer, struct proc_link *link)
{
    char mem[CONTROL_BODY_MAX];
    struct buf b = BUF_OVER(mem);
    int fds[2];

    if (chan_pair(fds) != ERR_OK)
        return false;
    pack_u8(&b, (uint8_t)c->kind);
    pack_u8(&b, (uint8_t)c->index);
    *link = (struct proc_link){peer->kind, peer->index, fds[0]};
    /* A peer that is dying loses its end here, and gets a new one when it is back. */
    (void)!chan_send(&peer->control, CONTROL_PEER, 0, buf_span(&b), SPAN_NONE, fds[1]);
    return true;
}

static size_t join_all(struct child *c, struct proc_link *links, size_t max)
{
    size_t n = 0;

    for (struct generation *g = sup.all; g != NULL; g = g->next) {
        for (size_t i = 0; i < g->child_count && n < max; i++) {
            struct child *peer = &g->children[i];

            if (peer->pid == 0 || peer == c)
                continue;
            if ((g == c->generation ? are_peers(c, peer) : outlives(peer, c)) &&
                join(c, peer, &links[n]))
                n++;
        }
    }
    return n;
}

static void retry_later(struct child *c)
{
    loop_timer_set(&c->restart, SUPERVISOR_BACKOFF_FIRST_MS);
}

/* In the new process: everything it needs lies in memory that it got with the fork. */
NORETURN static void be_child(const struct child *c, int control, const struct proc_link *links,
                              size_t link_count, pid_t supervisor)
{
    const struct generation *g = c->generation;

    for (const struct generation *other = sup.all; other != NULL; other = other->next)
        if (other != g && sup.conf->forget != NULL)
            sup.conf->forget(sup.conf->arg, other->plan.config);
    struct proc_start start = {.specs = g->plan.specs,
                               .kind = c->kind,
                               .index = c->index,
                               .generation = g->number,
                               .config = g->plan.config,
                               .listeners = g->bound.listeners,
                               .listener_count = g->bound.count,
                               .user = g->plan.user,
                               .supervisor = supervisor,
                               .control = control,
                               .links = links,
                               .link_count = link_count};
    proc_child(&start);
}

static void start_child(struct child *c)
{
    static struct proc_link links[PROC_KINDS_MAX * PROC_COUNT_MAX];
    int control[2];
    pid_t supervisor = getpid();

    if (chan_pair(control) != ERR_OK) {
        retry_later(c);
        return;
    }
    size_t link_count = join_all(c, links, COUNT(links));
    log_flush(); /* or the child would write the same lines again */
    pid_t pid = fork();
    if (pid == 0)
        be_child(c, control[1], links, link_count, supervisor);
    for (size_t i = 0; i < link_count; i++)
        close(links[i].fd);
    close(control[1]);
    if (pid < 0 || open_control(c, control[0]) != ERR_OK) {
        (void)(pid < 0 ? close(control[0]) : kill(pid, SIGKILL));
        retry_later(c);
        return;
    }
    c->pid = pid;
    c->ready = false;
    c->started_ms = clock_mono_ms();
    struct log_line l = child_line(c, LOG_PROCESS_START, LOG_DEBUG);
    log_end(&l);
}

static void start_children(struct generation *g)
{
    for (size_t i = 0; i < g->child_count; i++)
        start_child(&g->children[i]);
}

/* Deaths */

static void log_how(struct log_line *l, int status)
{
    if (!WIFSIGNALED(status)) {
        log_num(l, KEY_STATUS, WEXITSTATUS(status));
        return;
    }
    int number = WTERMSIG(status);
    log_cstr(l, KEY_SIGNAL, sigabbrev_np(number));
    if (number == SIGSYS)
        log_cstr(l, KEY_REASON, "a system call that its sandbox forbids");
}

/* When the child is started again: at once, then later and later while it keeps dying. */
static int64_t next_delay(struct child *c)
{
    if (clock_mono_ms() - c->started_ms >= SUPERVISOR_STABLE_MS)
        c->backoff_ms = 0;
    int64_t delay = c->backoff_ms;
    c->backoff_ms =
        delay == 0 ? SUPERVISOR_BACKOFF_FIRST_MS : min_i64(2 * delay, SUPERVISOR_BACKOFF_MAX_MS);
    return delay;
}

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

static void replace(struct child *c, int status)
{
    struct log_line l = child_line(c, LOG_PROCESS_RESTARTED, LOG_ERROR);
    int64_t delay = next_delay(c);

    log_how(&l, status);
    log_num(&l, KEY_DELAY, delay);
    log_end(&l);
    c->pid = 0;
    loop_timer_set(&c->restart, delay);
}

static void child_died(struct child *c, int status)
{
    bool refused = WIFEXITED(status) && WEXITSTATUS(status) == PROC_EXIT_CONF;

    chan_close(&c->control);
    c->ready = false;
    if (!c->generation->draining && !(refused && !sup.announced)) {
        replace(c, status);
        return;
    }
    bool good = WIFEXITED(status) && WEXITSTATUS(status) == PROC_EXIT_OK;
    struct log_line l = child_line(c, LOG_PROCESS_EXIT, good ? LOG_DEBUG : LOG_ERROR);
    log_how(&l, status);
    log_end(&l);
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

    g->plan.drain_ms = SUPERVISOR_DRAIN_MS;
    loop_timer_init(&g->kill, sup.loop, kill_generation, g);
    if (!sup.conf->load(sup.conf->arg, &g->plan, d) || !bind_listeners(g, d)) {
        free_generation(g);
        return NULL;
    }
    g->number = ++sup.last_number;
    make_children(g);
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
    start_children(fresh);
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
    start_children(sup.current);
    loop_timer_init(&sup.poll, sup.loop, on_poll, NULL);
    if (conf->changed != NULL)
        loop_timer_set(&sup.poll, SUPERVISOR_POLL_MS);
    loop_run(sup.loop);
    loop_timer_stop(&sup.poll);
    log_flush();
    loop_free(sup.loop);
    return sup.status;
}
