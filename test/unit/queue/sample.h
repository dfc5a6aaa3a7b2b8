/* SPDX-License-Identifier: ISC */
/* test/unit/queue/sample.h - an envelope and a record that the tests of this room share. */
#ifndef TEST_UNIT_QUEUE_SAMPLE_H
#define TEST_UNIT_QUEUE_SAMPLE_H

#include "queue/record.h"

#define SAMPLE_ID          UINT64_C(0x0123456789abcdef)
#define SAMPLE_RECEIVED_MS INT64_C(1795294800123)

/* Memory for what a sample is made of; one sample at a time. */
struct sample {
    char block[2048];
    char packed[4096];
    char record[8192];
};

static inline struct envelope sample_envelope(struct sample *m, const struct envelope_rcpt *rcpts,
                                              size_t n)
{
    struct buf b = BUF_OVER(m->block);

    for (size_t i = 0; i < n; i++)
        envelope_put_rcpt(&b, &rcpts[i]);
    return (struct envelope){
        .id = SAMPLE_ID,
        .received_ms = SAMPLE_RECEIVED_MS,
        .flags = ENVELOPE_8BIT,
        .session = 42,
        .sender = SPAN("bob@example.net"),
        .client = SPAN("192.0.2.7"),
        .greeting = SPAN("mail.example.net"),
        .rcpt_count = (uint32_t)n,
        .rcpts = buf_span(&b),
    };
}

static inline struct envelope sample_two(struct sample *m)
{
    const struct envelope_rcpt rcpts[] = {
        {SPAN("Alice@Example.TEST"), SPAN("Alice@example.test"), SPAN_NONE, 0},
        {SPAN("carol@example.org"), SPAN_NONE, SPAN("rfc822;carol@example.org"),
         ENVELOPE_NOTIFY_FAILURE},
    };

    return sample_envelope(m, rcpts, COUNT(rcpts));
}

static inline span sample_packed(struct sample *m)
{
    struct envelope e = sample_two(m);
    struct buf b = BUF_OVER(m->packed);

    envelope_put(&b, &e);
    return buf_span(&b);
}

/* The record of that envelope: one recipient waits for a second try, one is delivered. */
static inline span sample_record(struct sample *m)
{
    const struct record_rcpt rcpts[] = {
        {.address = SPAN("alice@example.test"),
         .canonical = SPAN("alice@example.test"),
         .original = SPAN("Alice@Example.TEST"),
         .state = RECORD_WAITING,
         .attempts = 1,
         .next_q = 61000,
         .tried_ms = SAMPLE_RECEIVED_MS + 5,
         .dest = SPAN("mx:example.test"),
         .code = 451,
         .status = SPAN("4.3.0"),
         .mta = SPAN("mx.example.test [192.0.2.1]"),
         .reply = SPAN("try later")},
        {.address = SPAN("carol@example.org"),
         .canonical = SPAN("carol@example.org"),
         .original = SPAN("carol@example.org"),
         .orcpt = SPAN("rfc822;carol@example.org"),
         .notify = ENVELOPE_NOTIFY_FAILURE,
         .state = RECORD_DELIVERED,
         .next_q = 1000,
         .dest = SPAN("mx:example.org"),
         .code = 250},
    };
    static char block[2048];
    struct buf list = BUF_OVER(block), b = BUF_OVER(m->record);

    for (size_t i = 0; i < COUNT(rcpts); i++)
        record_put_rcpt(&list, &rcpts[i]);
    record_put(&b, &(struct record){.id = SAMPLE_ID,
                                    .due_q = 61000,
                                    .accepted_q = 1000,
                                    .expires_q = 432001000,
                                    .size = 10240,
                                    .body_crc = 0x1badcafe,
                                    .envelope = sample_packed(m),
                                    .rcpt_count = COUNT(rcpts),
                                    .rcpts = buf_span(&list)});
    return buf_span(&b);
}

#endif
