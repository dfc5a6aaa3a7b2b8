/* SPDX-License-Identifier: ISC */
/*
 * BDAT (RFC 3030): a message in chunks whose octets are counted. Once a size was said, so many
 * octets are passed over whatever becomes of the command; where none can be known, the
 * session ends, since nobody can tell a body from commands any more.
 */
#include "base/ascii.h"
#include "base/num.h"
#include "smtp/server_impl.h"

_Static_assert(SMTP_LINE_MAX_BYTES >= SMTP_REPLY_MAX_BYTES, "a reply is held where lines stand");

/* "1234" or "1234 LAST"; false: malformed. */
static bool parse(span arg, uint64_t *out_size, bool *out_last)
{
    span size = span_head(arg, span_find(arg, ' '));
    span rest = span_trim(span_skip(arg, size.n));

    *out_last = span_ieq(rest, SPAN("LAST"));
    return (rest.n == 0 || *out_last) && num_parse_u64(size, UINT64_MAX, out_size);
}

/* Why no chunk may come now; code 0: it may. */
static struct smtp_reply refusal(const struct smtp_server *s)
{
    if ((smtp_server_announced(s) & SMTP_EXT_CHUNKING) == 0)
        return SMTP_SAY(502, "5.5.1", "that command is not offered here");
    if (s->state == SMTP_SERVER_RCPT || s->state == SMTP_SERVER_CHUNKS)
        return (struct smtp_reply){0};
    return s->state == SMTP_SERVER_MAIL ? smtp_server_no_recipient(s) : smtp_server_order(s);
}

static void drop(struct smtp_server *s, struct smtp_reply reply, enum smtp_server_state back)
{
    struct buf held = BUF_OVER(s->own_line);

    smtp_reply_put(&held, reply, SMTP_REPLY_ENHANCED);
    s->held_n = held.n;
    s->chunk_dropped = true;
    s->chunk_back = back;
    s->data_since_ms = -1;
    smtp_server_enter(s, SMTP_SERVER_CHUNK);
}

/* Refused by the engine: an error, unless the client could not know that the message had failed. */
static void refuse(struct smtp_server *s, struct smtp_reply reply)
{
    if (s->state != SMTP_SERVER_BROKEN)
        s->errors++;
    drop(s, reply, s->state);
}

void smtp_server_bdat(struct smtp_server *s, span arg)
{
    struct smtp_reply no = refusal(s);
    uint64_t size;
    bool last;

    if (!parse(arg, &size, &last)) {
        smtp_server_close(s, SMTP_SAY(501, "5.5.4", "the form is BDAT octets [LAST]; goodbye"),
                          SMTP_CLOSE_BAD_CHUNK);
        return;
    }
    if (size > SMTP_CHUNK_MAX_BYTES) {
        smtp_server_close(s, SMTP_SAY(552, "5.3.4", "a chunk of that size is too much; goodbye"),
                          SMTP_CLOSE_BAD_CHUNK);
        return;
    }
    /* Empty ones cost the client nothing and say nothing. */
    if (size == 0 && !last && !smtp_server_junk(s))
        return;
    s->chunk_left = size;
    s->chunk_size = size;
    s->chunk_last = last;
    s->chunk_dropped = false;
    s->window_since_ms = -1;
    if (no.code != 0) {
        refuse(s, no);
    } else if (s->state == SMTP_SERVER_CHUNKS) {
        smtp_server_enter(s, SMTP_SERVER_CHUNK);
    } else {
        s->ev.chunked = true;
        smtp_server_ask(s, SMTP_EVENT_DATA, SMTP_SAY(250, "2.0.0", "the chunk may come"));
    }
}

void smtp_server_bdat_refused(struct smtp_server *s, struct smtp_reply reply)
{
    drop(s, reply, SMTP_SERVER_BROKEN);
}

bool smtp_server_chunk_drop(struct smtp_server *s)
{
    size_t n = s->chunk_left < s->in.n ? (size_t)s->chunk_left : s->in.n;

    smtp_server_consume(s, n);
    if (s->chunk_left > 0)
        return false;
    s->chunk_dropped = false;
    smtp_server_enter(s, s->chunk_back);
    if (s->errors >= s->conf->errors)
        smtp_server_too_many_errors(s);
    else
        buf_put(s->out, span_of(s->own_line, s->held_n));
    return true;
}

bool smtp_server_chunk_done(struct smtp_server *s)
{
    char room[64];
    struct buf text = BUF_OVER(room);

    buf_put_u64(&text, s->chunk_size);
    buf_put(&text, SPAN(" octets taken"));
    smtp_server_enter(s, SMTP_SERVER_CHUNKS);
    smtp_reply_put(s->out, smtp_reply_of(250, SPAN("2.0.0"), buf_span(&text)), SMTP_REPLY_ENHANCED);
    return true;
}
