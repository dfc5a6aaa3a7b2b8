/* SPDX-License-Identifier: ISC */
/* What a mail server may send to a guard: however it is cut, the same is asked and answered. */

#include "guard/guard.h"
#include "base/hash.h"
#include "fuzz.h"

static void answer(struct guard *g, const struct guard_question *q, struct fuzz_digest *d)
{
    struct guard_answer a = {.action = (enum guard_action)(q->greeting.n % 3)};

    d->told = hash_crc32c(d->told, q->greeting);
    d->told = hash_crc32c(d->told, q->sender);
    d->told = hash_crc32c(d->told, span_of(&q->stage, sizeof(q->stage)));
    if (a.action != GUARD_ACCEPT) {
        a.code = 550;
        a.enhanced = SPAN("5.7.1");
        a.text = q->greeting;
    } else if (q->takes_field) {
        a.field = SPAN("X: a\r\n\tb\r\n");
    }
    guard_answer(g, &a);
}

static struct fuzz_digest play(span in, enum guard_protocol protocol, size_t step)
{
    static char room[4 * GUARD_ANSWER_MAX_BYTES];
    static struct guard g;
    struct buf out = BUF_OVER(room);
    struct fuzz_digest d = {0, 0, 0};
    struct guard_question q;
    enum guard_need need = GUARD_MORE;
    size_t kept = 0;

    guard_init(&g, protocol, true, &out);
    for (size_t at = 0; at < in.n && need != GUARD_END; at += step) {
        guard_feed(&g, fuzz_place(span_of(in.p + at - kept, kept + min_size(step, in.n - at))));
        while ((need = guard_next(&g, &q)) == GUARD_ASK || need == GUARD_TOOK) {
            if (need == GUARD_ASK)
                answer(&g, &q, &d);
            BUG_IF(out.n > GUARD_ANSWER_MAX_BYTES, "an answer is longer than any can be");
            d.out = hash_crc32c(d.out, buf_span(&out));
            buf_reset(&out);
        }
        kept = guard_rest(&g).n;
        BUG_IF(kept > GUARD_INPUT_MAX_BYTES, "more is kept than a question needs");
    }
    d.body = need == GUARD_END;
    return d;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    span in = n >= 2 ? span_of(data + 2, n - 2) : SPAN_NONE;
    enum guard_protocol protocol = (enum guard_protocol)(n >= 2 ? data[0] % 3 : 0);
    struct fuzz_digest whole = play(in, protocol, in.n + 1);
    struct fuzz_digest cut = play(in, protocol, n >= 2 ? data[1] % 61 + 1u : 1);

    BUG_IF(whole.out != cut.out || whole.told != cut.told || whole.body != cut.body,
           "it depends on how the input was cut");
    return 0;
}
