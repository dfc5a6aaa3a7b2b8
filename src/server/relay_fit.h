/* SPDX-License-Identifier: ISC */
/*
 * server/relay_fit.h - make a mail fit for the server that it goes to, or say why it cannot be.
 *
 *     SMTPUTF8     a server without it gets A-labels where only domains are not ASCII; a local part
 *                  or a header that is not ASCII is refused with 5.6.7 (RFC 6531 3.2)
 *     BINARYMIME   by BDAT where the server has both, else encoded
 *     8BITMIME     a server without it gets the parts that need it encoded (message/convert.h)
 *
 * Who did not say SMTPUTF8 and writes octets above 127 into a header - old programs put Latin-1
 * there - breaks RFC 5322, and everybody's mail server lets it pass. So do we: to every server, as
 * they are, since nobody knows their coding and a signature may cover them.
 *
 * All of it depends on what this server announced: it is done anew for each connection.
 */
#ifndef SERVER_RELAY_FIT_H
#define SERVER_RELAY_FIT_H

#include "message/convert.h"
#include "server/relay_conn.h"

#define RELAY_CONVERTED_BYTES (64u << 10)

/* The content of a job on its way through the encoder. */
struct relay_conversion {
    struct convert convert;
    bool ended;
    size_t at;      /* octets of `out` that are sent */
    struct buf out; /* over room */
    char room[RELAY_CONVERTED_BYTES];
};

/*
 * Prepare j->mail; recipients that cannot be served are settled and left out.
 *
 * returns false when nobody is left: finish the job
 */
bool relay_fit(const struct relay_conn *c, struct relay_job *j);

/* A piece of the content as it is stored, from `at`; false: it cannot be read. Empty: the end. */
bool relay_read_body(const struct relay *r, const struct relay_job *j, uint64_t at, span *out);

/* The next piece as it is sent; the caller says with relay_body_sent how much of it went. */
bool relay_next_body(const struct relay *r, struct relay_job *j, span *out);
void relay_body_sent(struct relay_job *j, size_t n);

#endif
