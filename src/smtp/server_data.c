/* SPDX-License-Identifier: ISC */
/*
 * The body. A fault found in it never ends it: the rest is read and dropped up
 * to CRLF.CRLF, and only then does the client hear of it, so that no octet of a
 * body is ever taken for a command.
 */
#include "smtp/server_impl.h"

void smtp_server_data_begin(struct smtp_server *s)
{
    dot_reader_init(&s->dots, s->conf->line_endings);
    s->size_bytes = 0;
    s->column = 0;
    s->fault = SMTP_DATA_WHOLE;
    s->data_since_ms = -1;
    s->window_since_ms = -1;
    s->window_bytes = 0;
    smtp_server_enter(s, SMTP_SERVER_DATA);
}

/* The first fault stands. */
static void note_faults(struct smtp_server *s, unsigned faults, uint64_t size_bytes)
{
    unsigned line_ends = (unsigned)DOT_BARE_CR | (unsigned)DOT_BARE_LF;

    if (s->fault != SMTP_DATA_WHOLE)
        return;
    if ((faults & DOT_NUL) != 0)
        s->fault = SMTP_DATA_NUL;
    else if ((faults & line_ends) != 0 && s->conf->line_endings == DOT_STRICT)
        s->fault = SMTP_DATA_BARE_LINE_END;
    else if (s->conf->message_bytes > 0 && size_bytes > s->conf->message_bytes)
        s->fault = SMTP_DATA_TOO_BIG;
}

/*
 * Is there a line of more than `most` octets? Windows of that length are laid behind one another,
 * each from behind the last line end in the one before: a long line is a window without any.
 */
static bool has_long_line(span content, size_t most, size_t *column)
{
    while (content.n > 0) {
        span window = span_head(content, most - *column);
        size_t lf = span_rfind(window, '\n');

        *column = lf < window.n ? 0 : *column + window.n;
        if (*column == most)
            return true;
        content = span_skip(content, lf < window.n ? lf + 1 : window.n);
    }
    return false;
}

static void note_long_line(struct smtp_server *s, span chunk)
{
    size_t most = s->conf->text_line;

    s->column_after = s->column;
    if (most > 0 && s->fault == SMTP_DATA_WHOLE && has_long_line(chunk, most, &s->column_after))
        s->fault = SMTP_DATA_LONG_LINE;
}

/* The text names the limit; it stands where no command line is while a body is read. */
static struct smtp_reply long_line_reply(struct smtp_server *s)
{
    struct buf text = BUF_OVER(s->line);

    buf_printf(&text, "the message has a line of more than %zu octets", s->conf->text_line);
    return smtp_reply_of(554, SPAN("5.6.0"), buf_span(&text));
}

static struct smtp_reply end_reply(struct smtp_server *s)
{
    switch (s->fault) {
    case SMTP_DATA_WHOLE:
        return SMTP_SAY(250, "2.0.0", "message accepted");
    case SMTP_DATA_TOO_BIG:
        return SMTP_SAY(552, "5.3.4", "the message is larger than this server takes");
    case SMTP_DATA_BARE_LINE_END:
        return SMTP_SAY(554, "5.6.0", "the message has a bare CR or LF; lines must end with CRLF");
    case SMTP_DATA_NUL:
        return SMTP_SAY(554, "5.6.0", "the message has a NUL octet");
    case SMTP_DATA_LONG_LINE:
        return long_line_reply(s);
    case SMTP_DATA_LONG_HEADER:
        return SMTP_SAY(552, "5.3.4", "the header of the message is too large");
    }
    BUG("a fault that data does not have");
}

/* What is fed again before it was read must not count twice. */
void smtp_server_consume(struct smtp_server *s, span rest)
{
    s->window_bytes += s->in.n - rest.n;
    s->in = rest;
}

bool smtp_server_data(struct smtp_server *s)
{
    for (;;) {
        struct dot_reader dots = s->dots;
        span in = s->in;
        span chunk;
        bool found = dot_reader_next(&dots, &in, &chunk);

        note_faults(s, dots.faults, s->size_bytes + chunk.n);
        note_long_line(s, chunk);
        if (found && s->fault == SMTP_DATA_WHOLE) {
            s->dots_after = dots;
            s->in_after = in;
            s->ev = (struct smtp_event){.chunk = chunk};
            smtp_server_ask(s, SMTP_EVENT_CHUNK, SMTP_SAY(250, "", ""));
            return true;
        }
        s->dots = dots;
        smtp_server_consume(s, in);
        if (found)
            continue;
        if (dots.state != DOT_ENDED)
            return false;
        s->ev = (struct smtp_event){.fault = s->fault, .size_bytes = s->size_bytes};
        smtp_server_ask(s, SMTP_EVENT_DATA_END, end_reply(s));
        return true;
    }
}

const char *smtp_data_fault_text(enum smtp_data_fault fault)
{
    static const char *const texts[] = {
        [SMTP_DATA_WHOLE] = "whole",
        [SMTP_DATA_TOO_BIG] = "too-big",
        [SMTP_DATA_BARE_LINE_END] = "bare-line-end",
        [SMTP_DATA_NUL] = "nul",
        [SMTP_DATA_LONG_LINE] = "long-line",
        [SMTP_DATA_LONG_HEADER] = "long-header",
    };

    return texts[fault];
}
