/* SPDX-License-Identifier: ISC */
#include "server/relay_fit.h"

#include <stdlib.h>
#include <unistd.h>

#include "os/idn.h"
#include "queue/route.h"
#include "server/relay_header.h"

/* ---- refusing ---- */

static const struct relay_verdict no_utf8_address = {
    .verdict = JOB_FAILED,
    .code = 553,
    .status = SPAN_INIT("5.6.7"),
    .reply = SPAN_INIT("the address is not ASCII, and the server does not do SMTPUTF8")};

static const struct relay_verdict no_utf8_sender = {
    .verdict = JOB_FAILED,
    .code = 553,
    .status = SPAN_INIT("5.6.7"),
    .reply = SPAN_INIT("the sender's address is not ASCII, and the server does not do SMTPUTF8")};

static const struct relay_verdict no_utf8_header = {
    .verdict = JOB_FAILED,
    .code = 553,
    .status = SPAN_INIT("5.6.7"),
    .reply = SPAN_INIT("its header is not ASCII, and the server does not do SMTPUTF8")};

static const struct relay_verdict no_memory = {
    .verdict = JOB_DEFERRED, .status = SPAN_INIT("4.3.0"), .reply = SPAN_INIT("no memory")};

static const struct relay_verdict no_body = {.verdict = JOB_DEFERRED,
                                             .status = SPAN_INIT("4.3.0"),
                                             .reply = SPAN_INIT("the message could not be read")};

static bool refuse(struct relay_job *j, const struct relay_verdict *v)
{
    relay_job_settle(j, SMTP_ALL_RCPTS, v);
    return false;
}

static bool refuse_content(struct relay_job *j, enum convert_fault fault)
{
    struct relay_verdict v = {.verdict = JOB_FAILED,
                              .code = 554,
                              .status = convert_fault_status(fault),
                              .reply = convert_fault_text(fault)};

    return refuse(j, &v);
}

/* ---- reading ---- */

bool relay_read_body(const struct relay *r, const struct relay_job *j, uint64_t at, span *out)
{
    uint64_t left = j->job.size - at;
    size_t most = left < RELAY_SCRATCH_BYTES ? (size_t)left : RELAY_SCRATCH_BYTES;
    ssize_t n;

    if (j->fd < 0 || most == 0) {
        *out = most == 0 ? SPAN_NONE : span_skip(j->job.body, (size_t)at);
        return true;
    }
    n = pread(j->fd, r->body, most, (off_t)at);
    if (n <= 0)
        return false;
    *out = span_of(r->body, (size_t)n);
    return true;
}

static bool refill(const struct relay *r, struct relay_job *j)
{
    struct relay_conversion *v = j->conversion;
    span piece;

    v->at = 0;
    buf_reset(&v->out);
    while (v->out.n == 0 && !v->ended) {
        if (!relay_read_body(r, j, j->at, &piece))
            return false;
        if (piece.n == 0)
            v->ended = convert_end(&v->convert, &v->out);
        else
            j->at += convert_put(&v->convert, &v->out, piece);
    }
    return true;
}

bool relay_next_body(const struct relay *r, struct relay_job *j, span *out)
{
    struct relay_conversion *v = j->conversion;

    if (v == NULL)
        return relay_read_body(r, j, j->at, out);
    if (v->at == v->out.n && !refill(r, j))
        return false;
    *out = span_skip(buf_span(&v->out), v->at);
    return true;
}

void relay_body_sent(struct relay_job *j, size_t n)
{
    if (j->conversion != NULL)
        j->conversion->at += n;
    else
        j->at += n;
}

/* ---- what the server can take ---- */

/* The message came with SMTPUTF8 and cannot go with it; false for others, whatever they hold. */
static bool lacks_utf8(const struct relay_conn *c, const struct relay_job *j)
{
    return (j->job.flags & ENVELOPE_SMTPUTF8) != 0 && (c->smtp.ext & SMTP_EXT_SMTPUTF8) == 0;
}

/* ---- content ---- */

/* Look at all of the content; false: it cannot be sent. */
static bool scan(const struct relay_conn *c, struct relay_job *j, enum convert_to to)
{
    struct relay_conversion *v = calloc(1, sizeof(*v));
    bool needed;
    span piece;

    if (v == NULL)
        return refuse(j, &no_memory);
    convert_init(&v->convert, to);
    j->conversion = v;
    for (j->at = 0; j->at < j->job.size; j->at += piece.n) {
        if (!relay_read_body(c->relay, j, j->at, &piece))
            return refuse(j, &no_body);
        (void)convert_put(&v->convert, NULL, piece);
    }
    v->ended = convert_end(&v->convert, NULL);
    j->at = 0;
    needed = convert_is_needed(&v->convert);
    if (v->convert.header_has_high && lacks_utf8(c, j))
        return refuse(j, &no_utf8_header);
    if (v->convert.fault != CONVERT_FINE)
        return refuse_content(j, v->convert.fault);
    if (needed) {
        v->ended = false;
        v->out = BUF_OVER(v->room);
        convert_begin(&v->convert);
    } else {
        free(v);
        j->conversion = NULL;
    }
    return true;
}

static bool fit_content(const struct relay_conn *c, struct relay_job *j)
{
    unsigned ext = c->smtp.ext;
    unsigned bdat = (unsigned)SMTP_EXT_CHUNKING | (unsigned)SMTP_EXT_BINARYMIME;
    bool binary = (j->job.flags & ENVELOPE_BINARY) != 0;
    bool eight = (ext & SMTP_EXT_8BITMIME) != 0;

    free(j->conversion);
    j->conversion = NULL;
    j->at = 0;
    j->mail.size_bytes = j->job.size;
    j->mail.binary = binary && (ext & bdat) == bdat;
    j->mail.eight_bit = (j->job.flags & ENVELOPE_8BIT) != 0 && eight;
    if (j->mail.binary || (eight && !binary))
        return true;
    if (!scan(c, j, eight ? CONVERT_TO_8BIT : CONVERT_TO_7BIT))
        return false;
    if (j->conversion != NULL)
        j->mail.size_bytes = 0; /* nobody has counted */
    return true;
}

/* ---- addresses ---- */

/* The address with its domain in A-labels; false: its local part is not ASCII either. */
static bool ascii_address(struct buf *b, span address, span *out)
{
    size_t start = b->n;

    *out = address;
    if (!idn_is_needed(address))
        return true;
    if (idn_is_needed(route_local(address)))
        return false;
    if (!idn_put_address(b, address))
        return false;
    *out = span_of(b->p + start, b->n - start);
    return true;
}

static bool is_utf8(const struct header_field *f)
{
    return idn_is_needed(f->whole);
}

static bool any_address_is_utf8(const struct relay_job *j)
{
    bool any = idn_is_needed(j->job.sender);

    for (size_t i = 0; i < j->mail.rcpt_count; i++)
        any |= idn_is_needed(j->mail.rcpts[i].address);
    return any;
}

/* What was settled leaves the list; what is left keeps its place in the record. */
static void leave_out_settled(struct relay_job *j)
{
    size_t kept = 0;

    for (size_t i = 0; i < j->mail.rcpt_count; i++) {
        if (j->is_settled[i])
            continue;
        j->mail.rcpts[kept] = j->mail.rcpts[i];
        j->originals[kept] = j->originals[i];
        j->indexes[kept] = j->indexes[i];
        j->is_settled[kept++] = false;
    }
    j->mail.rcpt_count = kept;
}

static bool fit_ascii(struct relay_job *j)
{
    struct buf b = buf_over(j->ascii, j->ascii != NULL ? j->ascii_cap : 0);

    if (!any_address_is_utf8(j))
        return true;
    if (j->ascii == NULL) {
        j->ascii_cap = (j->mail.rcpt_count + 1) * (ENVELOPE_ADDR_BYTES + IDN_NAME_BYTES);
        j->ascii = malloc(j->ascii_cap);
        if (j->ascii == NULL)
            return refuse(j, &no_memory);
        b = buf_over(j->ascii, j->ascii_cap);
    }
    if (!ascii_address(&b, j->job.sender, &j->mail.sender))
        return refuse(j, &no_utf8_sender);
    for (size_t i = 0; i < j->mail.rcpt_count; i++)
        if (!ascii_address(&b, j->originals[i], &j->mail.rcpts[i].address))
            relay_job_settle(j, i, &no_utf8_address);
    leave_out_settled(j);
    return j->mail.rcpt_count > 0;
}

static bool fit_addresses(const struct relay_conn *c, struct relay_job *j)
{
    bool header;

    j->mail.sender = j->job.sender;
    for (size_t i = 0; i < j->mail.rcpt_count; i++)
        j->mail.rcpts[i].address = j->originals[i];
    j->mail.utf8 = false;
    if ((j->job.flags & ENVELOPE_SMTPUTF8) == 0)
        return true;
    if (!relay_header_has(c->relay, j, is_utf8, &header))
        return refuse(j, &no_body);
    if (lacks_utf8(c, j))
        return header ? refuse(j, &no_utf8_header) : fit_ascii(j);
    /* Who said SMTPUTF8 and did not need it can go anywhere. */
    j->mail.utf8 = header || any_address_is_utf8(j);
    return true;
}

/* Who must not send it otherwise says so; a report says so where it can be heard (RFC 8689 5). */
static bool says_requiretls(const struct relay_conn *c, const struct relay_job *j)
{
    bool wished = (j->job.flags & ENVELOPE_REQUIRETLS) != 0 && !relay_is_lmtp(j->job.transport);
    bool heard = c->smtp.is_secured && (c->smtp.ext & SMTP_EXT_REQUIRETLS) != 0;

    return wished && (j->job.sender.n > 0 || heard);
}

bool relay_fit(const struct relay_conn *c, struct relay_job *j)
{
    j->mail.requiretls = says_requiretls(c, j);
    return fit_addresses(c, j) && fit_content(c, j);
}
