/* SPDX-License-Identifier: ISC */
/* From an address to the path of its Maildir; nothing in an address can leave the place it is
 * given. */
#include "base/ascii.h"
#include "base/hash.h"
#include "store/maildir.h"

#define SAFE_PUNCTUATION "-_+=~#&,@"

static void put_octet(struct buf *b, char c, bool first, bool last)
{
    bool dot = c == '.' && !first && !last;

    if (ascii_is_alnum(c) || dot || (c != '\0' && span_has(SPAN(SAFE_PUNCTUATION), c)))
        buf_putc(b, ascii_lower(c));
    else
        buf_printf(b, "%%%02X", (unsigned)(unsigned char)c);
}

/* One part as a file name. Inner dots stay, but two in a row never do. */
static void put_name(struct buf *out, span part)
{
    char memory[3 * 320];
    struct buf b = BUF_OVER(memory);
    span name;

    for (size_t i = 0; i < part.n; i++) {
        bool after_dot = i > 0 && part.p[i - 1] == '.';

        put_octet(&b, part.p[i], i == 0 || after_dot, i + 1 == part.n);
    }
    if (b.overflow) {
        out->overflow = true;
        return;
    }
    name = buf_span(&b);
    if (name.n <= MAILDIR_NAME_BYTES) {
        buf_put(out, name);
        return;
    }
    /* Too long for a file name: cut, and told apart from others cut at the same place. */
    buf_put(out, span_head(name, MAILDIR_NAME_BYTES - 17));
    buf_printf(out, "%%%016llx", (unsigned long long)hash_keyed((struct hash_key){0, 0}, name));
}

enum err maildir_path(span tmpl, span address, struct buf *out)
{
    static const span user_word = SPAN_INIT("{user}"), domain_word = SPAN_INIT("{domain}");
    size_t at = span_rfind(address, '@');
    span user = span_head(address, at);
    span domain = span_skip(address, at + 1);

    while (tmpl.n != 0) {
        bool is_user = span_starts(tmpl, user_word);
        bool is_domain = span_starts(tmpl, domain_word);

        if ((is_user && user.n == 0) || (is_domain && domain.n == 0))
            return ERR_SYNTAX;
        if (is_user || is_domain)
            put_name(out, is_user ? user : domain);
        else
            buf_putc(out, tmpl.p[0]);
        tmpl = span_skip(tmpl, is_user ? user_word.n : is_domain ? domain_word.n : 1);
    }
    return buf_cstr(out) != NULL ? ERR_OK : ERR_LIMIT;
}
