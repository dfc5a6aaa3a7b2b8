/* SPDX-License-Identifier: ISC */
#include "server/relay_name.h"
#include "server/relay_secure.h"

#include <stdlib.h>

#include "os/log.h"

static const struct chan_type types[] = {
    [QUEUE_JOB] = {"job", JOB_FRAME_BYTES, true},
};

static void on_frame(void *arg, struct chan *chan, struct chan_frame *f)
{
    struct relay *r = arg;
    struct relay_job *j = relay_job_new(r, f);

    (void)chan;
    if (j == NULL) {
        log_text(LOG_CHANNEL_BROKEN, LOG_ERROR, SPAN("a job of the queue could not be taken"));
        relay_job_refuse(r, f);
    } else if (r->draining) {
        relay_job_finish(j, JOB_NOT_TRIED);
    } else {
        relay_dest_add(r, j);
    }
}

static void on_closed(void *arg, struct chan *chan, enum chan_end why)
{
    struct relay *r = arg;

    (void)chan;
    relay_dests_orphan(r);
    /* A queue process that lives on is not given to us again: somebody new must take over. */
    if (why != CHAN_PEER_GONE)
        proc_done(r->proc, PROC_EXIT_FAILED);
    relay_check_drained(r);
}

static void link_queue(struct relay *r, int fd)
{
    struct chan_conf conf = {
        .name = "queue",
        .types = types,
        .type_count = COUNT(types),
        .on_frame = on_frame,
        .on_closed = on_closed,
        .arg = r,
    };

    if (chan_is_open(&r->queue)) {
        chan_close(&r->queue);
        relay_dests_orphan(r);
    }
    if (chan_open(&r->queue, r->loop, fd, &conf) != ERR_OK)
        log_text(LOG_CHANNEL_BROKEN, LOG_ERROR, SPAN("no channel to the queue"));
    else
        relay_names_announce(r);
}

static void on_peer(struct proc *p, unsigned kind, unsigned index, int fd)
{
    struct relay *r = p->self;

    (void)index;
    if (kind == PROC_QUEUE)
        link_queue(r, fd);
    else if (kind == PROC_RESOLVER)
        resolve_client_link(&r->resolver, fd);
}

void relay_check_drained(struct relay *r)
{
    if (r->draining && r->jobs == 0 && r->conns == 0) {
        chan_flush(&r->queue);
        proc_done(r->proc, PROC_EXIT_OK);
    }
}

static void on_drain(struct proc *p, bool reload, int64_t deadline_ms)
{
    struct relay *r = p->self;

    /* Mails under way are finished in either case; what is left at the deadline is sent again. */
    (void)reload;
    (void)deadline_ms;
    r->draining = true;
    relay_names_stop(r);
    relay_dests_return(r);
    relay_check_drained(r);
}

int relay_run(struct proc *p)
{
    const struct context *context = p->config;
    static struct relay r;
    int status = PROC_EXIT_FAILED;

    r = (struct relay){
        .proc = p, .loop = p->loop, .config = context->config, .keys = context->relay_keys};
    resolve_client_init(&r.resolver, p->loop);
    r.input = x_alloc(RELAY_SCRATCH_BYTES);
    r.body = x_alloc(RELAY_SCRATCH_BYTES);
    r.output = buf_over(x_alloc(RELAY_SCRATCH_BYTES), RELAY_SCRATCH_BYTES);
    p->self = &r;
    p->on_peer = on_peer;
    p->on_drain = on_drain;
    if (relay_auth_start(&r) && proc_enter(p, NULL, 0)) {
        relay_names_start(&r);
        status = proc_run(p);
    }
    relay_names_finish(&r);
    chan_close(&r.queue);
    resolve_client_finish(&r.resolver);
    relay_auth_stop(&r);
    relay_keys_forget(r.keys);
    free(r.input);
    free(r.body);
    free(r.output.p);
    return status;
}
