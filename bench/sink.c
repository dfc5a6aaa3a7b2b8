/* SPDX-License-Identifier: ISC */
/*
 * sink - an SMTP server that takes everything and keeps nothing, for the far end of relay tests.
 *
 * usage: sink ADDRESS:PORT [IDS]. Announces PIPELINING and 8BITMIME, counts messages, and writes
 * the value of each message's X-Load-Id field into IDS. On SIGTERM or SIGINT it prints
 * {"sessions":N,"messages":N} and exits 0.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256, LINE_BYTES = 1024, OUT_BYTES = 65536 };

struct peer {
    int fd;
    bool in_data, in_header, ended;
    char line[LINE_BYTES]; /* the beginning of a line that is not whole yet */
    size_t line_length;
    char out[OUT_BYTES]; /* replies to what came in one read; sent before the next read */
    size_t out_length;
};

static unsigned long long sessions, messages;
static FILE *ids;
static volatile sig_atomic_t over;

static void stop(int signal_number)
{
    (void)signal_number;
    over = 1;
}

static void reply(struct peer *p, const char *text)
{
    size_t length = strlen(text);

    if (length > sizeof(p->out) - p->out_length) {
        p->ended = true;
        return;
    }
    memcpy(p->out + p->out_length, text, length);
    p->out_length += length;
}

static bool begins(const struct peer *p, const char *word)
{
    size_t length = strlen(word);

    return p->line_length >= length && strncasecmp(p->line, word, length) == 0;
}

static void data_line(struct peer *p)
{
    static const char field[] = "X-Load-Id: ";

    if (p->line_length == 2 && p->line[0] == '.' && p->line[1] == '\r') {
        p->in_data = false;
        messages++;
        reply(p, "250 2.0.0 taken\r\n");
    } else if (p->in_header && p->line_length == 1) {
        p->in_header = false;
    } else if (p->in_header && ids != NULL && begins(p, field)) {
        (void)fprintf(ids, "%.*s\n", (int)(p->line_length - sizeof(field)),
                      p->line + sizeof(field) - 1);
    }
}

static void command_line(struct peer *p)
{
    if (begins(p, "EHLO")) {
        reply(p, "250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 104857600\r\n");
    } else if (begins(p, "DATA")) {
        p->in_data = p->in_header = true;
        reply(p, "354 go on\r\n");
    } else if (begins(p, "QUIT")) {
        reply(p, "221 2.0.0 bye\r\n");
        p->ended = true;
    } else if (begins(p, "NOOP")) {
        char text[64];

        (void)snprintf(text, sizeof(text), "250 2.0.0 %llu\r\n", messages);
        reply(p, text);
    } else {
        reply(p, "250 2.0.0 fine\r\n");
    }
}

static void take(struct peer *p, const char *in, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (in[i] != '\n') {
            if (p->line_length < sizeof(p->line))
                p->line[p->line_length++] = in[i];
            continue;
        }
        if (p->in_data)
            data_line(p);
        else
            command_line(p);
        p->line_length = 0;
    }
}

/* Replies are small and the peer waits for them: a socket buffer that is full is a broken peer. */
static bool send_replies(struct peer *p)
{
    size_t length = p->out_length;

    p->out_length = 0;
    return length == 0 || send(p->fd, p->out, length, MSG_NOSIGNAL) == (ssize_t)length;
}

static void serve(struct peer *p)
{
    char in[65536];
    ssize_t length = recv(p->fd, in, sizeof(in), 0);

    if (length < 0 && errno == EAGAIN)
        return;
    if (length > 0)
        take(p, in, (size_t)length);
    if (length <= 0 || !send_replies(p) || p->ended) {
        (void)close(p->fd);
        free(p);
    }
}

static void welcome(int listener, int poll)
{
    for (;;) {
        int one = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        struct epoll_event event = {.events = EPOLLIN};
        struct peer *p;

        if (fd < 0)
            return;
        p = calloc(1, sizeof(*p));
        event.data.ptr = p;
        if (p == NULL)
            abort();
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        p->fd = fd;
        sessions++;
        (void)epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
        reply(p, "220 sink.example ESMTP\r\n");
        (void)send_replies(p);
    }
}

static int listen_at(const char *text)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    const char *colon = strrchr(text, ':');
    char address[INET_ADDRSTRLEN] = "";
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (colon == NULL || (size_t)(colon - text) >= sizeof(address))
        return -1;
    memcpy(address, text, (size_t)(colon - text));
    at.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    if (inet_pton(AF_INET, address, &at.sin_addr) != 1)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, (const struct sockaddr *)&at, sizeof(at)) != 0 || listen(fd, 1024) != 0)
        return -1;
    return fd;
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS], event = {.events = EPOLLIN};
    int listener, poll = epoll_create1(EPOLL_CLOEXEC);
    struct sigaction action = {.sa_handler = stop};

    if (argc < 2 || argc > 3 || (listener = listen_at(argv[1])) < 0 ||
        (argc == 3 && (ids = fopen(argv[2], "we")) == NULL)) {
        (void)fprintf(stderr, "usage: sink ADDRESS:PORT [IDS]\n");
        return 64;
    }
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    (void)epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    while (!over) {
        int found = epoll_wait(poll, events, EVENTS, 1000);

        for (int i = 0; i < found; i++) {
            if (events[i].data.ptr == NULL)
                welcome(listener, poll);
            else
                serve(events[i].data.ptr);
        }
    }
    printf("{\"sessions\":%llu,\"messages\":%llu}\n", sessions, messages);
    return ids != NULL && fclose(ids) != 0 ? 74 : 0;
}
