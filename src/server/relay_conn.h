/* SPDX-License-Identifier: ISC */
/*
 * server/relay_conn.h - one SMTP session as its two files see it.
 *
 *     relay_conn.c   its life: addresses, octets, time
 *     relay_serve.c  what the engine's events mean for jobs
 *
 *     OPENING -220, EHLO-> SERVING <-> IDLE -RELAY_IDLE_MS-> QUITTING -> gone
 *        |  refused, timed out: the next address; after the last the destination fails
 *     SERVING, lost: a job that met a dead connection goes to another one, once
 *
 * Nobody else includes this; server/relay.h is what others see.
 */
#ifndef SERVER_RELAY_CONN_H
#define SERVER_RELAY_CONN_H

#include "name/domain.h"
#include "server/relay.h"

#define RELAY_JOBS_MAX 2 /* the engine may begin a mail while the one before awaits its answer */

enum relay_conn_state { RELAY_OPENING, RELAY_SERVING, RELAY_IDLE, RELAY_QUITTING };

struct relay_conn {
    struct relay_conn *next, **at;
    struct relay *relay;
    struct relay_dest *dest;
    enum relay_conn_state state;
    struct conn conn;
    size_t target;                          /* index in dest->targets */
    struct relay_job *jobs[RELAY_JOBS_MAX]; /* oldest first */
    size_t job_count;
    size_t done;      /* mails that were carried */
    bool broken;      /* the socket is dead: read what came, write nothing */
    bool shaking;     /* hands, for TLS: nobody else reads or writes */
    bool plain;       /* TLS failed at this address: the second try goes without */
    size_t lacking;   /* addresses that cannot do what REQUIRETLS asks for */
    size_t mechanism; /* of AUTH: the one in use, or to be tried next */
    bool sasl_proved; /* the server has shown that it knows the password */
    struct Gsasl_session *sasl;
    bool gone;              /* free it when the engine is left */
    struct heap_buf rest;   /* input that the engine did not read yet */
    struct heap_buf unsent; /* output that waits for the socket */
    size_t mta_n;
    size_t why_n;
    unsigned why_code;
    char mta[JOB_MTA_BYTES];                 /* "mx.example.net [192.0.2.1]" */
    char why[JOB_REPLY_BYTES];               /* how the last address failed */
    span why_status;                         /* static */
    struct relay_identity *identity;         /* whose name it says; NULL: not known, or LMTP */
    struct relay_conn *name_next, **name_at; /* among those that wait for their name */
    size_t name_n;
    char name[DOMAIN_MAX_BYTES + 1]; /* what it greets with */
    struct smtp_client_conf conf;
    struct smtp_client smtp;
};

void relay_conn_enter(struct relay_conn *c, enum relay_conn_state state);
/* Note how the current address failed; code 0: without a reply. */
void relay_conn_note(struct relay_conn *c, const char *stage, const char *what, span reply);
/* The address is of no use: the next one, or the end of this connection. */
void relay_conn_next_target(struct relay_conn *c);

/* The same address once more, on a new connection. */
void relay_conn_again(struct relay_conn *c);

/* What relay_name_begin waited for is known now. */
void relay_conn_named(struct relay_conn *c);

/* Handle the engine's events until it waits for something, or c->gone, or c->conn.connecting. */
void relay_serve(struct relay_conn *c);

#endif
