/* SPDX-License-Identifier: ISC */
/*
 * server/relay_header.h - what the header of a job's message says.
 *
 * A header may be larger than what is read of a spool file at once: it is put together here,
 * judged, and given back before anything else happens. Nothing of it stays with the job.
 *
 * Limit: limits.header_size, or HEADER_MAX_BYTES where that is more (the message may have come
 * under another configuration), and our own fields on top.
 */
#ifndef SERVER_RELAY_HEADER_H
#define SERVER_RELAY_HEADER_H

#include "message/header.h"
#include "server/relay.h"

typedef bool relay_field_fn(const struct header_field *f);

/*
 * Is there a field of which `holds` is true?
 *
 * returns false when the header cannot be read, or there is no memory for it
 */
MUSTUSE bool relay_header_has(const struct relay *r, const struct relay_job *j,
                              relay_field_fn *holds, bool *out_has);

#endif
