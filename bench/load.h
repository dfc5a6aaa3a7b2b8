/* SPDX-License-Identifier: ISC */
/*
 * bench/load.h - the load generator: what it is to do, what it counts, and one session of it.
 *
 * One process, one epoll loop, many sessions. A session is a small state machine that is told what
 * came in and says what goes out; load.c owns the sockets' readiness and the clock, session.c the
 * dialogue.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

enum load_mode {
    LOAD_MAIL,    /* EHLO, then messages, then QUIT */
    LOAD_CONNECT, /* EHLO, QUIT */
    LOAD_IDLE     /* EHLO, then hold the session open */
};

struct load_plan {
    struct sockaddr_in server;
    enum load_mode mode;
    unsigned sessions;   /* at a time */
    unsigned rounds;     /* sessions one after the other in each place */
    unsigned messages;   /* in each session */
    unsigned recipients; /* of each message */
    unsigned sources;    /* client addresses to use: 127.0.1.1 and up; 0: the kernel's choice */
    unsigned hold_s;     /* LOAD_IDLE: how long to hold; 0: until standard input ends */
    unsigned deadline_s; /* the whole run ends then, whatever is open */
    unsigned ramp;       /* sessions that may be connecting at once */
    size_t size_bytes;   /* of a message, header included */
    bool pipelined;      /* MAIL, RCPT and DATA in one write */
    bool awake; /* look for replies without sleeping: then a wait is the server's, not our waking */
    bool slow;  /* LOAD_IDLE: one octet of an endless command a second from each session */
    bool starttls;
    bool resume;   /* with the ticket of the session before in the same place */
    bool stubborn; /* a lost connection is made anew and its message sent again under a new id */
    const char *helo, *from, *to, *prefix;
    FILE *ids; /* where the ids of messages answered 250 go, one a line; may be NULL */
};

struct load_totals {
    uint64_t accepted; /* messages, or sessions in LOAD_CONNECT */
    uint64_t refused;  /* 4xx or 5xx to a command or message */
    uint64_t lost;     /* connections that ended early */
    uint64_t resumed;  /* handshakes that went by a ticket */
    uint64_t unsure;   /* of these: after the final dot was sent and before its answer */
    uint32_t *took_us; /* one for each accepted */
    size_t took_room;
    char last_refusal[128];
};

enum load_state {
    LOAD_WAITING, /* for its turn to connect, until wake_us */
    LOAD_BANNER,
    LOAD_EHLO_PLAIN, /* before STARTTLS */
    LOAD_STARTTLS_SENT,
    LOAD_SHAKING,
    LOAD_EHLO,
    LOAD_MAIL_SENT,
    LOAD_RCPT_SENT,
    LOAD_DATA_SENT,
    LOAD_BODY_SENT,
    LOAD_RSET_SENT,
    LOAD_QUIT_SENT,
    LOAD_HELD,
    LOAD_DONE
};

struct load_session {
    const struct load_plan *plan;
    int fd;
    enum load_state state;
    unsigned number;        /* of this place, for ids */
    unsigned rounds_left;   /* this one included */
    unsigned messages_left; /* this one included */
    unsigned sent;          /* messages begun, for ids */
    unsigned rcpt_done;     /* replies to RCPT that came */
    unsigned rcpt_good;     /* of these: 2xx */
    unsigned octets;        /* slow octets sent */
    uint64_t begun_us;      /* the message, or the session in LOAD_CONNECT */
    uint64_t wake_us;       /* LOAD_WAITING */
    char *out;              /* what is still to be written, then the body */
    size_t out_length, out_at, out_room;
    bool body_pending; /* the shared body follows what is in out */
    size_t body_at;
    struct ssl_st *ssl;            /* NULL: in the clear */
    struct ssl_session_st *ticket; /* for the next session; NULL: none */
    char line[512];                /* an incomplete reply line; of longer ones the beginning */
    size_t line_length;
};

/* The text that all messages share after their header. Call once. */
void load_body_make(const struct load_plan *plan);

/* A place for sessions. Nothing is connected yet. Exits when there is no memory. */
void load_session_init(struct load_session *s, const struct load_plan *plan, unsigned number);

/* Begin to connect. False: the socket could not be had or the connection was refused at once. */
bool load_session_connect(struct load_session *s, uint64_t now_us);

/*
 * Read what has come and go on. False: the connection is at its end (closed by either side or
 * broken); load_session_ended says what that means.
 */
bool load_session_readable(struct load_session *s, struct load_totals *t, uint64_t now_us);

/* Write what can be written. False as above. Call after readable, too. */
bool load_session_writable(struct load_session *s);

/* True: something waits to be written, ask for EPOLLOUT. */
bool load_session_wants_write(const struct load_session *s);

/* Close, count, and set the state to LOAD_WAITING (another round, or another try) or LOAD_DONE. */
void load_session_ended(struct load_session *s, struct load_totals *t, uint64_t now_us);

/* ---- secure.c; recv, send and shake answer as recv(2) does, shake with 1 when it is done ---- */

/* Call once, for plan->starttls. */
void load_secure_make(void);
void load_secure_begin(struct load_session *s);
ssize_t load_secure_shake(struct load_session *s);
ssize_t load_secure_recv(struct load_session *s, void *p, size_t cap);
ssize_t load_secure_send(struct load_session *s, const void *p, size_t n);
bool load_secure_resumed(const struct load_session *s);
void load_secure_end(struct load_session *s);

/* LOAD_IDLE with plan->slow: one more octet. False as above. */
bool load_session_drip(struct load_session *s);

#endif
