/* SPDX-License-Identifier: ISC */
/*
 * dns/rdata.h - one record in the flat encoding; for the dns room alone.
 *
 * A record is a length (u32) and its data: addresses and TLSA as on the wire, TXT as
 * joined text, names as text, an MX preference as u16 before its name.
 */
#ifndef DNS_RDATA_H
#define DNS_RDATA_H

#include "dns/answer.h"

/* Read the data of one record; false when it has not the shape of the type. */
MUSTUSE bool dns_rdata_read(enum dns_type type, span rdata, struct dns_record *out);
/* Write it. */
void dns_rdata_put(struct buf *b, enum dns_type type, const struct dns_record *r);

/* Begin a record at the end of mem; its data is then put into mem. */
size_t dns_record_open(struct buf *mem);
/* End it: count it, or take it back (and note the cut) when it did not fit or was one too many. */
void dns_record_close(struct dns_answer *a, struct buf *mem, size_t start);

#endif
