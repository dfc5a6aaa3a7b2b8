/* SPDX-License-Identifier: ISC */
/*
 * server/login.h - smtpd's way to ask the auth processes (server/auth.h).
 *
 * A login is one AUTH exchange, in the caller's memory from login_start to its last answer or
 * login_cancel. Each login_start and login_step has exactly one answer, from the loop and never
 * from inside: a challenge, or the result, after which the login is over. When the process dies,
 * or does not answer for LOGIN_WAIT_MS, the result is AUTH_TROUBLE. While there is none, what is
 * started waits for one.
 */
#ifndef SERVER_LOGIN_H
#define SERVER_LOGIN_H

#include "net/chan.h"
#include "os/heap.h"
#include "queue/auth.h"
#include "server/proc.h"

#define LOGIN_WAIT_MS 20000

struct login_client;
struct login_link;

/* result NULL: a challenge. Everything is borrowed until the callback returns. */
typedef void login_fn(void *arg, span challenge, const struct auth_result *result);

/* Zeroed: none. */
struct login {
    struct login_link *link; /* NULL: not under way */
    struct login *next, **at;
    login_fn *fn;
    void *arg;
    struct loop_timer timer;
    struct loop_task fail;
    uint32_t tag;
    struct heap_buf parked; /* the question, while there is nobody to ask */
    bool asked;             /* an answer is due */
    bool lost;              /* the process has forgotten it: the next step fails */
};

/* One auth process. */
struct login_link {
    struct login_link *next;
    struct login_client *client;
    struct chan chan;
    struct login *logins;
    size_t count;
    unsigned index;
    bool former; /* another one has taken over: it answers what it was asked, and goes */
};

struct login_client {
    struct loop *loop;
    uint32_t next_tag;
    struct login_link parked; /* without a channel */
    struct login_link *links;
    struct loop_task sweep; /* of links that are of no more use */
};

void login_client_init(struct login_client *c, struct loop *loop);
/* Speak with the index-th auth process at fd (taken) from now on. */
void login_client_link(struct login_client *c, unsigned index, int fd);

void login_start(struct login_client *c, struct login *l, const struct auth_start *start,
                 login_fn *fn, void *arg);
/* The client's response to the challenge. */
void login_step(struct login *l, span response);
/* Not under way: nothing. */
void login_cancel(struct login *l);

static inline bool login_is_under_way(const struct login *l)
{
    return l->link != NULL;
}

#endif
