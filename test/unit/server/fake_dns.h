/* SPDX-License-Identifier: ISC */
/*
 * fake_dns.h - a name server on loopback, in a process of its own.
 *
 * The zone: NAME TYPE is answered as fake_dns.c's table says; what is not in it does not exist.
 */
#ifndef FAKE_DNS_H
#define FAKE_DNS_H

#include <stdint.h>
#include <sys/types.h>

struct fake_dns {
    pid_t pid;
    uint16_t port;
    volatile unsigned *asked; /* questions received so far */
};

struct fake_dns fake_dns_start(void);
void fake_dns_stop(struct fake_dns *f);

#endif
