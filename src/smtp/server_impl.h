/* SPDX-License-Identifier: ISC */
/* smtp/server_impl.h - what the files of the server engine share; nobody else includes it. */
#ifndef SMTP_SERVER_IMPL_H
#define SMTP_SERVER_IMPL_H

#include "smtp/server.h"

/* The one way from state to state (server.c). */
void smtp_server_enter(struct smtp_server *s, enum smtp_server_state state);

/* Forget sender, recipients and body. */
void smtp_server_drop_mail(struct smtp_server *s);

/* Ask the layer above; s->ev must be filled, but for the kind and the reply of consent. */
void smtp_server_ask(struct smtp_server *s, enum smtp_event_kind kind, struct smtp_reply reply);

/* Write a reply of the engine's own; what is 400 and above counts as an error. */
void smtp_server_say(struct smtp_server *s, struct smtp_reply reply);

/* End the session without a word. */
void smtp_server_end(struct smtp_server *s, enum smtp_close why);

/* Say it and end the session. */
void smtp_server_close(struct smtp_server *s, struct smtp_reply reply, enum smtp_close why);

void smtp_server_too_many_errors(struct smtp_server *s);

/* One command of junk more; false: it was too many, the session is over. */
bool smtp_server_junk(struct smtp_server *s);

/* How a command line ended. */
enum smtp_line_end {
    SMTP_LINE_CRLF,
    SMTP_LINE_BARE_LF,
    SMTP_LINE_TOO_LONG, /* the line is lost */
};

/* Carry out one line, without its end (server_command.c). */
void smtp_server_command(struct smtp_server *s, span line, enum smtp_line_end end);

/* The answer to an event of a command: the change of state it means (server_answer.c). */
void smtp_server_settle(struct smtp_server *s, struct smtp_reply reply);

/* Go on with the body until something is to be asked; false: more input (server_data.c). */
bool smtp_server_data(struct smtp_server *s);
/* Go on behind n octets of the input that belong to a body. */
void smtp_server_consume(struct smtp_server *s, size_t n);

/* The body may come: the answer to a DATA event. */
void smtp_server_data_begin(struct smtp_server *s);

/* ---- BDAT (server_bdat.c) ---- */

void smtp_server_bdat(struct smtp_server *s, span arg);
/* The layer above wants no body: drop the chunk's octets, then say so. */
void smtp_server_bdat_refused(struct smtp_server *s, struct smtp_reply reply);
/* A chunk that is not the last one was read; returns true: the engine goes on. */
bool smtp_server_chunk_done(struct smtp_server *s);
/* Go on with dropping; false: more input. */
bool smtp_server_chunk_drop(struct smtp_server *s);

/* ---- AUTH (server_auth.c) ---- */

void smtp_server_auth(struct smtp_server *s, span arg);
/* A line in state AUTH. */
void smtp_server_auth_line(struct smtp_server *s, span line, struct smtp_reply fault);
void smtp_server_auth_settle(struct smtp_server *s, struct smtp_reply reply);
/*
 * The longest that the line under way may become, of which `piece` comes next; with its end. Marks
 * a line of AUTH as one that must be wiped.
 */
size_t smtp_server_line_limit(struct smtp_server *s, span piece);
/* The line was dealt with: what it held is no longer needed. */
void smtp_server_line_done(struct smtp_server *s);

/* ---- what begins a session anew (server_restart.c) ---- */

/* Ask whether the client is welcome. */
void smtp_server_begin(struct smtp_server *s);
void smtp_server_starttls(struct smtp_server *s, span arg);
void smtp_server_starttls_settle(struct smtp_server *s, struct smtp_reply reply);
void smtp_server_xclient(struct smtp_server *s, span arg);
void smtp_server_xclient_settle(struct smtp_server *s, struct smtp_reply reply);

/* ---- server_answer.c ---- */

/* Set of enum smtp_ext in force: HELO promises none. */
unsigned smtp_server_ext(const struct smtp_server *s);
/* What to say to a command at the wrong time: what should come instead? */
struct smtp_reply smtp_server_order(const struct smtp_server *s);
/* What to say to DATA and BDAT when nobody is to get the message. */
struct smtp_reply smtp_server_no_recipient(const struct smtp_server *s);

/* Octets of a message are coming. */
static inline bool smtp_server_in_body(const struct smtp_server *s)
{
    return s->state == SMTP_SERVER_DATA || s->state == SMTP_SERVER_CHUNK;
}

/* shorthand for a reply of the engine's own */
#define SMTP_SAY(code, enhanced, text) smtp_reply_of((code), SPAN(enhanced), SPAN(text))

#endif
