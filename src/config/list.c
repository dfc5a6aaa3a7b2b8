/* SPDX-License-Identifier: ISC */
#include "config/list.h"

#include <stdlib.h>

#include "config/idn.h"
#include "config/map.h"
#include "config/table.h"
#include "name/domain.h"
#include "name/path.h"

#define LABEL_GROWTH 4 /* one letter of two octets becomes an A-label of seven */

/* A domain that is there already is fine: lists overlap. */
static const char *add_domain(struct config_table *t, span key, span value)
{
    struct domain d = domain_parse(config_idn(t->load->pool, key));

    (void)value;
    if (span_starts(key, SPAN("*")) || span_starts(key, SPAN(".")))
        return "a pattern: each domain is listed by its own name";
    if ((d.faults & ~DOMAIN_FORGIVABLE) != 0)
        return domain_fault_text(d.faults & ~DOMAIN_FORGIVABLE);
    if (d.numeric)
        return "an address, not a domain";
    config_map_put(t->to, d.text, SPAN_NONE);
    return NULL;
}

bool config_list_read_domains(struct config_load *load, const struct config_value *value,
                              struct config_map *map)
{
    struct config_table t = {.load = load, .add = add_domain, .to = map};
    bool fine = config_table_read_list(&t, value);

    config_map_trim(map);
    return fine;
}

/* Why a target of an alias is not used; NULL when it is. */
static const char *target_fault(span target)
{
    struct path path;

    if (target.n == 0)
        return "an empty target";
    if (target.p[0] == '|')
        return "a command as target: herald starts no programs; this target is left out";
    if (target.p[0] == '/')
        return "a file as target: herald delivers to mailboxes; this target is left out";
    if (span_istarts(target, SPAN(":include:")))
        return "an include as target: write the addresses here; this target is left out";
    if (!span_has(target, '@'))
        return span_has(target, ' ') ? "a blank in a target" : NULL;
    if (path_parse_address(target, PATH_ALLOW_UTF8, &path) != PATH_FINE)
        return "the target is not an address";
    return NULL;
}

static span unquoted(span s)
{
    if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
        return span_of(s.p + 1, s.n - 2);
    return s;
}

/* Take a target up to the next comma outside quotes. */
static bool target_take(span *rest, span *out)
{
    bool quoted = false;
    size_t n = 0;

    if (rest->n == 0)
        return false;
    while (n < rest->n && (quoted || rest->p[n] != ',')) {
        quoted = quoted != (rest->p[n] == '"');
        n++;
    }
    *out = span_trim(span_head(*rest, n));
    *rest = span_skip(*rest, n + 1);
    return true;
}

/* An address as look-ups ask for it; a name alone stays as it is. */
static void put_address(struct buf *b, span text)
{
    struct path path;

    if (span_has(text, '@') && path_parse_address(text, PATH_ALLOW_UTF8, &path) == PATH_FINE)
        config_idn_put_path(b, &path);
    else
        buf_put(b, text);
}

/* The targets of the text as the value of an alias. */
static void targets_put(struct config_table *t, span text, struct buf *value)
{
    span target;

    while (target_take(&text, &target)) {
        span plain = unquoted(target);
        const char *why = target_fault(plain);

        if (target.n == 0)
            continue;
        if (why != NULL)
            config_table_bad(t, target, why);
        else if (!span_has(plain, '\0')) {
            put_address(value, plain);
            buf_putc(value, '\0');
        }
    }
}

/* "name: targets", possibly joined from several lines. */
static const char *add_alias(struct config_table *t, span line, span none)
{
    size_t colon = span_find(line, ':');
    span name = unquoted(span_trim(span_head(line, colon)));
    size_t room = LABEL_GROWTH * line.n + 2;
    char text[CONFIG_MAP_NAME_MAX_BYTES];
    struct buf key = BUF_OVER(text);
    struct buf value = buf_over(malloc(room), room);
    const char *why = NULL;

    (void)none;
    BUG_IF(value.p == NULL, "out of memory");
    put_address(&key, name);
    targets_put(t, span_skip(line, colon + 1), &value);
    if (colon == line.n || name.n == 0)
        why = "not of the form \"name: target, target\"";
    else if (value.overflow || key.overflow)
        why = "names too long for an alias";
    else if (value.n == 0)
        why = "the alias has no target that can be used";
    else if (!config_map_put(t->to, buf_span(&key), buf_span(&value)))
        why = "this alias stands here twice; the first one counts";
    free(value.p);
    return why;
}

bool config_list_read_aliases(struct config_load *load, const struct config_value *path,
                              struct config_map *map)
{
    struct config_table t = {.load = load, .add = add_alias, .to = map};
    bool fine = config_table_read(&t, &path->where, CONFIG_TABLE_JOINED, path->text);

    config_map_trim(map);
    return fine;
}
