/* SPDX-License-Identifier: ISC */
#include "server/submission.h"

#include "base/num.h"
#include "config/find.h"
#include "message/date.h"
#include "message/mailbox.h"
#include "server/transaction.h"

static void refuse(struct submission *s, span text)
{
    if (s->reply.code == 0)
        s->reply = smtp_reply_of(550, SPAN("5.7.1"), text);
}

static bool is_own(const struct config *c, span login, const struct path *address)
{
    char memory[PATH_MAX_BYTES];
    struct buf local = BUF_OVER(memory);

    path_put_local(&local, address);
    return !local.overflow && config_may_send_as(c, login, buf_span(&local), address->domain);
}

static void judge_author(struct submission *s, const struct config *c, span login, span value)
{
    struct mailbox_walk w = mailbox_walk_over(value);
    struct path address;
    enum mailbox_next next;
    unsigned n = 0;

    while ((next = mailbox_next(&w, &address)) == MAILBOX_ONE) {
        n++;
        if (!is_own(c, login, &address))
            refuse(s, SPAN("An address in From or Sender is not yours: write as the address that "
                           "you log in with"));
    }
    if (next == MAILBOX_BAD || n == 0)
        refuse(s, SPAN("From or Sender cannot be read without doubt"));
}

void submission_judge(struct submission *s, const struct config *c, span login,
                      struct header_walk header)
{
    struct header_field f;
    unsigned n_from = 0, n_sender = 0;

    *s = (struct submission){.has_date = false};
    while (header_next(&header, &f)) {
        bool is_from = span_ieq(f.name, SPAN("From"));
        bool is_sender = span_ieq(f.name, SPAN("Sender"));

        s->has_date = s->has_date || span_ieq(f.name, SPAN("Date"));
        s->has_message_id = s->has_message_id || span_ieq(f.name, SPAN("Message-ID"));
        n_from += is_from;
        n_sender += is_sender;
        if (login.n != 0 && (is_from || is_sender))
            judge_author(s, c, login, f.value);
    }
    s->whole = header.end == HEADER_EMPTY_LINE || header.end == HEADER_TEXT_END;
    if (login.n == 0)
        return;
    if (n_from != 1 || n_sender > 1)
        refuse(s, SPAN("The message needs one From field, and may have one Sender field"));
    if (header.end == HEADER_NO_FIELD)
        refuse(s, SPAN("A line of the header is no header field"));
}

void submission_put_missing(struct buf *b, const struct submission *s,
                            const struct transaction_start *start, span hostname)
{
    if (!s->has_message_id) {
        buf_put(b, SPAN("Message-ID: <"));
        buf_put(b, span_cstr(num_id_text(start->id).text));
        buf_printf(b, "@%.*s>\r\n", SPAN_ARG(hostname));
    }
    if (!s->has_date) {
        buf_put(b, SPAN("Date: "));
        date_put(b, start->received_ms);
        buf_put(b, SPAN("\r\n"));
    }
}
