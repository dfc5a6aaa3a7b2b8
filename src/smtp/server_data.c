/* SPDX-License-Identifier: ISC */
/*
 * The body, behind DATA or in the chunks of BDAT. A fault found in it never ends it: the rest is
 * read and dropped up to CRLF.CRLF or the chunk's last octet, and only then does the
 * client hear of it, so that no octet of a body is ever taken for a command.
 */
#include "smtp/server_impl.h"

void smtp_server_data_begin(struct smtp_server *s)
{
    bool chunked = s->ev.chunked;

    s->reading = (struct smtp_reading){0};
    if (chunked)
        dot_reader_init_counted(&s->reading.dots, s->conf->line_endings);
    else
        dot_reader_init(&s->reading.dots, s->conf->line_endings);
    s->size_bytes = 0;
    s->fault = SMTP_DATA_WHOLE;
    s->data_since_ms = -1;
    s->window_since_ms = -1;
    smtp_server_enter(s, chunked ? SMTP_SERVER_CHUNK : SMTP_SERVER_DATA);
}

/* Octets of the input that are the body's. */
static span body_input(const struct smtp_server *s)
{
    bool chunk = s->state == SMTP_SERVER_CHUNK;

    /* A size_t holds what the input holds. */
    return chunk && s->chunk_left < s->in.n ? span_head(s->in, (size_t)s->chunk_left) : s->in;
}

/* The first fault stands. */
static void note_faults(struct smtp_server *s, unsigned faults)
{
    unsigned line_ends = (unsigned)DOT_BARE_CR | (unsigned)DOT_BARE_LF;

    if (s->fault != SMTP_DATA_WHOLE)
        return;
    if ((faults & DOT_NUL) != 0)
        s->fault = SMTP_DATA_NUL;
    else if ((faults & line_ends) != 0 && s->conf->line_endings == DOT_STRICT)
        s->fault = SMTP_DATA_BARE_LINE_END;
}

static void measure(struct smtp_server *s, struct smtp_meter *meter, span chunk)
{
    static const enum smtp_data_fault faults[] = {
        [SMTP_METER_FINE] = SMTP_DATA_WHOLE,
        [SMTP_METER_TOO_BIG] = SMTP_DATA_TOO_BIG,
        [SMTP_METER_LONG_LINE] = SMTP_DATA_LONG_LINE,
        [SMTP_METER_LONG_HEADER] = SMTP_DATA_LONG_HEADER,
    };
    const struct smtp_meter_limits limits = {
        .bytes = s->conf->message_bytes,
        .line_bytes = s->binary ? 0 : s->conf->text_line,
        .header_bytes = s->conf->header_bytes,
        .header_fields = s->conf->header_fields,
    };

    if (s->fault == SMTP_DATA_WHOLE)
        s->fault = faults[smtp_meter_put(meter, &limits, chunk)];
}

/* The text names the limit; it stands where no command line is while a body is read. */
static struct smtp_reply long_line_reply(struct smtp_server *s)
{
    struct buf text = BUF_OVER(s->own_line);

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
void smtp_server_consume(struct smtp_server *s, size_t n)
{
    s->window_bytes += n;
    s->in = span_skip(s->in, n);
    if (s->state == SMTP_SERVER_CHUNK)
        s->chunk_left -= n;
}

/* Tell that the body is over. */
static bool ask_end(struct smtp_server *s)
{
    s->ev = (struct smtp_event){.fault = s->fault, .size_bytes = s->size_bytes};
    smtp_server_ask(s, SMTP_EVENT_DATA_END, end_reply(s));
    return true;
}

/* All input of the body is used up: what now? False: more of it must come. */
static bool pause(struct smtp_server *s)
{
    if (s->state == SMTP_SERVER_DATA)
        return s->reading.dots.state == DOT_ENDED && ask_end(s);
    if (s->chunk_left > 0)
        return false;
    return s->chunk_last || s->fault != SMTP_DATA_WHOLE ? ask_end(s) : smtp_server_chunk_done(s);
}

/* The next piece of content at the front of `body`, and what is left behind it. */
static bool read_piece(const struct smtp_server *s, struct smtp_reading *r, span body, span *in,
                       span *chunk)
{
    /* BINARYMIME is about bodies: the header of such a message has lines as any other (RFC 3030 3).
     */
    if (s->binary && r->meter.body)
        r->dots.policy = DOT_BINARY;
    *in = body;
    if (dot_reader_next(&r->dots, in, chunk))
        return true;
    return r->dots.counted && s->chunk_last && body.n == s->chunk_left &&
           dot_reader_finish(&r->dots, chunk);
}

bool smtp_server_data(struct smtp_server *s)
{
    for (;;) {
        struct smtp_reading after = s->reading;
        span body = body_input(s);
        span in;
        span chunk = SPAN_NONE;
        bool found = read_piece(s, &after, body, &in, &chunk);

        note_faults(s, after.dots.faults);
        measure(s, &after.meter, chunk);
        if (found && s->fault == SMTP_DATA_WHOLE) {
            s->reading_after = after;
            s->used_after = body.n - in.n;
            s->ev = (struct smtp_event){.chunk = chunk};
            smtp_server_ask(s, SMTP_EVENT_CHUNK, SMTP_SAY(250, "", ""));
            return true;
        }
        s->reading = after;
        smtp_server_consume(s, body.n - in.n);
        if (!found)
            return pause(s);
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
