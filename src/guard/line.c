/* SPDX-License-Identifier: ISC */
#include "guard/line.h"

static const struct {
    span name;
    enum guard_stage stage;
} stages[] = {
    {SPAN_INIT("helo"), GUARD_AT_HELO},
    {SPAN_INIT("mail"), GUARD_AT_MAIL},
    {SPAN_INIT("rcpt"), GUARD_AT_RCPT},
    {SPAN_INIT("data"), GUARD_AT_DATA},
};

/* "rcpt", or with the sender "rcpt=b@c.example". */
static bool stage_of(span word, enum guard_stage *out_stage, span *out_sender)
{
    size_t equals = span_find(word, '=');

    *out_sender = span_skip(word, equals + 1);
    word = span_head(word, equals);
    for (size_t i = 0; i < COUNT(stages); i++)
        if (span_ieq(word, stages[i].name)) {
            *out_stage = stages[i].stage;
            return true;
        }
    return false;
}

static bool verb_of(span word, bool *out_is_helo)
{
    *out_is_helo = span_ieq(word, SPAN("helo")) || span_istarts(word, SPAN("smtp"));
    return *out_is_helo || span_ieq(word, SPAN("ehlo")) || span_istarts(word, SPAN("esmtp"));
}

static bool client_of(span word, struct ip_addr *out_client)
{
    *out_client = (struct ip_addr){.family = IP_NONE};
    return span_eq(word, SPAN("-")) || ip_addr_parse(word, out_client);
}

static bool read_line(span line, struct guard_question *q)
{
    span word[5];

    for (size_t i = 0; i < COUNT(word); i++)
        if (!span_split(&line, ' ', &word[i]))
            return false;
    q->greeting = span_trim(line);
    q->authenticated = !span_eq(word[3], SPAN("-"));
    return span_ieq(word[0], SPAN("judge")) && client_of(word[1], &q->client) &&
           verb_of(word[2], &q->is_helo) && word[3].n != 0 &&
           stage_of(word[4], &q->stage, &q->sender);
}

enum guard_need guard_line_read(span in, size_t *out_used, struct guard_question *out_q)
{
    struct guard_question q = {0};
    span rest = span_head(in, GUARD_LINE_MAX_BYTES), line;

    if (!span_has(rest, '\n'))
        return in.n >= GUARD_LINE_MAX_BYTES ? GUARD_END : GUARD_MORE;
    (void)span_line(&rest, &line);
    if (!read_line(line, &q))
        return GUARD_END;
    /* Of all stages only this one comes once a message. */
    q.takes_field = q.stage == GUARD_AT_DATA;
    *out_used = span_find(in, '\n') + 1;
    *out_q = q;
    return GUARD_ASK;
}

/* A backslash of the text itself is not to be read as the beginning of \n. */
static void put_text(struct buf *b, span text)
{
    char memory[GUARD_TEXT_MAX_BYTES + 64];
    struct buf line = BUF_OVER(memory);

    guard_put_line(&line, text, SPAN("\n"));
    for (size_t i = 0; i < line.n; i++)
        if (memory[i] == '\n')
            buf_put(b, SPAN("\\n"));
        else
            buf_putc(b, memory[i] == '\\' ? '/' : memory[i]);
}

void guard_line_put(struct buf *b, const struct guard_answer *a)
{
    static const span words[] = {
        [GUARD_ACCEPT] = SPAN_INIT("accept"),
        [GUARD_DEFER] = SPAN_INIT("defer"),
        [GUARD_REFUSE] = SPAN_INIT("deny"),
    };

    buf_put(b, words[a->action]);
    if (a->action != GUARD_ACCEPT) {
        buf_putc(b, ' ');
        buf_put_u64(b, a->code);
        buf_putc(b, ' ');
        buf_put(b, a->enhanced);
        buf_putc(b, ' ');
        put_text(b, a->text);
    } else if (a->field.n != 0) {
        buf_putc(b, ' ');
        guard_put_field(b, a->field, SPAN(": "), SPAN_NONE);
    }
    buf_putc(b, '\n');
}
