/* SPDX-License-Identifier: ISC */
#include "message/dsn.h"

#include "base/ascii.h"
#include "base/escape.h"
#include "base/num.h"
#include "message/date.h"
#include "message/fold.h"
#include "message/header.h"

#define TEXT_COLUMNS 76
#define WORD_MAX_BYTES                                                                             \
    200 /* longer ones are broken: a line has at most 998 octets (RFC 5322 2.1.1) */
#define LINE_MAX_BYTES 900
#define TEXT_CUT_BYTES 512 /* of an address, a name, an id from outside */
#define BOUNDARY       "=_herald_"
#define SHOWN_BYTES    (DSN_REPLY_MAX_BYTES * 4 + 64)

/* ---- words ---- */

/* RFC 3463 3: subject and detail; the class does not change what they mean. */
static const struct {
    unsigned subject, detail;
    const char *words;
} meanings[] = {
    {1, 1, "There is no such mailbox."},
    {1, 2, "There is no such domain, or it takes no mail."},
    {1, 3, "The address is malformed."},
    {1, 6, "The mailbox has moved and left no new address."},
    {1, 10, "The domain says that it accepts no mail."},
    {2, 1, "The mailbox is disabled."},
    {2, 2, "The mailbox is full."},
    {2, 3, "The message is too large for this mailbox."},
    {3, 1, "The receiving system has no room left."},
    {3, 4, "The message is too large for the receiving system."},
    {4, 1, "The receiving server did not answer."},
    {4, 2, "The connection broke before the message was through."},
    {4, 3, "The directory of addresses could not be asked."},
    {4, 4, "No way to the receiving server could be found."},
    {4, 6, "The message was going round in a loop."},
    {4, 7, "The message could not be delivered in the time that is given to it."},
    {5, 0, "The two mail servers did not understand each other."},
    {6, 0, "The content of the message could not be passed on."},
    {7, 1, "The receiving server does not accept this message from this sender or server."},
    {7, 0, "The receiving server refuses the message as a matter of policy."},
};

/* What each kind says, and each action. */
static const struct {
    const char *subject;
    const char *intro;
} kinds[] = {
    [DSN_FAILED] = {"Your message could not be delivered", "\r\ncould not be delivered to:\r\n"},
    [DSN_DELAYED] = {"Your message is delayed",
                     "\r\nis still waiting. Nothing has to be done; this is only a notice.\r\n"
                     "It could not be delivered yet to:\r\n"},
    [DSN_SUCCEEDED] = {"Your message was delivered",
                       "\r\nwas delivered, as you asked to be told:\r\n"},
};

static const struct {
    const char *word;
    const char *words; /* NULL: as the status says */
} actions[] = {
    [DSN_ACTION_FAILED] = {"failed", NULL},
    [DSN_ACTION_DELAYED] = {"delayed", NULL},
    [DSN_ACTION_DELIVERED] = {"delivered", "It is in the mailbox."},
    [DSN_ACTION_RELAYED] = {"relayed",
                            "It was passed on to a server that sends no such reports: nothing more "
                            "may be heard of it."},
    [DSN_ACTION_EXPANDED] = {"expanded",
                             "It was passed on to the addresses for which this one stands."},
};

const char *dsn_status_words(const unsigned status[3])
{
    const char *subject_words = NULL;

    for (size_t i = 0; i < COUNT(meanings); i++) {
        if (meanings[i].subject == status[1] && meanings[i].detail == status[2])
            return meanings[i].words;
        if (meanings[i].subject == status[1] && meanings[i].detail == 0)
            subject_words = meanings[i].words;
    }
    if (subject_words != NULL)
        return subject_words;
    return status[0] == 5 ? "The receiving server refused the message."
                          : "The receiving server could not take the message yet.";
}

/* ---- octets above 127 ---- */

/* An address or id that is written as it is, backslashes and all; anything else is escaped. */
static bool is_sound(span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (ascii_is_control(s.p[i]))
            return false;
    return s.n <= TEXT_CUT_BYTES && escape_is_utf8(s);
}

static bool is_global(span address)
{
    return ascii_has_high(address) && is_sound(address);
}

static bool any_global(const struct dsn *d)
{
    for (size_t i = 0; i < d->n_recipients; i++)
        if (is_global(d->recipients[i].address) || is_global(d->recipients[i].original))
            return true;
    return is_global(d->sender);
}

static span header_of(span original)
{
    struct header_walk w = header_walk_over(original, DSN_HEADER_MAX_BYTES, 0);
    struct header_field f;

    while (header_next(&w, &f))
        continue;
    return span_head(original, w.at);
}

/* The header is given back as it is, as message/global-headers; or else in seven bits. */
static bool header_is_global(const struct dsn *d)
{
    span header = header_of(d->original);

    return ascii_has_high(header) && escape_is_utf8(header);
}

unsigned dsn_needs(const struct dsn *d)
{
    bool eight = any_global(d) || (d->whole ? ascii_has_high(d->original) : header_is_global(d));

    return (eight ? (unsigned)DSN_NEEDS_8BIT : 0u) |
           (is_global(d->sender) ? (unsigned)DSN_NEEDS_SMTPUTF8 : 0u);
}

bool dsn_can_return(span original)
{
    span rest = original;
    span line;

    if (original.n > DSN_FULL_MAX_BYTES || span_has(original, '\0') ||
        span_search(original, SPAN("--" BOUNDARY)) < original.n)
        return false;
    while (span_line(&rest, &line)) {
        size_t behind = (size_t)(original.p + original.n - line.p) - line.n;

        if (line.n > 998 || span_has(line, '\r') ||
            (behind > 0 && (behind < 2 || memcmp(line.p + line.n, "\r\n", 2) != 0)))
            return false;
    }
    return true;
}

/* ---- text ---- */

static void put_address(struct buf *b, span address)
{
    if (is_sound(address))
        buf_put(b, address);
    else
        escape_text(b, address, TEXT_CUT_BYTES);
}

/* Lines of outside text as one escaped line. */
static void put_shown(struct buf *b, span text, size_t max)
{
    span line;

    text = span_head(text, max);
    for (bool first = true; span_line(&text, &line); first = false) {
        if (!first)
            buf_putc(b, ' ');
        escape_text(b, span_trim(line), max);
    }
}

/* Take a word of at most WORD_MAX_BYTES; false at the end. */
static bool word_take(span *text, span *out)
{
    size_t n = 0;

    while (text->n != 0 && text->p[0] == ' ')
        *text = span_skip(*text, 1);
    while (n < text->n && n < WORD_MAX_BYTES && text->p[n] != ' ')
        n++;
    *out = span_head(*text, n);
    *text = span_skip(*text, n);
    return n != 0;
}

/* A paragraph of printable text, each line begun with `indent`. */
static void put_paragraph(struct buf *b, const char *indent, span text)
{
    size_t column = 0;
    span word;

    while (word_take(&text, &word)) {
        if (column == 0 || column + 1 + word.n > TEXT_COLUMNS) {
            buf_put(b, column != 0 ? SPAN("\r\n") : SPAN_NONE);
            buf_put(b, span_cstr(indent));
            column = strlen(indent);
        } else {
            buf_putc(b, ' ');
            column++;
        }
        buf_put(b, word);
        column += word.n;
    }
    buf_put(b, SPAN("\r\n"));
}

/* "Name: type; text" from outside text. */
static void put_field(struct buf *b, const char *name, const char *type, span text, size_t max)
{
    struct fold f = fold_start(b, span_cstr(name));
    char room[SHOWN_BYTES];
    struct buf shown = BUF_OVER(room);
    span rest, word;

    put_shown(&shown, text, max);
    if (type[0] != '\0')
        fold_word(&f, span_cstr(type));
    for (rest = buf_span(&shown); word_take(&rest, &word);)
        fold_word(&f, word);
    fold_end(&f);
}

static void put_date_field(struct buf *b, const char *name, int64_t wall_ms)
{
    buf_printf(b, "%s: ", name);
    date_put(b, wall_ms);
    buf_put(b, SPAN("\r\n"));
}

/* ---- the message ---- */

static void put_boundary(struct buf *b, const struct dsn *d)
{
    buf_put(b, SPAN(BOUNDARY));
    buf_put(b, span_cstr(num_id_text(d->id).text));
}

static void put_part(struct buf *b, const struct dsn *d, const char *type, const char *what,
                     bool eight_bit)
{
    buf_put(b, SPAN("\r\n--"));
    put_boundary(b, d);
    buf_printf(b, "\r\nContent-Type: %s\r\nContent-Description: %s\r\n%s\r\n", type, what,
               eight_bit ? "Content-Transfer-Encoding: 8bit\r\n" : "");
}

/* Our own name: letters, digits, dots and hyphens; anything else cannot be said. */
static span host_of(const struct dsn *d)
{
    for (size_t i = 0; i < d->host.n; i++)
        if (!ascii_is_alnum(d->host.p[i]) && !span_has(SPAN("-._"), d->host.p[i]))
            return SPAN("localhost");
    return d->host.n != 0 ? span_head(d->host, 255) : SPAN("localhost");
}

static void put_header(struct buf *b, const struct dsn *d)
{
    span host = host_of(d);
    char room[TEXT_CUT_BYTES * 4 + 16];
    struct buf sender = BUF_OVER(room);

    buf_printf(b, "From: Mail Delivery System <MAILER-DAEMON@%.*s>\r\n", SPAN_ARG(host));
    put_address(&sender, d->sender);
    buf_put(b, SPAN("To: <"));
    buf_put(b, span_head(buf_span(&sender), LINE_MAX_BYTES));
    buf_put(b, SPAN(">\r\nSubject: "));
    buf_put(b, span_cstr(kinds[d->kind].subject));
    buf_put(b, SPAN("\r\n"));
    put_date_field(b, "Date", d->now_ms);
    buf_printf(b, "Message-ID: <%s.report@%.*s>\r\n", num_id_text(d->id).text, SPAN_ARG(host));
    buf_put(b, SPAN("Auto-Submitted: auto-replied\r\n"
                    "MIME-Version: 1.0\r\n"));
    if ((dsn_needs(d) & DSN_NEEDS_8BIT) != 0)
        buf_put(b, SPAN("Content-Transfer-Encoding: 8bit\r\n"));
    buf_put(b, SPAN("Content-Type: multipart/report; report-type=delivery-status;\r\n"
                    "\tboundary=\""));
    put_boundary(b, d);
    buf_put(b, SPAN("\"\r\n\r\nThis is a report in MIME format.\r\n"));
}

static void put_recipient_words(struct buf *b, const struct dsn_recipient *r)
{
    char room[SHOWN_BYTES];
    struct buf shown = BUF_OVER(room);

    buf_put(b, SPAN("\r\n"));
    put_address(&shown, r->address);
    put_paragraph(b, "  ", buf_span(&shown));
    buf_reset(&shown);
    if (r->words.n != 0)
        put_shown(&shown, r->words, DSN_REPLY_MAX_BYTES);
    else if (actions[r->action].words != NULL)
        buf_put(&shown, span_cstr(actions[r->action].words));
    else
        buf_put(&shown, span_cstr(dsn_status_words(r->status)));
    put_paragraph(b, "    ", buf_span(&shown));
    if (r->reply.n == 0)
        return;
    buf_reset(&shown);
    put_shown(&shown, r->remote, TEXT_CUT_BYTES / 2);
    buf_put(&shown, r->remote.n != 0 ? SPAN(" said:") : SPAN("The reply was:"));
    put_paragraph(b, "    ", buf_span(&shown));
    buf_reset(&shown);
    put_shown(&shown, r->reply, DSN_REPLY_MAX_BYTES);
    put_paragraph(b, "      ", buf_span(&shown));
}

static void put_words(struct buf *b, const struct dsn *d)
{
    buf_printf(b, "This is the mail system at %.*s.\r\n\r\n", SPAN_ARG(host_of(d)));
    buf_put(b, SPAN("The message that you sent on "));
    date_put(b, d->arrived_ms);
    buf_put(b, span_cstr(kinds[d->kind].intro));
    for (size_t i = 0; i < d->n_recipients; i++)
        put_recipient_words(b, &d->recipients[i]);
    if (d->kind == DSN_DELAYED && d->retry_until_ms > 0) {
        buf_put(b, SPAN("\r\nDelivery will be tried until\r\n"));
        date_put(b, d->retry_until_ms);
        buf_put(b, SPAN(".\r\n"));
    }
    buf_printf(b, "\r\nThe number of the message here is %s; %s below.\r\n",
               num_id_text(d->about_id).text, d->whole ? "it stands" : "its header stands");
}

/* What a program compares with what it sent: of one line, as a fold would be read as part of it. */
static void put_exact(struct buf *b, const char *name, const char *type, span text)
{
    if (!is_sound(text)) {
        put_field(b, name, type, text, TEXT_CUT_BYTES);
        return;
    }
    buf_printf(b, "%s %s%s", name, type, type[0] != '\0' ? " " : "");
    buf_put(b, text);
    buf_put(b, SPAN("\r\n"));
}

/* RFC 3464 2.2 and 2.3. */
static void put_status(struct buf *b, const struct dsn *d)
{
    if (d->envelope_id.n != 0)
        put_exact(b, "Original-Envelope-Id:", "", d->envelope_id);
    put_field(b, "Reporting-MTA:", "dns;", host_of(d), TEXT_CUT_BYTES);
    put_date_field(b, "Arrival-Date", d->arrived_ms);
    for (size_t i = 0; i < d->n_recipients; i++) {
        const struct dsn_recipient *r = &d->recipients[i];

        buf_put(b, SPAN("\r\n"));
        if (r->original.n != 0)
            put_exact(b, "Original-Recipient:", "", r->original);
        put_exact(b, "Final-Recipient:", is_global(r->address) ? "utf-8;" : "rfc822;", r->address);
        buf_printf(b, "Action: %s\r\n", actions[r->action].word);
        buf_printf(b, "Status: %u.%u.%u\r\n", r->status[0], r->status[1], r->status[2]);
        if (r->remote.n != 0) /* its name, without the address behind it (RFC 3464 2.3.5) */
            put_field(b, "Remote-MTA:", "dns;", span_head(r->remote, span_find(r->remote, ' ')),
                      TEXT_CUT_BYTES);
        if (r->reply.n != 0)
            put_field(b, "Diagnostic-Code:", "smtp;", r->reply, DSN_REPLY_MAX_BYTES);
        if (d->kind == DSN_DELAYED && d->retry_until_ms > 0)
            put_date_field(b, "Will-Retry-Until", d->retry_until_ms);
    }
}

/* One line of the original header, not too long, and in seven bits unless `high` may stand. */
static void put_original_line(struct buf *b, span line, bool high)
{
    size_t column = 0;

    for (size_t i = 0; i < line.n; i++, column++) {
        char c = line.p[i];

        /* A character of UTF-8 has four octets at most: none is cut in two. */
        if (column >= LINE_MAX_BYTES && (!high || ((unsigned char)c & 0xc0) != 0x80)) {
            buf_put(b, SPAN("\r\n\t"));
            column = 1;
        }
        buf_putc(b, ascii_is_print(c) || c == '\t' || (high && ascii_is_high(c)) ? c : '?');
    }
    buf_put(b, SPAN("\r\n"));
}

/* The fields as they came; one that could be taken for a boundary is left out. */
static void put_original_header(struct buf *b, const struct dsn *d)
{
    struct header_walk w = header_walk_over(d->original, DSN_HEADER_MAX_BYTES, 0);
    bool high = header_is_global(d);
    struct header_field f;
    span line;

    while (header_next(&w, &f)) {
        span rest = f.whole;

        if (span_starts(rest, SPAN("--")))
            continue;
        while (span_line(&rest, &line))
            put_original_line(b, line, high);
    }
}

static void put_original(struct buf *b, const struct dsn *d)
{
    bool global = header_is_global(d);

    if (d->whole) {
        put_part(b, d, global ? "message/global" : "message/rfc822", "The message",
                 ascii_has_high(d->original));
        buf_put(b, d->original);
    } else {
        put_part(b, d, global ? "message/global-headers" : "text/rfc822-headers",
                 "The header of the message", global);
        put_original_header(b, d);
    }
}

size_t dsn_size_max(const struct dsn *d)
{
    size_t n = 8192 + 4 * min_size(d->envelope_id.n, TEXT_CUT_BYTES);

    for (size_t i = 0; i < d->n_recipients; i++) {
        const struct dsn_recipient *r = &d->recipients[i];
        size_t outside =
            min_size(r->address.n, TEXT_CUT_BYTES) + min_size(r->original.n, TEXT_CUT_BYTES) +
            min_size(r->remote.n, TEXT_CUT_BYTES) + min_size(r->words.n, DSN_REPLY_MAX_BYTES) +
            min_size(r->reply.n, DSN_REPLY_MAX_BYTES);

        /* Shown twice, each octet as four at most, and folded. */
        n += 1024 + outside * 10;
    }
    if (d->whole)
        n += d->original.n;
    return n + 2 * min_size(d->original.n, DSN_HEADER_MAX_BYTES) + 1024;
}

void dsn_put(struct buf *b, const struct dsn *d)
{
    bool global = any_global(d);

    BUG_IF(d->sender.n == 0, "a report to nobody");
    BUG_IF(d->n_recipients == 0, "a report about nobody");
    BUG_IF(d->whole && !dsn_can_return(d->original), "an original that cannot be given back");
    put_header(b, d);
    put_part(b, d, global ? "text/plain; charset=utf-8" : "text/plain; charset=us-ascii",
             "What happened", global);
    put_words(b, d);
    put_part(b, d, global ? "message/global-delivery-status" : "message/delivery-status",
             "The same for machines", global);
    put_status(b, d);
    put_original(b, d);
    buf_put(b, SPAN("\r\n--"));
    put_boundary(b, d);
    buf_put(b, SPAN("--\r\n"));
}
