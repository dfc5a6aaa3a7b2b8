/* SPDX-License-Identifier: ISC */
#include "server/login.h"

#include <stdlib.h>
#include <unistd.h>

static struct chan_type types[AUTH_FRAME_END];

static void enlist(struct login *l, struct login_link *link)
{
    l->link = link;
    l->next = link->logins;
    l->at = &link->logins;
    if (l->next != NULL)
        l->next->at = &l->next;
    link->logins = l;
    link->count++;
}

static void delist(struct login *l)
{
    *l->at = l->next;
    if (l->next != NULL)
        l->next->at = l->at;
    l->link->count--;
    if (l->link->former && l->link->count == 0)
        loop_defer(l->link->client->loop, &l->link->client->sweep);
}

static void forget(struct login *l)
{
    delist(l);
    heap_release(&l->parked);
    loop_timer_stop(&l->timer);
    loop_task_cancel(l->link->client->loop, &l->fail);
    l->link = NULL;
}

static void send_cancel(struct login *l)
{
    if (chan_is_open(&l->link->chan))
        (void)!chan_send(&l->link->chan, AUTH_CANCEL, l->tag, SPAN_NONE, SPAN_NONE, -1);
}

void login_cancel(struct login *l)
{
    if (l->link == NULL)
        return;
    send_cancel(l);
    forget(l);
}

/* Nothing is said while the client's response is awaited: it is told with that. */
static void end(struct login *l, const struct auth_result *r)
{
    if (!l->asked) {
        l->lost = true;
        return;
    }
    forget(l);
    l->fn(l->arg, SPAN_NONE, r);
}

static void end_in_trouble(struct login *l, span why)
{
    struct auth_result r = {AUTH_TROUBLE, SPAN_NONE, why};

    end(l, &r);
}

static void on_fail(void *arg)
{
    end_in_trouble(arg, SPAN("the auth process cannot be asked"));
}

static void on_timeout(void *arg)
{
    send_cancel(arg);
    end_in_trouble(arg, SPAN("the auth process does not answer"));
}

static struct login *find(struct login_link *link, uint32_t tag)
{
    struct login *l = link->logins;

    while (l != NULL && l->tag != tag)
        l = l->next;
    return l;
}

static void on_frame(void *arg, struct chan *chan, struct chan_frame *f)
{
    struct login *l = find(arg, f->tag);
    struct auth_result r;

    (void)chan;
    if (l == NULL)
        return; /* cancelled, or out of time */
    loop_timer_stop(&l->timer);
    if (f->type == AUTH_CHALLENGE && l->asked) {
        l->asked = false;
        l->fn(l->arg, f->body, NULL);
    } else if (f->type == AUTH_RESULT && auth_result_get(f->body, &r)) {
        end(l, &r);
    } else {
        end_in_trouble(l, SPAN("the auth process answers in no known form"));
    }
}

static void end_all(struct login_link *link)
{
    struct login *next;

    for (struct login *l = link->logins; l != NULL; l = next) {
        next = l->next;
        end_in_trouble(l, SPAN("the auth process is gone"));
    }
}

static void on_closed(void *arg, struct chan *chan, enum chan_end why)
{
    struct login_link *link = arg;

    (void)chan;
    (void)why;
    link->former = true;
    loop_defer(link->client->loop, &link->client->sweep);
    end_all(link);
}

/* A login that waits for its client is told with the next response. */
static void on_sweep(void *arg)
{
    struct login_client *c = arg;
    struct login_link **at = &c->links;

    while (*at != NULL) {
        struct login_link *link = *at;

        if (!link->former || link->count != 0) {
            at = &link->next;
            continue;
        }
        *at = link->next;
        chan_close(&link->chan);
        free(link);
    }
}

void login_client_init(struct login_client *c, struct loop *loop)
{
    *c = (struct login_client){.loop = loop, .next_tag = 1};
    c->parked.client = c;
    loop_task_init(&c->sweep, on_sweep, c);
    types[AUTH_CHALLENGE] = (struct chan_type){"challenge", auth_frame_max(AUTH_CHALLENGE), false};
    types[AUTH_RESULT] = (struct chan_type){"result", auth_frame_max(AUTH_RESULT), false};
}

static void post(struct login *l, unsigned type, span body)
{
    l->asked = true;
    loop_timer_set_common(&l->timer, LOGIN_WAIT_MS);
    if (l->lost || !chan_is_open(&l->link->chan) ||
        chan_send(&l->link->chan, (uint16_t)type, l->tag, body, SPAN_NONE, -1) != ERR_OK)
        loop_defer(l->link->client->loop, &l->fail);
}

static struct login_link *new_link(struct login_client *c, unsigned index, int fd)
{
    struct login_link *link = calloc(1, sizeof *link);
    const struct chan_conf conf = {
        .name = "auth",
        .types = types,
        .type_count = COUNT(types),
        .on_frame = on_frame,
        .on_closed = on_closed,
        .arg = link,
        .secret = true,
    };

    if (link == NULL) {
        (void)close(fd);
        return NULL;
    }
    link->client = c;
    link->index = index;
    if (chan_open(&link->chan, c->loop, fd, &conf) == ERR_OK)
        return link;
    free(link);
    return NULL;
}

void login_client_link(struct login_client *c, unsigned index, int fd)
{
    struct login_link *link = new_link(c, index, fd);

    if (link == NULL)
        return;
    for (struct login_link *old = c->links; old != NULL; old = old->next)
        old->former = old->former || old->index == index;
    link->next = c->links;
    c->links = link;
    loop_defer(c->loop, &c->sweep);
    while (c->parked.logins != NULL) {
        struct login *l = c->parked.logins;

        delist(l);
        enlist(l, link);
        post(l, AUTH_START, heap_span(&l->parked));
        heap_release(&l->parked);
    }
}

/* The one with the least to do; NULL: there is none. */
static struct login_link *choose(struct login_client *c)
{
    struct login_link *best = NULL;

    for (struct login_link *link = c->links; link != NULL; link = link->next) {
        if (!link->former && chan_is_open(&link->chan) &&
            (best == NULL || link->count < best->count))
            best = link;
    }
    return best;
}

void login_start(struct login_client *c, struct login *l, const struct auth_start *start,
                 login_fn *fn, void *arg)
{
    static char memory[AUTH_START_BYTES];
    struct buf b = BUF_OVER(memory);
    struct login_link *link = choose(c);

    *l = (struct login){.fn = fn, .arg = arg, .tag = c->next_tag++, .asked = true};
    heap_init_secret(&l->parked, AUTH_START_BYTES);
    loop_timer_init(&l->timer, c->loop, on_timeout, l);
    loop_task_init(&l->fail, on_fail, l);
    enlist(l, link != NULL ? link : &c->parked);
    auth_start_put(&b, start);
    if (b.overflow || (link == NULL && !heap_put(&l->parked, buf_span(&b))))
        loop_defer(c->loop, &l->fail);
    else if (link != NULL)
        post(l, AUTH_START, buf_span(&b));
    else
        loop_timer_set_common(&l->timer, LOGIN_WAIT_MS);
    explicit_bzero(memory, sizeof memory);
}

void login_step(struct login *l, span response)
{
    post(l, AUTH_STEP, response);
}
