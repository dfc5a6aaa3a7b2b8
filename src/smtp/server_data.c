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

static struct smtp_reply end_reply(enum smtp_data_fault fault)
{
    switch (fault) {
    case SMTP_DATA_WHOLE:
        return SMTP_SAY(250, "2.0.0", "message accepted");
    case SMTP_DATA_TOO_BIG:
        return SMTP_SAY(552, "5.3.4", "the message is larger than this server takes");
    case SMTP_DATA_BARE_LINE_END:
        return SMTP_SAY(554, "5.6.0", "the message has a bare CR or LF; lines must end with CRLF");
    case SMTP_DATA_NUL:
        return SMTP_SAY(554, "5.6.0", "the message has a NUL octet");
    }
    BUG("a fault that data does not have");
}

bool smtp_server_data(struct smtp_server *s)
{
    for (;;) {
        struct dot_reader dots = s->dots;
        span in = s->in;
        span chunk;
        bool found = dot_reader_next(&dots, &in, &chunk);

        note_faults(s, dots.faults, s->size_bytes + chunk.n);
        if (found && s->fault == SMTP_DATA_WHOLE) {
            s->dots_after = dots;
            s->in_after = in;
            s->ev = (struct smtp_event){.chunk = chunk};
            smtp_server_ask(s, SMTP_EVENT_CHUNK, SMTP_SAY(250, "", ""));
            return true;
        }
        s->dots = dots;
        s->in = in;
        if (found)
            continue;
        if (dots.state != DOT_ENDED)
            return false;
        s->ev = (struct smtp_event){.fault = s->fault, .size_bytes = s->size_bytes};
        smtp_server_ask(s, SMTP_EVENT_DATA_END, end_reply(s->fault));
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
    };

    return texts[fault];
}
