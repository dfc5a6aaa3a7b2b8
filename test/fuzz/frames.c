/* SPDX-License-Identifier: ISC */
/* Any octets as whatever the queue reads: what a decoder lets pass packs to the same octets again.
 */
#include "fuzz.h"

#include "queue/auth.h"
#include "queue/ctl.h"
#include "queue/frames.h"
#include "queue/job.h"
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
    BUG_IF(!span_eq(buf_span(&b), s), "another record comes out");
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
    span envelope, body;

    (void)!ctl_request_get(s, &request);
    (void)!ctl_reply_get(s, &reply);
    (void)!put_result_get(s, &result);
    (void)!put_get(s, &envelope, &body);
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static void (*const as[])(span s) = {as_envelope, as_record, as_job, as_small, as_auth};

    if (n < 2 || n > sizeof(room) / 2)
        return 0;
    as[data[0] % COUNT(as)](fuzz_place(span_of(data + 2, n - 2)));
    return 0;
}
