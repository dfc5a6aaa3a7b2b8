/* SPDX-License-Identifier: ISC */
/*
 * server/smtpd.h - the process that talks with clients; what its sessions share.
 *
 * One of these a core. It accepts on the inherited listeners, runs a session
 * (server/session.h) on each connection, and hands messages to the queue process
 * (server/put.h). It opens no file, starts no program and connects to nothing.
 *
 * Input and output of a turn lie in one scratch buffer each, for all sessions:
 * an idle session holds neither.
 */
#ifndef SERVER_SMTPD_H
#define SERVER_SMTPD_H

#include "config/config.h"
#include "net/listen.h"
#include "server/census.h"
#include "server/greet.h"
#include "server/ident.h"
#include "server/ledger_client.h"
#include "server/login.h"
#include "server/past.h"
#include "server/proc.h"
#include "server/put.h"
#include "server/transaction.h"
#include "smtp/sasl.h"

#define SMTPD_OUTPUT_BYTES (16u << 10) /* replies to one read of pipelined commands */

struct session;

/* What decides about AUTH, and about what is announced; a set is an index of smtpd_port.logins. */
enum smtpd_login {
    SMTPD_LOGIN_ALLOWED = 1u << 0,     /* the session may log in */
    SMTPD_LOGIN_TLS = 1u << 1,         /* it is under TLS */
    SMTPD_LOGIN_BINDING = 1u << 2,     /* which has channel binding data */
    SMTPD_LOGIN_CERTIFICATE = 1u << 3, /* and the client showed a certificate that verifies */
    SMTPD_LOGIN_LISTED = 1u << 4,      /* not of AUTH: who may say XCLIENT */
    SMTPD_LOGINS = 1u << 5,
};

/* A listener and what its sessions announce. */
struct smtpd_port {
    struct listener listener;
    struct smtpd *smtpd;
    const struct config_listen *config;
    struct smtp_server_conf smtp;                 /* in the clear, without AUTH */
    struct smtp_server_conf listed;               /* for those who may say XCLIENT */
    struct smtp_server_conf logins[SMTPD_LOGINS]; /* what is in force: server/session_auth.h */
    char login_names[SMTPD_LOGINS][SASL_NAMES_BYTES];
};

struct smtpd {
    struct proc *proc;
    struct loop *loop;
    const struct config *config;
    struct tls_side *tls;
    struct ident ident;
    struct put_client queue;
    struct resolve_client resolver;
    struct greet_shared greets;
    struct login_client logins;
    struct ledger_client ledger;
    struct past_client past;
    uint64_t next_ref;
    struct census census;     /* sessions here and in the other workers */
    struct session *sessions; /* all of this process */
    struct session *stalled;  /* those that wait for the queue to keep up */
    size_t session_count;
    bool draining;
    int64_t drain_deadline_ms;
    struct loop_timer drain_timer;
    struct loop_timer stress_timer;
    bool stress_watched; /* the timer runs */
    struct smtpd_port *ports;
    size_t port_count;
    char *input;          /* TRANSACTION_CHUNK_BYTES */
    bool input_is_secret; /* a login was read: it is wiped at the end of the turn */
    struct buf output;    /* SMTPD_OUTPUT_BYTES */
};

#define SMTPD_STRESS_PERCENT 90   /* of limits.sessions; from then on silent clients must go */
#define SMTPD_STRESS_MS      1000 /* how often they are looked for */

/* There is a session: as long as there is one, look whether they get scarce, in any worker. */
void smtpd_watch_stress(struct smtpd *d);

/* The last session has ended: send what is left and end the process. */
void smtpd_leave(struct smtpd *d);

/* The process (a run function of struct proc_spec). */
int smtpd_run(struct proc *p);

#endif
