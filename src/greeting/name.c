/* SPDX-License-Identifier: ISC */
#include "greeting/name.h"

#include "base/ascii.h"
#include "name/literal.h"
#include "name/special.h"

#define ARGUMENT_MAX_BYTES 255u /* RFC 5321 4.5.3.1.2 */

bool greeting_name_is_localhost(span normal)
{
    return domain_eq(normal, SPAN("localhost")) || domain_is_under(normal, SPAN("localhost")) ||
           domain_eq(normal, SPAN("localhost.localdomain"));
}

bool greeting_name_is_reserved(span normal)
{
    return span_has(normal, '.') && special_name(normal) != SPECIAL_NOT;
}

bool greeting_name_is_special(span normal)
{
    return special_name(normal) == SPECIAL_NEVER;
}

static bool has_control(span s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (ascii_is_control(s.p[i]))
            return true;
    }
    return false;
}

static span without_blanks(span s)
{
    while (s.n > 0 && ascii_is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

/* ---- literals ---- */

static void spoil(struct greeting_name *n, enum greeting_form form, const char *text)
{
    n->syntax = SYNTAX_INVALID;
    n->form = form;
    n->fault_text = text;
}

/* Old clients put words behind the literal; RFC 5321 4.1.1.1 advises to expect it. */
static bool is_tolerable(span trailing)
{
    return ascii_is_blank(trailing.p[0]) && !has_control(trailing);
}

static void read_literal(struct greeting_name *n, const struct literal *l, bool is_helo)
{
    n->addr = l->addr;
    if (l->kind == LITERAL_MALFORMED) {
        spoil(n, FORM_MALFORMED, literal_fault_text(l->fault));
    } else if (l->trailing.n > 0 && !is_tolerable(l->trailing)) {
        spoil(n, FORM_MALFORMED, "something other than a comment after the literal");
    } else if (l->kind == LITERAL_GENERAL) {
        spoil(n, FORM_GENERAL_LITERAL, "no such kind of literal is registered");
    } else {
        n->form = l->kind == LITERAL_V4 ? FORM_IPV4_LITERAL : FORM_IPV6_LITERAL;
        n->syntax = l->trailing.n > 0 ? SYNTAX_TOLERATE
                    : is_helo         ? SYNTAX_NOT_FOR_HELO
                                      : SYNTAX_VALID;
    }
}

/* ---- names and bare addresses ---- */

static enum greeting_form form_of(span s, const struct domain *d, struct ip_addr *addr)
{
    if (ip_addr_parse(s, addr))
        return span_has(s, ':') ? FORM_BARE_IPV6 : FORM_BARE_IPV4;
    if ((d->faults & ~DOMAIN_FORGIVABLE) != 0)
        return FORM_MALFORMED;
    if (d->numeric_tail)
        return FORM_NUMERIC_NAME;
    return d->labels >= 2 ? FORM_FQDN : FORM_SINGLE_LABEL;
}

static unsigned traits_of_name(span normal)
{
    unsigned traits = 0;

    if (greeting_name_is_localhost(normal))
        traits |= TRAIT_LOCALHOST;
    else if (greeting_name_is_reserved(normal))
        traits |= TRAIT_RESERVED_TLD;
    return traits;
}

static void read_name(struct greeting_name *n, span s)
{
    struct domain d = domain_parse(s);
    struct buf normal = BUF_OVER(n->room);

    n->faults = d.faults;
    n->fault_text = domain_fault_text(d.faults);
    n->syntax = domain_is_valid(&d) ? SYNTAX_VALID : SYNTAX_INVALID;
    n->form = s.n == 0 ? FORM_EMPTY : form_of(s, &d, &n->addr);
    if (n->form == FORM_FQDN || n->form == FORM_SINGLE_LABEL) {
        domain_put(&normal, &d);
        n->normal = buf_span(&normal);
        n->traits |= traits_of_name(n->normal);
    }
    if (d.faults == 0 || (d.faults & ~DOMAIN_FORGIVABLE) != 0)
        return;
    n->traits |= (d.faults & DOMAIN_UNDERSCORE) != 0 ? (unsigned)TRAIT_UNDERSCORE : 0u;
    n->traits |= (d.faults & DOMAIN_TRAILING_DOT) != 0 ? (unsigned)TRAIT_TRAILING_DOT : 0u;
}

void greeting_name_read(struct greeting_name *n, span argument, bool is_helo)
{
    const unsigned hopeless =
        DOMAIN_EMPTY | DOMAIN_CONTROL | DOMAIN_SPACE | DOMAIN_LONG | DOMAIN_LONG_LABEL;
    span s = without_blanks(argument);
    struct literal l = literal_parse(s);

    memset(n, 0, sizeof(*n));
    n->fault_text = "";
    if (l.kind != LITERAL_NONE)
        read_literal(n, &l, is_helo);
    else
        read_name(n, s);
    if ((n->faults & hopeless) != 0 || s.n > ARGUMENT_MAX_BYTES || has_control(s) ||
        (n->form == FORM_MALFORMED && span_has(s, ' ')))
        n->traits |= TRAIT_IMPOSSIBLE;
    if (s.n > ARGUMENT_MAX_BYTES && n->syntax != SYNTAX_INVALID)
        spoil(n, n->form, "more than 255 octets");
}

/* ---- names that look dynamic ---- */

#define NUMBERS_MAX 32u

/* The runs of decimal digits in a name, as numbers; what is too large counts as no octet. */
static size_t numbers_of(span s, unsigned numbers[NUMBERS_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < s.n && n < NUMBERS_MAX;) {
        unsigned number = 0;

        if (!ascii_is_digit(s.p[i])) {
            i++;
            continue;
        }
        for (; i < s.n && ascii_is_digit(s.p[i]); i++)
            number = number < 1000 ? number * 10 + (unsigned)(s.p[i] - '0') : 1000;
        numbers[n++] = number;
    }
    return n;
}

/* The four octets stand side by side in the name, in either order. */
static bool holds_octets(span s, const uint8_t octet[4])
{
    unsigned numbers[NUMBERS_MAX];
    size_t n = numbers_of(s, numbers);

    for (size_t i = 0; i + 4 <= n; i++) {
        bool forward = true;
        bool backward = true;

        for (size_t k = 0; k < 4; k++) {
            forward = forward && numbers[i + k] == octet[k];
            backward = backward && numbers[i + k] == octet[3 - k];
        }
        if (forward || backward)
            return true;
    }
    return false;
}

/* The address as 8 hexadecimal digits or as 12 decimal ones. */
static bool holds_run(span s, const uint8_t octet[4])
{
    char room[32];
    struct buf hex = BUF_OVER(room);

    buf_printf(&hex, "%02x%02x%02x%02x", octet[0], octet[1], octet[2], octet[3]);
    if (span_search(s, buf_span(&hex)) < s.n)
        return true;
    buf_reset(&hex);
    buf_printf(&hex, "%03u%03u%03u%03u", octet[0], octet[1], octet[2], octet[3]);
    return span_search(s, buf_span(&hex)) < s.n;
}

/* The interface part of an IPv6 address: its last four groups joined by hyphens, or bare. */
static bool holds_interface(span s, const uint8_t octet[16])
{
    char room[40];
    struct buf text = BUF_OVER(room);
    bool zero = true;

    for (size_t i = 8; i < 16; i++)
        zero = zero && octet[i] == 0;
    if (zero)
        return false;
    for (size_t i = 8; i < 16; i++)
        buf_printf(&text, i % 2 == 0 && i > 8 ? "-%02x" : "%02x", octet[i]);
    if (span_search(s, buf_span(&text)) < s.n)
        return true;
    buf_reset(&text);
    for (size_t i = 8; i < 16; i++)
        buf_printf(&text, "%02x", octet[i]);
    return span_search(s, buf_span(&text)) < s.n;
}

static bool is_pool_word(span word)
{
    static const span words[] = {
        SPAN_INIT("dyn"),    SPAN_INIT("dynamic"),   SPAN_INIT("dsl"),   SPAN_INIT("adsl"),
        SPAN_INIT("vdsl"),   SPAN_INIT("pool"),      SPAN_INIT("dhcp"),  SPAN_INIT("dialup"),
        SPAN_INIT("dialin"), SPAN_INIT("ppp"),       SPAN_INIT("pppoe"), SPAN_INIT("cable"),
        SPAN_INIT("fios"),   SPAN_INIT("broadband"), SPAN_INIT("wlan"),  SPAN_INIT("dip"),
    };

    for (size_t i = 0; i < COUNT(words); i++) {
        if (span_eq(word, words[i]))
            return true;
    }
    return false;
}

/* A pool's word as a word of its own, with digits beside it: "pool-7.dsl.example.net". */
static bool reads_like_pool(span s)
{
    bool digits = false;
    bool word = false;

    for (size_t i = 0; i < s.n;) {
        size_t start = i;

        while (i < s.n && ascii_is_alpha(s.p[i]))
            i++;
        word = word || is_pool_word(span_of(s.p + start, i - start));
        if (i < s.n) {
            digits = digits || ascii_is_digit(s.p[i]);
            i++;
        }
    }
    return word && digits;
}

/* All but the last two labels: "dyn" in a registered domain says nothing. Empty when there are
 * only two. */
static span host_part(span normal)
{
    span rest = span_head(normal, span_rfind(normal, '.'));
    size_t dot = span_rfind(rest, '.');

    return dot < rest.n ? span_head(rest, dot) : SPAN_NONE;
}

bool greeting_name_is_generic(span normal, struct ip_addr client)
{
    span host = host_part(normal);

    if (host.n == 0)
        return false;
    if (client.family == IP_V4 &&
        (holds_octets(host, client.octet) || holds_run(host, client.octet)))
        return true;
    if (client.family == IP_V6 && holds_interface(host, client.octet))
        return true;
    return reads_like_pool(host);
}
