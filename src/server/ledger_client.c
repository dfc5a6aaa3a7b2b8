/* SPDX-License-Identifier: ISC */
#include "server/ledger_client.h"

#include "os/heap.h"
#include "os/log.h"
#include "os/random.h"

static void say_dropped(struct ledger_client *c)
{
    struct log_line l;

    if (c->dropped == 0)
        return;
    l = log_begin(LOG_LEDGER_DROPPED, LOG_WARNING);
    log_num(&l, KEY_COUNT, (int64_t)c->dropped);
    log_end(&l);
    c->dropped = 0;
}

void ledger_client_flush(struct ledger_client *c)
{
    if (c->gathered.n == 0)
        return;
    if (put_aside(c->queue, QUEUE_LEDGER, 0, buf_span(&c->gathered)))
        say_dropped(c);
    else
        c->dropped += c->records;
    buf_reset(&c->gathered);
    memset(c->recent, 0, sizeof(c->recent));
    c->records = 0;
}

static void on_time(void *arg)
{
    ledger_client_flush(arg);
}

void ledger_client_init(struct ledger_client *c, struct loop *loop, struct put_client *queue,
                        bool on)
{
    *c = (struct ledger_client){.on = on, .queue = queue};
    os_random(&c->key, sizeof(c->key));
    loop_timer_init(&c->timer, loop, on_time, c);
    if (on)
        c->gathered = buf_over(x_alloc(QUEUE_LEDGER_BYTES), QUEUE_LEDGER_BYTES);
}

void ledger_client_add(struct ledger_client *c, const struct ledger_record *r)
{
    char memory[LEDGER_RECORD_BYTES];
    struct buf b = BUF_OVER(memory);
    span packed;
    size_t slot;

    if (!c->on)
        return;
    ledger_record_put(&b, r);
    if (b.overflow)
        return;
    packed = buf_span(&b);
    slot = (size_t)hash_keyed(c->key, ledger_record_alike(packed)) & (LEDGER_RECENT - 1);
    if (c->recent[slot].at != 0 &&
        ledger_record_merge(c->gathered.p + c->recent[slot].at, c->recent[slot].n, packed)) {
        c->records++;
        return;
    }
    if (c->gathered.n + 4 + packed.n > c->gathered.cap)
        ledger_client_flush(c);
    if (c->gathered.n == 0)
        loop_timer_set(&c->timer, LEDGER_SEND_MS);
    pack_span(&c->gathered, packed);
    c->recent[slot].at = c->gathered.n - packed.n;
    c->recent[slot].n = packed.n;
    c->records++;
}

uint64_t ledger_client_ref(const struct ledger_client *c, uint64_t session, uint64_t number)
{
    uint64_t words[2] = {session, number};

    return hash_keyed(c->key, span_of(words, sizeof(words)));
}
