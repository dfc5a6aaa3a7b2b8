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

/* Say it and end the session. */
void smtp_server_close(struct smtp_server *s, struct smtp_reply reply, enum smtp_close why);

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

/* The answer to an event of a command: the change of state it means (server_command.c). */
void smtp_server_settle(struct smtp_server *s, struct smtp_reply reply);

/* Go on with the body until something is to be asked; false: more input (server_data.c). */
bool smtp_server_data(struct smtp_server *s);
/* Go on to `rest` of the input, and count what was read of a body. */
void smtp_server_consume(struct smtp_server *s, span rest);

/* The body may come. */
void smtp_server_data_begin(struct smtp_server *s);

/* shorthand for a reply of the engine's own */
#define SMTP_SAY(code, enhanced, text) smtp_reply_of((code), SPAN(enhanced), SPAN(text))

#endif
