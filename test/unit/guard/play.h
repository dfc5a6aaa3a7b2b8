/* SPDX-License-Identifier: ISC */
/* test/unit/guard/play.h - feed a guard as a connection would: at once, or so many octets a time.
 */
#ifndef TEST_UNIT_GUARD_PLAY_H
#define TEST_UNIT_GUARD_PLAY_H

#include <stdlib.h>

#include "../guard.h"
#include "guard/guard.h"

struct play {
    char told[4096]; /* one line a question */
    struct buf told_buf;
    char out[1 << 16];
    struct buf out_buf;
    bool ended;
};

/* Refused is who greets as "bad", deferred who greets as "slow"; others get a field. */
static inline struct guard_answer play_answer(const struct guard_question *q)
{
    struct guard_answer a = {.action = GUARD_ACCEPT};

    if (span_istarts(q->greeting, SPAN("bad")))
        a = (struct guard_answer){GUARD_REFUSE, 550, SPAN("5.7.1"), SPAN("No 100%\n\x01go away"),
                                  SPAN_NONE};
    else if (span_istarts(q->greeting, SPAN("slow")))
        a = (struct guard_answer){GUARD_DEFER, 451, SPAN("4.4.3"), SPAN("Later"), SPAN_NONE};
    else if (q->takes_field)
        a.field = SPAN("X-Seen: a;\r\n\tb=c\r\n");
    return a;
}

static inline void play_note(struct play *p, const struct guard_question *q)
{
    buf_put_u64(&p->told_buf, (uint64_t)q->stage);
    buf_putc(&p->told_buf, ' ');
    ip_addr_put(&p->told_buf, q->client);
    buf_put(&p->told_buf, q->is_helo ? SPAN(" helo ") : SPAN(" ehlo "));
    buf_put(&p->told_buf, q->greeting);
    buf_put(&p->told_buf, q->authenticated ? SPAN(" auth") : SPAN(""));
    buf_put(&p->told_buf, q->changed ? SPAN(" changed") : SPAN(""));
    buf_put(&p->told_buf, SPAN(" <"));
    buf_put(&p->told_buf, q->sender);
    buf_put(&p->told_buf, SPAN(">\n"));
}

/* Play `in` in pieces of `step` octets; every piece ends at a page that cannot be read. */
static inline void play(struct play *p, enum guard_protocol protocol, span in, size_t step)
{
    struct guard *g = malloc(sizeof(*g));
    struct guard_question q;
    enum guard_need need = GUARD_MORE;
    size_t kept = 0;

    assert_non_null(g);
    p->told_buf = BUF_OVER(p->told);
    p->out_buf = BUF_OVER(p->out);
    guard_init(g, protocol, true, &p->out_buf);
    for (size_t at = 0; at < in.n && need != GUARD_END; at += step) {
        size_t n = min_size(step, in.n - at);

        guard_feed(g, guard_copy(span_of(in.p + at - kept, kept + n)));
        while ((need = guard_next(g, &q)) == GUARD_ASK || need == GUARD_TOOK)
            if (need == GUARD_ASK) {
                struct guard_answer a = play_answer(&q);

                play_note(p, &q);
                guard_answer(g, &a);
            }
        kept = guard_rest(g).n;
    }
    p->ended = need == GUARD_END;
    if (p->ended) /* and stays so */
        assert_int_equal(guard_next(g, &q), GUARD_END);
    assert_false(p->out_buf.overflow);
    free(g);
}

/* The same comes out however the input is cut. */
static inline void play_everywhere(enum guard_protocol protocol, span in, span told, span out,
                                   bool ended)
{
    struct play *p = malloc(sizeof(*p));

    assert_non_null(p);
    for (size_t step = 1; step <= in.n; step = step < 12 ? step + 1 : step * 2) {
        play(p, protocol, in, step);
        assert_span_equal(buf_span(&p->told_buf), told);
        assert_span_equal(buf_span(&p->out_buf), out);
        assert_int_equal(p->ended, ended);
    }
    play(p, protocol, in, in.n);
    assert_span_equal(buf_span(&p->told_buf), told);
    assert_span_equal(buf_span(&p->out_buf), out);
    assert_int_equal(p->ended, ended);
    free(p);
}

#endif
