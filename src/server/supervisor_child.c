/* SPDX-License-Identifier: ISC */
/*
 * Whoever is started makes the pairs to all peers that live: one end goes with the fork, the other
 * to the peer by its control channel. So first start and restart are the same act. Peers are of one
 * generation, but for this: a child that drains after a reload is joined with those of the new
 * generation that it asks (the sessions that go on need the new queue, since two cannot have the
 * store at once).
 */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/pack.h"
#include "os/clock.h"
#include "os/heap.h"
#include "server/supervisor_inner.h"

struct log_line supervisor_child_line(const struct child *c, enum log_event event,
                                      enum log_level level)
{
    struct log_line l = log_begin(event, level);
    log_cstr(&l, KEY_PROCESS, supervisor_spec_of(c)->name);
    log_num(&l, KEY_INDEX, c->index);
    log_num(&l, KEY_PID, c->pid);
    return l;
}

/* ---- the start ---- */

static void start_child(struct child *c);

static void restart_now(void *arg)
{
    start_child(arg);
}

void supervisor_children_make(struct generation *g)
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
            loop_timer_init(&c->restart, g->supervisor->loop, restart_now, c);
        }
    }
}

static void on_frame(void *arg, struct chan *chan, struct chan_frame *f)
{
    struct child *c = arg;

    (void)chan;
    (void)f;
    if (c->ready)
        return;
    c->ready = true;
    supervisor_child_ready(c);
}

static enum err open_control(struct child *c, int fd)
{
    static const struct chan_type types[CONTROL_COUNT] = {
        [CONTROL_READY] = {"ready", 0, false},
    };
    const struct chan_conf conf = {
        .name = supervisor_spec_of(c)->name,
        .types = types,
        .type_count = COUNT(types),
        .on_frame = on_frame, /* the death of a child is told by SIGCHLD */
        .arg = c,
    };

    return chan_open(&c->control, c->generation->supervisor->loop, fd, &conf);
}

static bool are_peers(const struct child *a, const struct child *b)
{
    return a != b && (proc_has_peer(supervisor_spec_of(a), b->kind) ||
                      proc_has_peer(supervisor_spec_of(b), a->kind));
}

/* An older child that goes on and asks processes of c's kind; its own ones end soon. */
static bool outlives(const struct child *older, const struct child *c)
{
    return supervisor_spec_of(older)->lingers && older->generation->draining &&
           !c->generation->draining && proc_has_peer(supervisor_spec_of(older), c->kind);
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

    for (struct generation *g = c->generation->supervisor->all; g != NULL; g = g->next) {
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
    const struct supervisor_conf *conf = g->supervisor->conf;

    for (const struct generation *other = g->supervisor->all; other != NULL; other = other->next)
        if (other != g && conf->forget != NULL)
            conf->forget(conf->arg, other->plan.config);
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
    struct log_line l = supervisor_child_line(c, LOG_PROCESS_START, LOG_DEBUG);
    log_end(&l);
}

void supervisor_children_start(struct generation *g)
{
    for (size_t i = 0; i < g->child_count; i++)
        start_child(&g->children[i]);
}

/* ---- the end ---- */

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

void supervisor_child_log_exit(struct child *c, int status)
{
    bool good = WIFEXITED(status) && WEXITSTATUS(status) == PROC_EXIT_OK;
    struct log_line l = supervisor_child_line(c, LOG_PROCESS_EXIT, good ? LOG_DEBUG : LOG_ERROR);

    log_how(&l, status);
    log_end(&l);
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

void supervisor_child_replace(struct child *c, int status)
{
    struct log_line l = supervisor_child_line(c, LOG_PROCESS_RESTARTED, LOG_ERROR);
    int64_t delay = next_delay(c);

    log_how(&l, status);
    log_num(&l, KEY_DELAY, delay);
    log_end(&l);
    c->pid = 0;
    loop_timer_set(&c->restart, delay);
}
