/* SPDX-License-Identifier: ISC */
/* smtp/client_impl.h - what the files of the client engine share; nobody else includes it. */
#ifndef SMTP_CLIENT_IMPL_H
#define SMTP_CLIENT_IMPL_H

#include "smtp/client.h"

/* ---- emit.c: the only place that writes commands ---- */

/* Write the greeting command for `stage` (EHLO or HELO), and expect its reply. */
void smtp_client_emit_greeting(struct smtp_client *c, enum smtp_stage stage);

/* Write what of the mail under way, or QUIT, may go out now. */
void smtp_client_emit_more(struct smtp_client *c);

/* ---- client_reply.c ---- */

/* A reply is whole. */
void smtp_client_reply(struct smtp_client *c);

/* A line of the reply to EHLO; the first is number 1. */
void smtp_client_hello_line(struct smtp_client *c, unsigned number, span line);

/* ---- client.c ---- */

/* `count` replies more of that kind will come. */
void smtp_client_expect(struct smtp_client *c, enum smtp_stage stage, struct smtp_client_mail *mail,
                        size_t count);

/* Give this event out next. */
void smtp_client_tell(struct smtp_client *c, struct smtp_client_event ev);

/* The engine lets go of the mail. */
void smtp_client_done(struct smtp_client *c, struct smtp_client_mail *mail);

/* The connection is of no more use; `words` (static) say why where the server did not. */
void smtp_client_end_with(struct smtp_client *c, enum smtp_client_end end, enum smtp_stage stage,
                          const char *words);

#endif
