/* SPDX-License-Identifier: ISC */
/* The session as a whole: input, lines, asking, answering, time. */
#include "smtp/server.h"

#include "smtp/server_impl.h"

struct smtp_server_conf smtp_server_conf_default(span host)
{
    return (struct smtp_server_conf){
        .host = host,
        .ext = SMTP_EXT_SERVED,
        .line_endings = DOT_STRICT,
        .recipients = SMTP_RECIPIENTS_MAX,
        .message_bytes = SMTP_MESSAGE_MAX_BYTES,
        .errors = SMTP_ERRORS_MAX,
        .junk = SMTP_JUNK_MAX,
        .command_timeout_ms = SMTP_COMMAND_TIMEOUT_MS,
        .command_line = SMTP_LINE_MAX_BYTES,
        .text_line = SMTP_TEXT_LINE_MAX_BYTES,
        .header_bytes = SMTP_HEADER_MAX_BYTES,
        .header_fields = SMTP_HEADER_FIELDS_MAX,
        .data_timeout_ms = SMTP_DATA_TIMEOUT_MS,
        .data_deadline_ms = SMTP_DATA_TOTAL_MS,
        .data_rate = SMTP_DATA_RATE_MIN,
    };
}

/* What the engine believes whenever it changes state. */
static void assert_server(const struct smtp_server *s)
{
    bool has_rcpt = s->state == SMTP_SERVER_RCPT || s->state == SMTP_SERVER_DATA ||
                    s->state == SMTP_SERVER_CHUNKS ||
                    (s->state == SMTP_SERVER_CHUNK && !s->chunk_dropped);

    BUG_IF(s->line_n > s->line_cap, "more line than there is room for");
    BUG_IF(has_rcpt && s->recipients == 0, "a body for nobody");
    BUG_IF(s->state < SMTP_SERVER_RCPT && s->recipients > 0, "recipients of no mail");
}

void smtp_server_enter(struct smtp_server *s, enum smtp_server_state state)
{
    s->state = state;
    s->since_ms = -1;
    assert_server(s);
}

void smtp_server_drop_mail(struct smtp_server *s)
{
    s->recipients = 0;
    s->refused_recipients = false;
    s->utf8 = false;
    s->binary = false;
    if (s->state > SMTP_SERVER_GREETED && s->state != SMTP_SERVER_CLOSED)
        smtp_server_enter(s, SMTP_SERVER_GREETED);
}

void smtp_server_ask(struct smtp_server *s, enum smtp_event_kind kind, struct smtp_reply reply)
{
    BUG_IF(s->pending, "two questions at once");
    s->ev.kind = kind;
    s->ev.reply = reply;
    s->pending = true;
}

void smtp_server_end(struct smtp_server *s, enum smtp_close why)
{
    s->pending = false;
    s->in = SPAN_NONE;
    s->line_n = 0;
    s->recipients = 0;
    s->ev = (struct smtp_event){.kind = SMTP_EVENT_CLOSE, .why = why};
    smtp_server_enter(s, SMTP_SERVER_CLOSED);
    smtp_server_line_done(s);
}

void smtp_server_close(struct smtp_server *s, struct smtp_reply reply, enum smtp_close why)
{
    /* A time-out may find the peer not reading: then there is nowhere to say it. */
    if (buf_room(s->out) >= SMTP_REPLY_MAX_BYTES)
        smtp_reply_put(s->out, reply, SMTP_REPLY_ENHANCED);
    smtp_server_end(s, why);
}

void smtp_server_too_many_errors(struct smtp_server *s)
{
    smtp_server_close(s, SMTP_SAY(421, "4.7.0", "too many errors"), SMTP_CLOSE_TOO_MANY_ERRORS);
}

void smtp_server_say(struct smtp_server *s, struct smtp_reply reply)
{
    if (reply.code >= 400 && ++s->errors >= s->conf->errors)
        smtp_server_too_many_errors(s);
    else
        smtp_reply_put(s->out, reply, SMTP_REPLY_ENHANCED);
}

bool smtp_server_junk(struct smtp_server *s)
{
    if (s->junk++ < s->conf->junk)
        return true;
    smtp_server_close(s, SMTP_SAY(421, "4.7.0", "too many commands that send no mail"),
                      SMTP_CLOSE_TOO_MUCH_JUNK);
    return false;
}

void smtp_server_init(struct smtp_server *s, const struct smtp_server_conf *conf, struct buf *out)
{
    BUG_IF(out->cap < SMTP_SERVER_ROOM_BYTES, "no room for a reply");
    BUG_IF(conf->command_line == 0 || conf->command_line > SMTP_LINE_MAX_BYTES,
           "no such limit of a command line");
    s->out = out;
    s->conf = conf;
    s->errors = 0;
    s->junk = 0;
    s->recipients = 0;
    s->in = SPAN_NONE;
    s->pending = false;
    s->swallow = false;
    s->secret = false;
    s->saw_secret = false;
    s->refused_recipients = false;
    s->utf8 = false;
    s->binary = false;
    s->chunk_left = 0;
    s->chunk_dropped = false;
    s->line_n = 0;
    s->line = s->own_line;
    s->line_cap = sizeof(s->own_line);
    s->fault = SMTP_DATA_WHOLE;
    smtp_server_begin(s);
}

void smtp_server_use(struct smtp_server *s, const struct smtp_server_conf *conf)
{
    s->conf = conf;
}

void smtp_server_finish(struct smtp_server *s)
{
    if (s->line != NULL)
        smtp_server_line_done(s);
}

void smtp_server_feed(struct smtp_server *s, span in, int64_t now_ms)
{
    if (s->state == SMTP_SERVER_CLOSED)
        return;
    if (s->pending && s->ev.kind == SMTP_EVENT_CHUNK)
        s->pending = false; /* it is part of the rest, and is looked at again */
    s->in = in;
    if (s->state == SMTP_SERVER_TLS && in.n > 0)
        smtp_server_end(s, SMTP_CLOSE_INJECTION);
    else if (smtp_server_in_body(s) && in.n > 0)
        s->since_ms = s->since_ms < 0 ? -1 : now_ms;
}

/* Drop an over-long line up to its end; false: the end is not there yet. */
static bool swallow(struct smtp_server *s)
{
    size_t lf = span_find(s->in, '\n');

    s->swallow = lf == s->in.n;
    s->line_n = 0;
    s->in = span_skip(s->in, lf + 1);
    return !s->swallow;
}

/* Take the next line, without its end; false: it is not whole yet, or there is no room for it. */
static bool take_line(struct smtp_server *s, span *out_line, enum smtp_line_end *out_end)
{
    size_t lf = span_find(s->in, '\n');
    span piece = span_head(s->in, lf + 1);
    span line;

    if (s->swallow || piece.n > smtp_server_line_limit(s, piece) - s->line_n) {
        *out_end = SMTP_LINE_TOO_LONG;
        *out_line = SPAN_NONE;
        return swallow(s);
    }
    if (piece.n > s->line_cap - s->line_n) {
        s->ev = (struct smtp_event){0};
        smtp_server_ask(s, SMTP_EVENT_LONG_LINE, SMTP_SAY(250, "", ""));
        return false;
    }
    if (piece.n > 0)
        memcpy(s->line + s->line_n, piece.p, piece.n);
    s->line_n += piece.n;
    s->in = span_skip(s->in, piece.n);
    if (s->line_n == 0 || s->line[s->line_n - 1] != '\n')
        return false;
    line = span_of(s->line, s->line_n - 1);
    s->line_n = 0;
    *out_end = line.n > 0 && line.p[line.n - 1] == '\r' ? SMTP_LINE_CRLF : SMTP_LINE_BARE_LF;
    *out_line = span_head(line, *out_end == SMTP_LINE_CRLF ? line.n - 1 : line.n);
    return true;
}

/* One step on; false: more input is wanted. */
static bool advance(struct smtp_server *s)
{
    span line;
    enum smtp_line_end end;

    if (s->state == SMTP_SERVER_CHUNK && s->chunk_dropped)
        return smtp_server_chunk_drop(s);
    if (smtp_server_in_body(s))
        return smtp_server_data(s);
    if (s->in.n == 0)
        return false;
    if (!take_line(s, &line, &end))
        return s->pending;
    s->since_ms = -1;
    s->ev = (struct smtp_event){0};
    smtp_server_command(s, line, end);
    if (!s->pending)
        smtp_server_line_done(s);
    return true;
}

bool smtp_server_next(struct smtp_server *s, struct smtp_event *out_ev)
{
    while (!s->pending && s->state != SMTP_SERVER_CLOSED) {
        if (buf_room(s->out) < SMTP_SERVER_ROOM_BYTES || !advance(s))
            return false;
    }
    if (s->pending && buf_room(s->out) < SMTP_SERVER_ROOM_BYTES)
        return false;
    *out_ev = s->ev;
    return true;
}

span smtp_server_rest(const struct smtp_server *s)
{
    return s->in;
}

bool smtp_server_wants_room(const struct smtp_server *s)
{
    return s->state != SMTP_SERVER_CLOSED && (s->pending || s->in.n > 0) &&
           buf_room(s->out) < SMTP_SERVER_ROOM_BYTES;
}

void smtp_server_answer(struct smtp_server *s, struct smtp_reply reply)
{
    BUG_IF(!s->pending || s->ev.kind == SMTP_EVENT_CHUNK || s->ev.kind == SMTP_EVENT_LONG_LINE,
           "an answer to no question");
    s->pending = false;
    s->since_ms = -1;
    if (reply.code == 421)
        smtp_server_close(s, reply, SMTP_CLOSE_BY_ANSWER);
    else
        smtp_server_settle(s, reply);
    if (!s->pending)
        smtp_server_line_done(s);
}

void smtp_server_took(struct smtp_server *s)
{
    BUG_IF(!s->pending || s->ev.kind != SMTP_EVENT_CHUNK, "no chunk to take");
    s->pending = false;
    s->size_bytes += s->ev.chunk.n;
    s->reading = s->reading_after;
    smtp_server_consume(s, s->used_after);
}

/* A message has begun, and its deadline runs: also between two chunks of it. */
static bool in_message(const struct smtp_server *s)
{
    return smtp_server_in_body(s) || s->state == SMTP_SERVER_CHUNKS;
}

static bool message_is_late(const struct smtp_server *s, int64_t now_ms)
{
    return in_message(s) && s->data_since_ms >= 0 &&
           now_ms - s->data_since_ms >= s->conf->data_deadline_ms;
}

int64_t smtp_server_deadline(struct smtp_server *s, int64_t now_ms)
{
    int64_t end_ms;

    if (s->pending || s->state == SMTP_SERVER_CLOSED || s->state == SMTP_SERVER_TLS) {
        s->since_ms = -1;
        s->window_since_ms = -1;
        return INT64_MAX;
    }
    if (s->since_ms < 0)
        s->since_ms = now_ms;
    if (!in_message(s))
        return s->since_ms + s->conf->command_timeout_ms;
    if (s->data_since_ms < 0)
        s->data_since_ms = now_ms;
    if (s->state == SMTP_SERVER_CHUNKS)
        return min_i64(s->since_ms + s->conf->command_timeout_ms,
                       s->data_since_ms + s->conf->data_deadline_ms);
    if (s->window_since_ms < 0) {
        s->window_since_ms = now_ms;
        s->window_bytes = 0;
    }
    end_ms = min_i64(s->since_ms + s->conf->data_timeout_ms,
                     s->data_since_ms + s->conf->data_deadline_ms);
    if (s->conf->data_rate == 0)
        return end_ms;
    return min_i64(end_ms, s->window_since_ms + SMTP_DATA_RATE_WINDOW_MS);
}

int64_t smtp_server_silence(const struct smtp_server *s, int64_t now_ms)
{
    bool awaits = !s->pending && s->state != SMTP_SERVER_CLOSED && s->state != SMTP_SERVER_TLS &&
                  !smtp_server_in_body(s);

    return awaits && s->since_ms >= 0 ? now_ms - s->since_ms : 0;
}

/* The minute is over: was it fast enough? Begins the next one. */
static bool window_is_slow(struct smtp_server *s, int64_t now_ms)
{
    uint64_t least = s->conf->data_rate * (uint64_t)SMTP_DATA_RATE_WINDOW_MS / 1000;
    bool slow = s->window_bytes < least;

    if (s->window_since_ms < 0 || now_ms - s->window_since_ms < SMTP_DATA_RATE_WINDOW_MS)
        return false;
    s->window_since_ms = now_ms;
    s->window_bytes = 0;
    return slow;
}

void smtp_server_timeout(struct smtp_server *s, int64_t now_ms)
{
    bool data = smtp_server_in_body(s);
    int64_t limit_ms = data ? s->conf->data_timeout_ms : s->conf->command_timeout_ms;

    if (s->pending || s->state == SMTP_SERVER_CLOSED || s->since_ms < 0)
        return;
    if (now_ms - s->since_ms >= limit_ms)
        smtp_server_close(s, SMTP_SAY(421, "4.4.2", "timed out waiting for you"),
                          SMTP_CLOSE_TIMEOUT);
    else if ((data && window_is_slow(s, now_ms)) || message_is_late(s, now_ms))
        smtp_server_close(s, SMTP_SAY(421, "4.4.2", "the message comes too slowly"),
                          SMTP_CLOSE_TOO_SLOW);
}

const char *smtp_server_state_text(enum smtp_server_state state)
{
    static const char *const texts[] = {
        [SMTP_SERVER_CONNECT] = "connect", [SMTP_SERVER_REFUSED] = "refused",
        [SMTP_SERVER_START] = "start",     [SMTP_SERVER_GREETED] = "greeted",
        [SMTP_SERVER_MAIL] = "mail",       [SMTP_SERVER_RCPT] = "rcpt",
        [SMTP_SERVER_DATA] = "data",       [SMTP_SERVER_CLOSED] = "closed",
        [SMTP_SERVER_TLS] = "starttls",    [SMTP_SERVER_AUTH] = "auth",
        [SMTP_SERVER_BROKEN] = "bdat",     [SMTP_SERVER_CHUNKS] = "bdat",
        [SMTP_SERVER_CHUNK] = "bdat",
    };

    return texts[state];
}

const char *smtp_close_text(enum smtp_close why)
{
    static const char *const texts[] = {
        [SMTP_CLOSE_QUIT] = "quit",
        [SMTP_CLOSE_BY_ANSWER] = "closed-by-us",
        [SMTP_CLOSE_TOO_MANY_ERRORS] = "too-many-errors",
        [SMTP_CLOSE_TOO_MUCH_JUNK] = "too-much-junk",
        [SMTP_CLOSE_NOT_SMTP] = "not-smtp",
        [SMTP_CLOSE_TIMEOUT] = "timeout",
        [SMTP_CLOSE_TOO_SLOW] = "too-slow",
        [SMTP_CLOSE_INJECTION] = "injection",
        [SMTP_CLOSE_BAD_CHUNK] = "bad-chunk",
    };

    return texts[why];
}
