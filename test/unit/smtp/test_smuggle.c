/* SPDX-License-Identifier: ISC */
/*
 * Nothing inside a body is ever a command: every text of up to LENGTH octets that matter stands in
 * a message in front of commands, in DATA and in BDAT, under both policies, whole and octet by
 * octet. What must come of it is said here a second time, by search instead of by states.
 */
#include "../guard.h"
#include "smtp/server.h"

#define ALPHABET "\r\n.x\0"
#define LETTERS  5
#define LENGTH   5

static const span hidden = SPAN_INIT("MAIL FROM:<hidden@c.example>\r\n");

/* One message on its way, and what the layer above saw. */
struct seen {
    unsigned mails;
    unsigned noops;
    unsigned ends;
    enum smtp_data_fault fault;
    struct buf content;
    char room[256];
};

static struct smtp_server server;
static struct smtp_server_conf conf;
static char out_room[1 << 14];
static struct buf out;

static void take(struct seen *seen)
{
    struct smtp_event ev;

    while (smtp_server_next(&server, &ev) && ev.kind != SMTP_EVENT_CLOSE) {
        seen->mails += ev.kind == SMTP_EVENT_MAIL ? 1 : 0;
        seen->noops += ev.kind == SMTP_EVENT_NOOP ? 1 : 0;
        if (ev.kind == SMTP_EVENT_CHUNK) {
            buf_put(&seen->content, ev.chunk);
            smtp_server_took(&server);
            continue;
        }
        if (ev.kind == SMTP_EVENT_DATA_END) {
            seen->ends++;
            seen->fault = ev.fault;
        }
        smtp_server_answer(&server, ev.reply);
        buf_reset(&out);
    }
    assert_int_not_equal(server.state, SMTP_SERVER_CLOSED);
}

static void play(struct seen *seen, enum dot_policy policy, span head, span body, size_t step)
{
    *seen = (struct seen){.fault = SMTP_DATA_WHOLE};
    seen->content = BUF_OVER(seen->room);
    conf = smtp_server_conf_default(SPAN("mx.herald.test"));
    conf.line_endings = policy;
    out = BUF_OVER(out_room);
    smtp_server_init(&server, &conf, &out);
    smtp_server_feed(&server, head, 0);
    take(seen);
    for (size_t at = 0; at < body.n; at += step) {
        smtp_server_feed(&server, span_head(span_skip(body, at), step), 0);
        take(seen);
    }
}

/* What content must come of lines as they are, and whether there is a bare CR, LF or NUL in them.
 */
static unsigned lines_of(span s, bool dots, enum dot_policy policy, struct buf *content)
{
    unsigned faults = 0;
    bool start = true;

    for (size_t i = 0; i < s.n; i++) {
        bool crlf = s.p[i] == '\r' && i + 1 < s.n && s.p[i + 1] == '\n';

        if (!crlf && (s.p[i] == '\r' || s.p[i] == '\n')) {
            faults |= (unsigned)DOT_BARE_CR;
            buf_put(content, policy == DOT_NORMALISE ? SPAN("\r\n") : span_of(s.p + i, 1));
        } else if (crlf) {
            buf_put(content, SPAN("\r\n"));
            i++;
        } else if (!(dots && start && s.p[i] == '.')) {
            faults |= s.p[i] == '\0' ? (unsigned)DOT_NUL : 0;
            buf_putc(content, s.p[i]);
        }
        start = crlf;
    }
    return faults;
}

static void compare(const struct seen *seen, span text, unsigned faults, enum dot_policy policy,
                    const struct buf *content)
{
    bool bad = (faults & DOT_NUL) != 0 || (faults != 0 && policy == DOT_STRICT);

    if ((seen->fault != SMTP_DATA_WHOLE) != bad ||
        (!bad && !span_eq(buf_span(&seen->content), buf_span(content)))) {
        for (size_t i = 0; i < text.n; i++)
            print_error("%02x ", (unsigned)(unsigned char)text.p[i]);
        fail_msg("policy %d: fault %d, faults %u, content of %zu", (int)policy, (int)seen->fault,
                 faults, seen->content.n);
    }
}

/* DATA: the message is all in front of the first CRLF.CRLF, and what stands behind that are
 * commands. */
static void by_data(span text, enum dot_policy policy, size_t step)
{
    char room[256];
    char expected[256];
    struct buf body = BUF_OVER(room);
    struct buf content = BUF_OVER(expected);
    struct seen seen;
    span inside;
    size_t end;

    buf_put(&body, SPAN("x\r\n"));
    buf_put(&body, text);
    buf_put(&body, hidden);
    buf_put(&body, SPAN(".\r\nNOOP\r\n"));
    end = span_search(buf_span(&body), SPAN("\r\n.\r\n"));
    inside = span_head(buf_span(&body), end + 2);
    play(&seen, policy,
         SPAN("EHLO c\r\nMAIL FROM:<a@c.example>\r\nRCPT TO:<b@d.example>\r\nDATA\r\n"),
         buf_span(&body), step);
    assert_int_equal(seen.ends, 1);
    assert_int_equal(seen.noops, 1);
    if (span_search(inside, hidden) < inside.n)
        assert_int_equal(seen.mails, 1);
    compare(&seen, text, lines_of(inside, true, policy, &content), policy, &content);
}

/* BDAT: the message is what was counted, cut into two chunks at `cut`. */
static void by_bdat(span text, enum dot_policy policy, bool binary, size_t step, size_t cut)
{
    char room[512];
    char whole_room[256];
    char expected[256];
    struct buf body = BUF_OVER(room);
    struct buf whole = BUF_OVER(whole_room);
    struct buf content = BUF_OVER(expected);
    struct seen seen;
    unsigned faults = 0;

    buf_put(&whole, SPAN("A: b\r\n\r\n"));
    buf_put(&whole, text);
    buf_put(&whole, hidden);
    buf_put(&whole, text);
    buf_printf(&body, "BDAT %zu\r\n", cut);
    buf_put(&body, span_head(buf_span(&whole), cut));
    buf_printf(&body, "BDAT %zu LAST\r\n", whole.n - cut);
    buf_put(&body, span_skip(buf_span(&whole), cut));
    buf_put(&body, SPAN("RSET\r\nNOOP\r\n"));
    play(&seen, policy,
         binary ? SPAN("EHLO c\r\nMAIL FROM:<> BODY=BINARYMIME\r\nRCPT TO:<b@d.example>\r\n")
                : SPAN("EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<b@d.example>\r\n"),
         buf_span(&body), step);
    assert_int_equal(seen.ends, 1);
    assert_int_equal(seen.noops, 1);
    assert_int_equal(seen.mails, 1);
    if (binary)
        buf_put(&content, buf_span(&whole));
    else
        faults = lines_of(buf_span(&whole), false, policy, &content);
    compare(&seen, text, faults, policy, &content);
}

static void each_way(span text, enum dot_policy policy)
{
    by_data(text, policy, SIZE_MAX / 2);
    by_data(text, policy, 1);
    for (size_t cut = 7; cut <= 9 + text.n; cut++)
        by_bdat(text, policy, false, SIZE_MAX / 2, cut);
    by_bdat(text, policy, false, 1, 9);
    by_bdat(text, policy, true, SIZE_MAX / 2, 9);
    by_bdat(text, policy, true, 1, 7);
}

static void no_text_is_a_command(void **state)
{
    size_t count = 1;
    size_t texts = 0;

    (void)state;
    for (size_t length = 1; length <= LENGTH; length++) {
        count *= LETTERS;
        for (size_t n = 0; n < count; n++, texts++) {
            char text[LENGTH];

            for (size_t i = 0, k = n; i < length; i++, k /= LETTERS)
                text[i] = ALPHABET[k % LETTERS];
            each_way(span_of(text, length), DOT_STRICT);
            each_way(span_of(text, length), DOT_NORMALISE);
        }
    }
    print_message("%zu texts\n", texts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_text_is_a_command)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
