/* SPDX-License-Identifier: ISC */
#include "../guard.h"
#include "base/buf.h"
#include "explain/words.h"

static const struct {
    const char *text;
    const char *words; /* in lower case, apart by blanks; classes as <ip> and so on; key= */
} cases[] = {
    {"Helo command rejected: need fully-qualified hostname",
     "helo command rejected need fully qualified hostname"},
    {"Invalid HeloHost (#5.5.0)", "invalid helo host"},
    {"smtplib.SMTPHeloError: (501, b'Bad')", "smtplib smtp helo error 501 b bad"},
    {"554 Sorry, no FCrDNS match, rDNS too", "sorry no fcrdns match rdns too"},
    {"User doesn't exist", "user doesn't exist"},
    {"550-5.7.1 one\n550 5.7.1 two", "one two"},
    {"554-mail.com (mx) 554-No SMTP", "<host> mx no smtp"},
    {"(See RFC2821 4.1.1.1)", "see rfc2821 <ip>"},
    {"(See RFC2821 4.1.3)", "see rfc2821 4 1 3"},
    {"[192.0.2.7]:25 [IPv6:2001:db8::7] ::1", "<ip> 25 ipv6 <ip> <ip>"},
    {"<user@example.org>: <web_1>: bob@[192.0.2.1]", "<mailbox> <name> <mailbox>"},
    {"helo=<x> from=<a@b.c> Why?s=helo;id=mail.example.com",
     "helo= <name> from= <mailbox> why s= helo id= <host>"},
    {"denied.Please see zen.spamhaus.org.", "denied please see <host>"},
    {"line\\r\\nnext", "line next"},
    {"", ""},
};

static void put_word(char *out, size_t cap, span text, const struct word *w)
{
    static const char *const names[WORD_CLASS_COUNT] = {[WORD_IP] = "<ip>",
                                                        [WORD_HOST] = "<host>",
                                                        [WORD_MAILBOX] = "<mailbox>",
                                                        [WORD_NAME] = "<name>"};
    size_t n = strlen(out);
    struct buf b = buf_over(out + n, cap - n - 1);

    if (n > 0)
        buf_putc(&b, ' ');
    if (names[w->is] != NULL && !w->key)
        buf_put(&b, span_cstr(names[w->is]));
    else
        buf_put_lower(&b, span_of(text.p + w->at, w->end - w->at));
    if (w->key)
        buf_putc(&b, '=');
    out[n + b.n] = '\0';
}

static void words_are_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        span text = guard_copy(span_cstr(cases[i].text));
        struct words words = words_of(text);
        struct word w;
        char got[1024] = "";

        while (words_next(&words, &w))
            put_word(got, sizeof got, text, &w);
        assert_string_equal(got, cases[i].words);
    }
}

static void sentences_are_apart(void **state)
{
    struct words words = words_of(SPAN("one two. three"));
    struct word a, b, c;

    (void)state;
    assert_true(words_next(&words, &a) && words_next(&words, &b) && words_next(&words, &c));
    assert_int_equal(b.place - a.place, 1);
    assert_int_equal(c.place - b.place, 1 + SENTENCE_GAP);
    assert_false(words_next(&words, &c));
}

static void enhanced_codes_are_told_from_others(void **state)
{
    static const struct {
        const char *text;
        size_t n;
    } codes[] = {{"5.7.1 x", 5},  {"4.7.25", 6}, {"5.1.10", 6}, {"4.1.1.1", 0}, {"3.1.1", 0},
                 {"5.7.1234", 0}, {"5.7", 0},    {"5.7.1a", 0}, {"", 0}};

    (void)state;
    for (size_t i = 0; i < COUNT(codes); i++)
        assert_int_equal(words_enhanced(guard_copy(span_cstr(codes[i].text)), 0), codes[i].n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_found),
        cmocka_unit_test(sentences_are_apart),
        cmocka_unit_test(enhanced_codes_are_told_from_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
