/* SPDX-License-Identifier: ISC */
/* Any octets as whatever the queue reads: what a decoder lets pass packs to the same octets again.
 */
#include "fuzz.h"

#include "queue/auth.h"
#include "queue/ctl.h"
#include "queue/frames.h"
#include "queue/job.h"
#include "queue/ledger_block.h"
#include "queue/record.h"

static char room[1u << 20];

static void as_envelope(span s)
{
    struct buf b = BUF_OVER(room);
    struct envelope e;

    if (envelope_get(s, &e) != ERR_OK)
        return;
    envelope_put(&b, &e);
    BUG_IF(b.n > envelope_size(&e) || !span_eq(buf_span(&b), s), "another envelope comes out");
}

static void as_record(span s)
{
    struct buf b = BUF_OVER(room);
    struct record r;

    if (record_get(s, &r) != ERR_OK)
        return;
    record_put(&b, &r);
    /* Version and checksum are those of today. */
    BUG_IF(!span_eq(span_skip(buf_span(&b), 8), span_skip(s, 8)), "another record comes out");
}

static void as_job(span s)
{
    struct buf b = BUF_OVER(room);
    struct job j;
    struct job_result r;

    if (job_get(s, &j)) {
        job_put(&b, &j);
        BUG_IF(!span_eq(buf_span(&b), s), "another job comes out");
    }
    buf_reset(&b);
    if (job_result_get(s, &r)) {
        job_result_put(&b, &r);
        BUG_IF(!span_eq(buf_span(&b), s), "another result comes out");
    }
}

static void as_small(span s)
{
    struct ctl_request request;
    struct ctl_reply reply;
    struct put_result result;
    struct ip_addr address;
    span envelope, body;

    (void)!ctl_request_get(s, &request);
    (void)!ctl_reply_get(s, &reply);
    (void)!put_result_get(s, &result);
    (void)!put_get(s, &envelope, &body);
    (void)!own_address_get(s, &address);
}

static void as_auth(span s)
{
    struct buf b = BUF_OVER(room);
    struct auth_start start;
    struct auth_result result;

    if (auth_start_get(s, &start)) {
        auth_start_put(&b, &start);
        BUG_IF(!span_eq(buf_span(&b), s), "another question comes out");
    }
    buf_reset(&b);
    if (auth_result_get(s, &result)) {
        auth_result_put(&b, &result);
        BUG_IF(!span_eq(buf_span(&b), s), "another result comes out");
    }
}

static void as_ledger(span s)
{
    struct buf b = BUF_OVER(room);
    uint32_t keys[LEDGER_KEYS_MAX];
    struct ledger_block block;
    struct past_question question;
    struct ledger_record r;
    uint64_t skipped = 0;
    span rest = s;

    if (ledger_record_get(s, &r)) {
        ledger_record_put(&b, &r);
        BUG_IF(!span_eq(buf_span(&b), s), "another record of the ledger comes out");
        BUG_IF(ledger_keys(&r, keys) > LEDGER_KEYS_MAX, "too many keys");
    }
    while (ledger_block_next(&rest, &block, &skipped))
        (void)ledger_block_has_key(&block, 1);
    (void)!past_question_get(s, &question);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static void (*const as[])(span s) = {as_envelope, as_record, as_job,
                                         as_small,    as_ledger, as_auth};

    if (n < 2 || n > sizeof(room) / 2)
        return 0;
    as[data[0] % COUNT(as)](fuzz_place(span_of(data + 2, n - 2)));
    return 0;
}
