/* SPDX-License-Identifier: ISC */
/* test/unit/store/temp.h - a directory of its own for each test, and messages to put into a store.
 */
#ifndef TEST_UNIT_STORE_TEMP_H
#define TEST_UNIT_STORE_TEMP_H

#include "../guard.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/num.h"
#include "queue/frames.h"
#include "store/store.h"

static char temp_dir[64];

static int temp_setup(void **state)
{
    (void)state;
    snprintf(temp_dir, sizeof(temp_dir), "/tmp/herald-store-XXXXXX");
    return mkdtemp(temp_dir) != NULL ? 0 : -1;
}

static inline int temp_remove_one(const char *path, const struct stat *st, int type,
                                  struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static int temp_teardown(void **state)
{
    (void)state;
    return nftw(temp_dir, temp_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* "temp_dir/name"; four at a time. */
static inline const char *temp_path(const char *name)
{
    static char paths[4][512];
    static unsigned at;
    char *p = paths[at++ % 4];

    snprintf(p, sizeof(paths[0]), "%s/%s", temp_dir, name);
    return p;
}

/* A record of one recipient, in static memory. */
struct temp_message {
    uint64_t id;
    span body;
    int64_t due_q;
    span dest;
    bool in_file;
    enum record_state state;
};

static inline span temp_record(const struct temp_message *m)
{
    static char rcpts[2048], packed[4096], list[4096], memory[8192];
    struct buf rb = BUF_OVER(rcpts), eb = BUF_OVER(packed), lb = BUF_OVER(list),
               b = BUF_OVER(memory);

    envelope_put_rcpt(&rb, &(struct envelope_rcpt){.address = SPAN("alice@example.test")});
    envelope_put(&eb, &(struct envelope){.id = m->id,
                                         .received_ms = 1,
                                         .sender = SPAN("bob@example.net"),
                                         .rcpt_count = 1,
                                         .rcpts = buf_span(&rb)});
    record_put_rcpt(&lb, &(struct record_rcpt){.address = SPAN("alice@example.test"),
                                               .state = m->state,
                                               .next_q = m->due_q,
                                               .dest = m->dest});
    record_put(&b, &(struct record){.id = m->id,
                                    .due_q = m->due_q,
                                    .expires_q = 1000000,
                                    .size = m->body.n,
                                    .body_crc = hash_crc32c(0, m->body),
                                    .flags = m->in_file ? RECORD_BODY_FILE : 0,
                                    .envelope = buf_span(&eb),
                                    .rcpt_count = 1,
                                    .rcpts = buf_span(&lb)});
    assert_false(b.overflow);
    return buf_span(&b);
}

static inline struct store *temp_open(void)
{
    struct store *s;
    struct diag d = {0};

    if (store_open(temp_path("queue"), STORE_CREATE, &s, &d) != ERR_OK)
        fail_msg("%s", d.text);
    return s;
}

static inline enum err temp_put(struct store *s, const struct temp_message *m)
{
    struct store_spool sp = {.fd = -1};
    enum err e;

    if (!m->in_file)
        return store_put(s, temp_record(m), m->body, NULL);
    e = store_spool_begin(s, m->id, &sp);
    if (e == ERR_OK)
        e = store_spool_write(&sp, m->body);
    if (e == ERR_OK)
        e = store_put(s, temp_record(m), SPAN_NONE, &sp);
    store_spool_abort(&sp);
    return e;
}

/* One batch with this message alone. */
static inline enum err temp_put_now(struct store *s, const struct temp_message *m)
{
    enum err e = store_begin(s);

    if (e != ERR_OK)
        return e;
    e = temp_put(s, m);
    if (e != ERR_OK) {
        store_abort(s);
        return e;
    }
    return store_commit(s);
}

static inline uint64_t temp_count(struct store *s)
{
    uint64_t n = 0;

    assert_int_equal(store_count(s, &n), ERR_OK);
    store_release(s);
    return n;
}

#endif
