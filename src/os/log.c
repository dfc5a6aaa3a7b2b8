/* SPDX-License-Identifier: ISC */
/*
 * One buffer for the process: lines are built at its end, in place, and cut off
 * again when they turn out too long. What a slow reader leaves unwritten stays
 * until the buffer is full; then lines are dropped and counted.
 */
#include "os/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/escape.h"
#include "base/num.h"
#include "os/clock.h"

struct name {
    const char *name;
    const char *doc;
};

static const struct name events[LOG_EVENT_COUNT] = {
#define LOG_NAME(id, name, doc) [id] = {name, doc},
    LOG_EVENT_LIST(LOG_NAME)};

static const struct name keys[LOG_KEY_COUNT] = {LOG_KEY_LIST(LOG_NAME)
#undef LOG_NAME
};

/* The words for people are padded, so that the events stand in a column. */
static const struct level {
    const char *word;
    const char *human;
    const char *colour;
} levels[] = {
    [LOG_DEBUG] = {"debug", "debug  ", "\033[2m"},
    [LOG_INFO] = {"info", "info   ", "\033[32m"},
    [LOG_WARNING] = {"warning", "warning", "\033[33m"},
    [LOG_ERROR] = {"error", "error  ", "\033[31m"},
};

#define COLOUR_OFF "\033[0m"

static struct {
    int fd;
    enum log_format format;
    enum log_level least;
    bool opened;
    bool colour;
    bool is_pipe;   /* writes of at most LOG_LINE_BYTES, so that processes do not mix lines */
    bool is_socket; /* send, which can be told not to block */
    bool line_open;
    uint64_t dropped;
    struct buf line;
    size_t n; /* octets of whole lines in mem */
    char mem[LOG_BUFFER_BYTES];
} out = {.fd = STDERR_FILENO, .format = LOG_HUMAN, .least = LOG_INFO};

/* O_NONBLOCK belongs to the open file, which others share: open it anew. -1 when that fails. */
static int open_anew(int fd)
{
    char path[32];
    struct buf b = BUF_OVER(path);

    buf_printf(&b, "/proc/self/fd/%d", fd);
    return open(buf_cstr(&b), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

void log_open(int fd, enum log_format format, enum log_level least)
{
    struct stat st = {0};
    bool tty = isatty(fd) == 1;

    log_flush();
    if (out.opened)
        close(out.fd);
    bool known = fstat(fd, &st) == 0;
    out.is_pipe = known && S_ISFIFO(st.st_mode);
    out.is_socket = known && S_ISSOCK(st.st_mode);
    out.least = least;
    out.format = format != LOG_AUTO ? format : tty ? LOG_HUMAN : LOG_JSON;
    out.colour = tty && out.format == LOG_HUMAN && getenv("NO_COLOR") == NULL;
    int own = out.is_pipe || tty ? open_anew(fd) : -1;
    out.opened = own >= 0;
    out.fd = out.opened ? own : fd;
}

int log_fd(void)
{
    return out.fd;
}

bool log_wants(enum log_level level)
{
    return level >= out.least;
}

/* Octets of mem to write at once: whole lines, few enough for a pipe to take them in one piece. */
static size_t write_size(size_t from)
{
    size_t n = out.n - from;
    if (!out.is_pipe || n <= LOG_LINE_BYTES)
        return n;
    size_t end = span_rfind(span_of(out.mem + from, LOG_LINE_BYTES), '\n');
    return end < LOG_LINE_BYTES ? end + 1 : LOG_LINE_BYTES;
}

static ssize_t write_some(const char *p, size_t n)
{
    ssize_t done = 0;
    do {
        done =
            out.is_socket ? send(out.fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL) : write(out.fd, p, n);
    } while (done < 0 && errno == EINTR);
    return done;
}

void log_flush(void)
{
    int saved = errno;
    size_t from = 0;

    while (from < out.n) {
        ssize_t done = write_some(out.mem + from, write_size(from));
        if (done < 0 && errno != EAGAIN) {
            from = out.n; /* nobody is there to read it: drop it */
            break;
        }
        if (done <= 0)
            break;
        from += (size_t)done;
    }
    if (from != 0)
        memmove(out.mem, out.mem + from, out.n - from);
    out.n -= from;
    errno = saved;
}

static void put_time(struct buf *b)
{
    char time[CLOCK_RFC3339_BYTES + 1];
    clock_rfc3339(clock_wall_ms(), time);
    buf_put(b, span_cstr(time));
}

static void put_head(enum log_event event, enum log_level level)
{
    struct buf *b = &out.line;
    const struct level *l = &levels[level];
    const char *name = events[event].name;

    if (out.format == LOG_HUMAN) {
        put_time(b);
        buf_printf(b, " %s%s%s %s", out.colour ? l->colour : "", l->human,
                   out.colour ? COLOUR_OFF : "", name);
        return;
    }
    bool json = out.format == LOG_JSON;
    buf_put(b, json ? SPAN("{\"time\":\"") : SPAN("time="));
    put_time(b);
    buf_put(b, json ? SPAN("\",\"level\":\"") : SPAN(" level="));
    buf_put(b, span_cstr(l->word));
    buf_put(b, json ? SPAN("\",\"event\":\"") : SPAN(" event="));
    buf_put(b, span_cstr(name));
    buf_put(b, json ? SPAN("\"") : SPAN_NONE);
}

static void line_start(enum log_event event, enum log_level level)
{
    out.line_open = true;
    out.line = buf_over(out.mem + out.n, LOG_LINE_BYTES - 2); /* room for the end */
    put_head(event, level);
}

static void line_finish(enum log_level level)
{
    out.line.overflow = false;
    out.line.cap = LOG_LINE_BYTES;
    buf_put(&out.line, out.format == LOG_JSON ? SPAN("}\n") : SPAN("\n"));
    out.n += out.line.n;
    out.line_open = false;
    if (level >= LOG_WARNING)
        log_flush();
}

/* Make room for one line; false when the reader is too slow. */
static bool have_room(void)
{
    if (sizeof out.mem - out.n < 2 * LOG_LINE_BYTES)
        log_flush();
    if (sizeof out.mem - out.n >= 2 * LOG_LINE_BYTES)
        return true;
    out.dropped++;
    return false;
}

struct log_line log_begin(enum log_event event, enum log_level level)
{
    struct log_line l = {log_wants(level), level};

    BUG_IF(out.line_open, "a log line was begun inside another");
    if (!l.on)
        return l;
    l.on = have_room();
    if (!l.on)
        return l;
    if (out.dropped != 0) {
        uint64_t dropped = out.dropped;
        struct log_line note = {true, LOG_INFO};
        out.dropped = 0;
        line_start(LOG_LOG_DROPPED, LOG_WARNING);
        log_num(&note, KEY_COUNT, (int64_t)dropped);
        line_finish(LOG_INFO);
    }
    line_start(event, level);
    return l;
}

static bool is_plain(span s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!ascii_is_print(s.p[i]) || s.p[i] == ' ' || s.p[i] == '"' || s.p[i] == '=' ||
            s.p[i] == '\\')
            return false;
    }
    return s.n != 0;
}

/* Quotes are needed around everything that is not one plain word. */
static void put_quoted(struct buf *b, span s)
{
    if (is_plain(s)) {
        buf_put(b, s);
        return;
    }
    buf_putc(b, '"');
    for (span piece; s.n != 0; s = span_skip(s, piece.n)) {
        if (s.p[0] == '"') {
            buf_put(b, SPAN("\\\""));
            piece = span_head(s, 1);
            continue;
        }
        piece = span_head(s, span_find(s, '"'));
        escape_text(b, piece, SIZE_MAX);
    }
    buf_putc(b, '"');
}

static void put_key(struct buf *b, enum log_key key)
{
    bool json = out.format == LOG_JSON;

    buf_put(b, json ? SPAN(",\"") : SPAN(" "));
    buf_put(b, span_cstr(keys[key].name));
    buf_put(b, json ? SPAN("\":") : SPAN("="));
}

/* A value that does not fit takes its key with it: the line stays well formed. */
static void put_value(enum log_key key, span value, bool bare)
{
    struct buf *b = &out.line;
    size_t before = b->n;
    char cut[LOG_VALUE_BYTES + 3];

    if (b->overflow)
        return;
    if (value.n > LOG_VALUE_BYTES) {
        struct buf whole = BUF_OVER(cut);

        buf_put(&whole, span_head(value, LOG_VALUE_BYTES));
        buf_put(&whole, SPAN("..."));
        value = buf_span(&whole);
    }
    put_key(b, key);
    if (bare)
        buf_put(b, value);
    else if (out.format == LOG_JSON)
        escape_json(b, value);
    else
        put_quoted(b, value);
    if (b->overflow)
        b->n = before;
}

void log_str(struct log_line *l, enum log_key key, span value)
{
    if (l->on)
        put_value(key, value, false);
}

void log_cstr(struct log_line *l, enum log_key key, const char *value)
{
    log_str(l, key, span_cstr(value));
}

void log_num(struct log_line *l, enum log_key key, int64_t value)
{
    char digits[24];
    struct buf b = BUF_OVER(digits);

    if (!l->on)
        return;
    if (value < 0)
        buf_putc(&b, '-');
    buf_put_u64(&b, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
    put_value(key, buf_span(&b), true);
}

void log_id(struct log_line *l, enum log_key key, uint64_t id)
{
    if (l->on)
        log_cstr(l, key, num_id_text(id).text);
}

void log_bool(struct log_line *l, enum log_key key, bool value)
{
    if (l->on)
        put_value(key, value ? SPAN("true") : SPAN("false"), true);
}

void log_diag(struct log_line *l, const struct diag *d)
{
    char text[DIAG_TEXT_BYTES + 128];

    if (l->on && d->set)
        log_cstr(l, KEY_ERROR, diag_format(d, text, sizeof text));
}

void log_end(struct log_line *l)
{
    if (!l->on)
        return;
    l->on = false;
    line_finish(l->level);
}

void log_text(enum log_event event, enum log_level level, span text)
{
    struct log_line l = log_begin(event, level);
    log_str(&l, KEY_TEXT, text);
    log_end(&l);
}

const char *log_event_name(enum log_event e)
{
    return events[e].name;
}

const char *log_event_doc(enum log_event e)
{
    return events[e].doc;
}

const char *log_key_name(enum log_key k)
{
    return keys[k].name;
}

const char *log_key_doc(enum log_key k)
{
    return keys[k].doc;
}
