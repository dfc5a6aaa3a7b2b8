/* SPDX-License-Identifier: ISC */
#include "fake_dns.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "dns/wire.h"
#include "net/addr.h"

enum { SAY_RECORDS, SAY_SERVFAIL = 2, SAY_NOTHING = 100 };

/* data: for A the last octet of 192.0.2.x, for AAAA of 2001:db8::x, for MX "preference name" */
static const struct record {
    const char *name;
    enum dns_type type;
    int say;
    unsigned number;
    const char *text;
} zone[] = {
    {"a.test", DNS_A, SAY_RECORDS, 1, NULL},
    {"a.test", DNS_AAAA, SAY_RECORDS, 1, NULL},
    {"b.test", DNS_A, SAY_RECORDS, 2, NULL},
    {"alias.test", DNS_CNAME, SAY_RECORDS, 0, "a.test"},
    {"broken.test", DNS_A, SAY_SERVFAIL, 0, NULL},
    {"broken.test", DNS_MX, SAY_SERVFAIL, 0, NULL},
    {"silent.test", DNS_A, SAY_NOTHING, 0, NULL},
    {"two.test", DNS_MX, SAY_RECORDS, 20, "b.test"},
    {"two.test", DNS_MX, SAY_RECORDS, 10, "alias.test"},
    {"none.test", DNS_MX, SAY_RECORDS, 0, ""},
    {"lost.test", DNS_MX, SAY_RECORDS, 10, "nowhere.test"},
    {"half.test", DNS_MX, SAY_RECORDS, 10, "broken.test"},
    {"half.test", DNS_MX, SAY_RECORDS, 20, "b.test"},
};

static void put_u16(struct buf *b, unsigned v)
{
    buf_putc(b, (char)(v >> 8));
    buf_putc(b, (char)v);
}

static void put_name(struct buf *b, const char *name)
{
    if (!dns_name_put(b, span_cstr(name)))
        abort();
}

static void put_data(struct buf *b, const struct record *r)
{
    static const char v6[15] = {0x20, 0x01, 0x0d, (char)0xb8};
    if (r->type == DNS_A)
        buf_put(b, SPAN("\xc0\x00\x02"));
    if (r->type == DNS_AAAA)
        buf_put(b, span_of(v6, sizeof v6));
    if (r->type == DNS_A || r->type == DNS_AAAA)
        buf_putc(b, (char)r->number);
    if (r->type == DNS_MX)
        put_u16(b, r->number);
    if (r->text != NULL)
        put_name(b, r->text);
}

static void put_record(struct buf *b, const struct record *r)
{
    char mem[300];
    struct buf data = BUF_OVER(mem);
    put_data(&data, r);
    put_name(b, r->name);
    put_u16(b, (unsigned)r->type);
    put_u16(b, 1);
    put_u16(b, 0);
    put_u16(b, 60);
    put_u16(b, (unsigned)data.n);
    buf_put(b, buf_span(&data));
}

/* The records of a name, and those of its alias; returns how many, *out_say what else to do. */
static unsigned put_answers(struct buf *b, span name, enum dns_type type, int *out_say,
                            bool *out_known)
{
    unsigned n = 0;
    for (size_t i = 0; i < COUNT(zone); i++) {
        const struct record *r = &zone[i];
        if (!span_ieq(span_cstr(r->name), name))
            continue;
        *out_known = true;
        if (r->type != type && r->type != DNS_CNAME)
            continue;
        *out_say = r->say;
        if (r->say != SAY_RECORDS)
            continue;
        put_record(b, r);
        n++;
        if (r->type == DNS_CNAME)
            n += put_answers(b, span_cstr(r->text), type, out_say, out_known);
    }
    return n;
}

/* 0: say nothing. */
static size_t respond(span query, char *out, size_t cap)
{
    char name_mem[1024];
    char answers_mem[2048];
    struct buf name = BUF_OVER(name_mem);
    struct buf answers = BUF_OVER(answers_mem);
    struct buf b = buf_over(out, cap);
    struct dns_wire w = dns_wire_over(query);
    int say = SAY_RECORDS;
    bool known = false;
    w.at = DNS_HEADER_BYTES;
    dns_wire_name(&w, &name);
    enum dns_type type = (enum dns_type)dns_wire_u16(&w);
    (void)dns_wire_u16(&w);
    unsigned n = put_answers(&answers, buf_span(&name), type, &say, &known);
    if (say == SAY_NOTHING || w.failed)
        return 0;
    buf_put(&b, span_head(query, 2));
    put_u16(&b, 0x8180u | (say == SAY_SERVFAIL ? 2u : known ? 0u : 3u));
    put_u16(&b, 1);
    put_u16(&b, n);
    put_u16(&b, 0);
    put_u16(&b, 0);
    buf_put(&b, span_of(query.p + DNS_HEADER_BYTES, w.at - DNS_HEADER_BYTES));
    buf_put(&b, buf_span(&answers));
    return b.n;
}

NORETURN static void serve(int fd, volatile unsigned *asked)
{
    for (;;) {
        char query[2048];
        char answer[4096];
        struct net_addr from = {.len = sizeof from.u};
        ssize_t n = recvfrom(fd, query, sizeof query, 0, &from.u.any, &from.len);
        if (n < (ssize_t)DNS_HEADER_BYTES)
            continue;
        ++*asked;
        size_t size = respond(span_of(query, (size_t)n), answer, sizeof answer);
        if (size != 0)
            (void)!sendto(fd, answer, size, 0, &from.u.any, from.len);
    }
}

struct fake_dns fake_dns_start(void)
{
    struct fake_dns f = {0};
    struct net_addr at;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (net_addr_parse(SPAN("127.0.0.1:0"), &at, NULL) != ERR_OK ||
        bind(fd, &at.u.any, at.len) != 0 || getsockname(fd, &at.u.any, &at.len) != 0)
        abort();
    f.port = net_addr_port(&at);
    f.asked = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    f.pid = fork();
    if (f.pid == 0)
        serve(fd, f.asked);
    close(fd);
    return f;
}

void fake_dns_stop(struct fake_dns *f)
{
    kill(f->pid, SIGKILL);
    waitpid(f->pid, NULL, 0);
    munmap((void *)(uintptr_t)f->asked, 4096);
}
