/* SPDX-License-Identifier: ISC */
/*
 * os/log.h - what happened, one line an event.
 *
 *     struct log_line l = log_begin(LOG_SESSION_OPEN, LOG_INFO);
 *     log_id(&l, KEY_SESSION, id);
 *     log_str(&l, KEY_CLIENT, address);
 *     log_end(&l);
 *
 * Event and key names stand in os/log_names.h and nowhere else. Lines are kept
 * in one buffer of the process and written with one write a loop turn
 * (log_flush, which loop_run calls through a hook), warnings and errors at
 * once. Values are escaped: whatever octets a peer sends, a line stays a line.
 *
 * Writing never blocks and never stops the program: when the reader does not
 * keep up, lines are dropped and counted, and `log.dropped` says how many.
 * One line is open at a time in a process. Limits: LOG_LINE_BYTES a line,
 * LOG_VALUE_BYTES a value (cut, ending in "...").
 */
#ifndef OS_LOG_H
#define OS_LOG_H

#include "base/diag.h"
#include "os/log_names.h"

#define LOG_LINE_BYTES   4096 /* PIPE_BUF: lines of several processes never mix */
#define LOG_VALUE_BYTES  512
#define LOG_BUFFER_BYTES 65536

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };
enum log_format { LOG_AUTO, LOG_HUMAN, LOG_LOGFMT, LOG_JSON };

struct log_line {
    bool on; /* false: below the level, all calls do nothing */
    enum log_level level;
};

/*
 * Write to fd from now on (borrowed; standard error before the first call).
 *
 * LOG_AUTO is human on a terminal and JSON otherwise. Colour only for human lines on a terminal
 * and without NO_COLOR. Call before the sandbox: a pipe is opened anew so as not to block.
 */
void log_open(int fd, enum log_format format, enum log_level least);

/* The descriptor that log lines go to, for whoever closes all others. */
int log_fd(void);

/* False when a line of this level would be dropped: then its costly values need not be made. */
bool log_wants(enum log_level level);

struct log_line log_begin(enum log_event event, enum log_level level);
void log_str(struct log_line *l, enum log_key key, span value);
void log_cstr(struct log_line *l, enum log_key key, const char *value);
void log_num(struct log_line *l, enum log_key key, int64_t value);
/* A 64-bit name as num_id_text shows it. */
void log_id(struct log_line *l, enum log_key key, uint64_t id);
void log_bool(struct log_line *l, enum log_key key, bool value);
/* The text of a failure, with its place when known. */
void log_diag(struct log_line *l, const struct diag *d);
void log_end(struct log_line *l);

/* One line with only a text: log_text(LOG_CONFIG_BAD, LOG_ERROR, SPAN("...")). */
void log_text(enum log_event event, enum log_level level, span text);

/* Write what is kept. */
void log_flush(void);

/* The names, for the documentation and the tests. */
const char *log_event_name(enum log_event e);
const char *log_event_doc(enum log_event e);
const char *log_key_name(enum log_key k);
const char *log_key_doc(enum log_key k);

#endif
