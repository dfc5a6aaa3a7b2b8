/* SPDX-License-Identifier: ISC */
/*
 * bench/store_bench - what the store and the Maildirs alone can do on this disk.
 *
 *     store_bench DIR [SECONDS]
 *
 * Prints messages of 10 KB a second: put in batches of 1, 50 and 200 (one synced commit each), put
 * and forgotten again in cycles of 50, and delivered to a Maildir in batches of 1, 50 and 200.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "os/clock.h"
#include "store/maildir.h"
#include "store/store.h"

#define BODY_BYTES 10240

static char body[BODY_BYTES];

static void must(enum err e, const char *what)
{
    if (e == ERR_OK)
        return;
    fprintf(stderr, "store_bench: %s: %s\n", what, err_text(e));
    exit(1);
}

static span record_of(uint64_t id)
{
    static char rcpts[512], packed[1024], list[1024], memory[2048];
    struct buf rb = BUF_OVER(rcpts), eb = BUF_OVER(packed), lb = BUF_OVER(list),
               b = BUF_OVER(memory);

    envelope_put_rcpt(&rb, &(struct envelope_rcpt){.address = SPAN("alice@example.test")});
    envelope_put(&eb, &(struct envelope){.id = id,
                                         .sender = SPAN("bob@example.net"),
                                         .client = SPAN("192.0.2.1"),
                                         .greeting = SPAN("mail.example.net"),
                                         .rcpt_count = 1,
                                         .rcpts = buf_span(&rb)});
    record_put_rcpt(&lb,
                    &(struct record_rcpt){.address = SPAN("alice@example.test"), .next_q = 1000});
    record_put(&b, &(struct record){.id = id,
                                    .due_q = 1000,
                                    .expires_q = 1000000,
                                    .size = BODY_BYTES,
                                    .body_crc = hash_crc32c(0, span_of(body, BODY_BYTES)),
                                    .envelope = buf_span(&eb),
                                    .rcpt_count = 1,
                                    .rcpts = buf_span(&lb)});
    return buf_span(&b);
}

static void put_batch(struct store *s, uint64_t first, unsigned n)
{
    must(store_begin(s), "begin");
    for (unsigned i = 0; i < n; i++)
        must(store_put(s, record_of(first + i), span_of(body, BODY_BYTES), NULL), "put");
    must(store_commit(s), "commit");
}

static void done_batch(struct store *s, uint64_t first, unsigned n)
{
    must(store_begin(s), "begin");
    for (unsigned i = 0; i < n; i++)
        must(store_done(s, first + i), "done");
    must(store_commit(s), "commit");
}

static double per_second(uint64_t n, int64_t began_ms)
{
    int64_t took = clock_mono_ms() - began_ms;

    return (double)n * 1000.0 / (double)(took > 0 ? took : 1);
}

static uint64_t next_id = 1;

static void bench_put(struct store *s, unsigned batch, int64_t ms)
{
    int64_t began = clock_mono_ms();
    uint64_t first = next_id;

    while (clock_mono_ms() - began < ms) {
        put_batch(s, next_id, batch);
        next_id += batch;
    }
    printf("put, batches of %-4u  %10.0f /s\n", batch, per_second(next_id - first, began));
    for (uint64_t id = first; id < next_id; id += batch)
        done_batch(s, id, batch);
}

static void bench_cycle(struct store *s, unsigned batch, int64_t ms)
{
    int64_t began = clock_mono_ms();
    uint64_t first = next_id;

    while (clock_mono_ms() - began < ms) {
        put_batch(s, next_id, batch);
        done_batch(s, next_id, batch);
        next_id += batch;
    }
    printf("put and done, %-4u    %10.0f /s\n", batch, per_second(next_id - first, began));
}

static void bench_maildir(const char *dir, unsigned batch, int64_t ms)
{
    struct maildir *m;
    enum err verdicts[MAILDIR_BATCH_MAX];
    int64_t began = clock_mono_ms();
    uint64_t n = 0;

    must(maildir_new("bench", &m), "maildir");
    while (clock_mono_ms() - began < ms) {
        for (unsigned i = 0; i < batch; i++) {
            struct maildir_message msg = {.path = dir,
                                          .sender = SPAN("bob@example.net"),
                                          .mailbox = SPAN("alice@example.test"),
                                          .body = span_of(body, BODY_BYTES),
                                          .fd = -1};
            size_t at;

            must(maildir_add(m, &msg, &at), "add");
        }
        maildir_finish(m, verdicts, batch);
        for (unsigned i = 0; i < batch; i++)
            must(verdicts[i], "finish");
        n += batch;
    }
    printf("maildir, batches of %-4u %7.0f /s\n", batch, per_second(n, began));
    maildir_free(m);
}

int main(int argc, char **argv)
{
    static const unsigned batches[] = {1, 50, 200};
    int64_t ms = argc > 2 ? 1000 * strtol(argv[2], NULL, 10) : 3000;
    char path[4096];
    struct store *s;
    struct diag d = {0};

    if (argc < 2) {
        fprintf(stderr, "usage: store_bench DIR [SECONDS]\n");
        return 64;
    }
    for (size_t i = 0; i < BODY_BYTES; i++)
        body[i] = i % 76 == 74 ? '\r' : i % 76 == 75 ? '\n' : 'x';
    snprintf(path, sizeof(path), "%s/queue", argv[1]);
    must(store_open(path, STORE_CREATE, &s, &d), d.text);
    for (size_t i = 0; i < COUNT(batches); i++)
        bench_put(s, batches[i], ms);
    bench_cycle(s, 50, ms);
    store_close(s);
    snprintf(path, sizeof(path), "%s/mail", argv[1]);
    for (size_t i = 0; i < COUNT(batches); i++)
        bench_maildir(path, batches[i], ms);
    return 0;
}
