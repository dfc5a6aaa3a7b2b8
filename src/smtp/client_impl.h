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

/* AUTH, a response to a challenge, or "*": `first` and then octets as base64. */
void smtp_client_emit_sasl(struct smtp_client *c, span first, span octets);

/* ---- client_secure.c: TLS and AUTH ---- */

/* EHLO was answered well: STARTTLS, AUTH, or nothing of them; false: none is due. */
bool smtp_client_secure_next(struct smtp_client *c);
void smtp_client_on_starttls(struct smtp_client *c);
void smtp_client_on_auth(struct smtp_client *c);
/* The mechanisms of the EHLO reply's AUTH line. */
void smtp_client_note_mechanisms(struct smtp_client *c, span text);

/* ---- client_reply.c ---- */

/* The reply just read, as the layer above sees it. */
struct smtp_client_reply smtp_client_reply_now(const struct smtp_client *c);

/* The server does not want us at all; `words` (static) when it is we who go. */
void smtp_client_refuse(struct smtp_client *c, enum smtp_stage stage, unsigned code, span words);

/* No mail will be written as long as TLS and AUTH are not settled. */
void smtp_client_forget_greeting(struct smtp_client *c);

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
