/* SPDX-License-Identifier: ISC */
#include "config/login.h"

#include "base/ascii.h"
#include "base/num.h"

#define SCRAM SPAN("SCRAM-SHA-256$")
#define PLAIN SPAN("{PLAIN}")

static bool is_base64(span s)
{
    size_t n = s.n;

    while (n > 0 && s.n - n < 2 && s.p[n - 1] == '=')
        n--;
    for (size_t i = 0; i < n; i++)
        if (!ascii_is_alnum(s.p[i]) && s.p[i] != '+' && s.p[i] != '/')
            return false;
    return n > 0 && s.n % 4 == 0;
}

/* Cut s at the next c, which must be there. */
static bool take(span *s, char c, span *out)
{
    size_t at = span_find(*s, c);

    *out = span_head(*s, at);
    if (at == s->n)
        return false;
    *s = span_skip(*s, at + 1);
    return true;
}

static bool read_scram(span form, struct config_login *login)
{
    span rest = span_skip(form, SCRAM.n), n;
    uint64_t iterations;

    if (login->scram.n != 0 || !take(&rest, ':', &n) || !take(&rest, '$', &login->salt) ||
        !take(&rest, ':', &login->stored_key) ||
        !num_parse_u64(n, LOGIN_SCRAM_ITERATIONS_MAX, &iterations))
        return false;
    login->server_key = rest;
    login->iterations = (unsigned)iterations;
    login->scram = form;
    return iterations >= LOGIN_SCRAM_ITERATIONS_MIN && is_base64(login->salt) &&
           is_base64(login->stored_key) && is_base64(login->server_key);
}

bool config_login_parse(span forms, struct config_login *out)
{
    struct config_login login = {0};

    forms = span_trim(forms);
    while (forms.n != 0) {
        span form = span_head(forms, span_find(forms, ' '));

        if (span_has(form, '\0') || (form.n > LOGIN_FORM_BYTES && !span_starts(form, PLAIN)))
            return false;
        if (span_starts(form, PLAIN)) {
            login.plain = span_skip(forms, PLAIN.n);
            form = forms;
        } else if (span_starts(form, SCRAM)) {
            if (!read_scram(form, &login))
                return false;
        } else if (span_starts(form, SPAN("$")) && login.crypt.n == 0) {
            login.crypt = form;
        } else {
            return false;
        }
        forms = span_trim(span_skip(forms, form.n));
    }
    if (login.plain.n == 0 && login.scram.n == 0 && login.crypt.n == 0)
        return false;
    *out = login;
    return true;
}
