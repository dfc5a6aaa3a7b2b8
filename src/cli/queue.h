/* SPDX-License-Identifier: ISC */
/* cli/queue.h - the parts of `herald queue`: how it asks, and how it shows. */
#ifndef CLI_QUEUE_H
#define CLI_QUEUE_H

#include <stdio.h>

#include "base/diag.h"
#include "config/config.h"
#include "queue/ctl.h"

struct cli_queue; /* the running server, or the store itself when none runs */

/*
 * Reach the queue of a configuration: over the control socket, or by opening the store.
 *
 * returns  ERR_OK; ERR_ABSENT, ERR_DENIED, ERR_BUSY ... with d
 */
MUSTUSE enum err cli_queue_open(const struct config *c, struct cli_queue **out_q, struct diag *d);
void cli_queue_close(struct cli_queue *q);

/* Ask one question. out_r borrows until the next one. ERR_CLOSED when the server went away. */
MUSTUSE enum err cli_queue_ask(struct cli_queue *q, const struct ctl_request *request,
                               struct ctl_reply *out_r);

/* One message as a JSON object on one line, or for a person. */
void cli_queue_show_json(FILE *out, const struct record *r, const struct ctl_reply *at);
void cli_queue_show_line(FILE *out, const struct record *r, const struct ctl_reply *at);
void cli_queue_show_whole(FILE *out, const struct record *r, const struct ctl_reply *at);

#endif
