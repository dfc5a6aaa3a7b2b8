/* SPDX-License-Identifier: ISC */
#include "cli/scenario.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/escape.h"
#include "cli/cli.h"
#include "dns/wire.h"

#define SCRIPT_ROWS  8192u
#define SCRIPT_BYTES (4u << 20)
#define TYPE_OTHER   65280u /* for private use (RFC 6895 3.1) */
/* One octet more than an answer keeps is enough to have it cut there. */
#define TEXT_MAX_BYTES (DNS_ANSWER_MAX_BYTES + 1u)

static span text_of(const json_t *value)
{
    if (!json_is_string(value))
        return SPAN_NONE;
    return span_of(json_string_value(value), json_string_length(value));
}

span scenario_text(const json_t *object, const char *key)
{
    return text_of(json_object_get(object, key));
}

void scenario_put_id(struct buf *out, const json_t *scenario)
{
    const json_t *id = json_object_get(scenario, "id");

    if (json_is_string(id))
        escape_json(out, text_of(id));
    else if (json_is_integer(id))
        buf_printf(out, "%lld", (long long)json_integer_value(id));
    else
        buf_put(out, SPAN("null"));
}

/* ---- the "dns" list ---- */

/* A TXT record of several strings is the text of all, joined. */
static enum err add_strings(struct dns_script *s, span name, enum dns_type type,
                            const json_t *strings)
{
    static char joined[TEXT_MAX_BYTES];
    struct buf text = BUF_OVER(joined);
    const json_t *piece;
    size_t i;

    if (type != DNS_TXT)
        return ERR_SYNTAX;
    json_array_foreach(strings, i, piece)
    {
        if (!json_is_string(piece))
            return ERR_SYNTAX;
        buf_put(&text, span_head(text_of(piece), text.cap - text.n));
    }
    return dns_script_add(s, name, type, buf_span(&text));
}

static enum err add_record(struct dns_script *s, span name, enum dns_type type,
                           const json_t *record)
{
    if (json_is_array(record))
        return add_strings(s, name, type, record);
    if (!json_is_string(record))
        return ERR_SYNTAX;
    return dns_script_add(s, name, type, span_head(text_of(record), TEXT_MAX_BYTES));
}

static enum err add_data(struct dns_script *s, span name, enum dns_type type, const json_t *data)
{
    const json_t *record;
    size_t i;

    if (!json_is_array(data))
        return add_record(s, name, type, data);
    if (json_array_size(data) == 0)
        return dns_script_add_status(s, name, type, DNS_NODATA);
    json_array_foreach(data, i, record)
    {
        enum err e = add_record(s, name, type, record);

        if (e != ERR_OK)
            return e;
    }
    return ERR_OK;
}

/* A name that DNS cannot hold can be listed, and does not exist all the same. */
static bool can_exist(span name)
{
    char text[DNS_NAME_MAX_BYTES];
    struct buf canonical = BUF_OVER(text);

    return dns_name_canonical(&canonical, name);
}

static enum err add_row(struct dns_script *s, const json_t *row)
{
    span name = scenario_text(row, "name");
    span type_word = scenario_text(row, "type");
    const json_t *data = json_object_get(row, "data");
    enum dns_type type = DNS_A;
    enum dns_status status;

    if (!json_is_string(json_object_get(row, "name")))
        return ERR_SYNTAX;
    if (!can_exist(name))
        return ERR_OK;
    /* Records that nobody here asks for: all they say is that the name exists. */
    if (type_word.n > 0 && (!dns_type_parse(type_word, &type) || !dns_script_lists(type)))
        return dns_script_add_status(s, name, TYPE_OTHER, DNS_NODATA);
    if (data != NULL)
        return type_word.n > 0 ? add_data(s, name, type, data) : ERR_SYNTAX;
    if (!dns_status_parse(scenario_text(row, "status"), &status))
        return ERR_SYNTAX;
    return dns_script_add_status(s, name, type_word.n > 0 ? type : 0u, status);
}

static enum err load_dns(struct dns_script *s, const json_t *list, struct diag *d)
{
    const json_t *row;
    size_t i;

    if (list == NULL || json_is_null(list))
        return ERR_OK;
    if (!json_is_array(list))
        return diag_set(d, ERR_SYNTAX, 0, "\"dns\" is not a list");
    json_array_foreach(list, i, row)
    {
        enum err e = add_row(s, row);

        if (e != ERR_OK)
            return diag_set(d, e, 0, "entry %zu of \"dns\": %s", i + 1, err_text(e));
    }
    return ERR_OK;
}

/* ---- lines ---- */

static void put_error(struct buf *out, const json_t *scenario, const struct diag *d)
{
    buf_reset(out);
    buf_put(out, SPAN("{\"id\":"));
    scenario_put_id(out, scenario);
    buf_put(out, SPAN(",\"error\":"));
    escape_json(out, span_cstr(d->text));
    buf_putc(out, '}');
}

/* One line of output for one of input; false when it was no scenario. */
static bool run_line(span line, scenario_run run, void *context, struct buf *out, struct diag *d)
{
    static struct dns_script_row rows[SCRIPT_ROWS];
    static char memory[SCRIPT_BYTES];
    struct dns_script script;
    json_error_t error;
    json_t *scenario = json_loadb(line.p, line.n, JSON_ALLOW_NUL, &error);
    enum err e = ERR_OK;

    if (!json_is_object(scenario))
        e = diag_set(d, ERR_SYNTAX, 0, "no JSON object: %s",
                     scenario == NULL ? error.text : "another value");
    dns_script_init(&script, rows, COUNT(rows), BUF_OVER(memory));
    if (e == ERR_OK)
        e = load_dns(&script, json_object_get(scenario, "dns"), d);
    if (e == ERR_OK)
        e = run(context, scenario, &script, out, d);
    if (e == ERR_OK && out->overflow)
        e = diag_set(d, ERR_LIMIT, 0, "the result is too large");
    if (e != ERR_OK)
        put_error(out, scenario, d);
    json_decref(scenario);
    return e == ERR_OK;
}

static int run_file(FILE *in, const char *path, scenario_run run, void *context)
{
    static char room[SCENARIO_OUT_BYTES];
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    int code = CLI_OK;

    for (unsigned number = 1; (n = getline(&line, &cap, in)) >= 0; number++) {
        struct diag d = {.file = path, .line = number};
        struct buf out = BUF_OVER(room);
        span text = span_trim(span_of(line, (size_t)n - (n > 0 && line[n - 1] == '\n')));

        if (text.n == 0)
            continue;
        if (!run_line(text, run, context, &out, &d))
            code = cli_fail_diag(ERR_SYNTAX, &d);
        buf_putc(&out, '\n');
        if (fwrite(out.p, 1, out.n, stdout) != out.n)
            break;
    }
    free(line);
    if (ferror(in) || fflush(stdout) != 0)
        return cli_fail(CLI_IO, "%s: %s", path, strerror(errno));
    return code;
}

int scenario_run_all(const char *path, scenario_run run, void *context)
{
    bool is_stdin = span_eq(span_cstr(path), SPAN("-"));
    FILE *in = is_stdin ? stdin : fopen(path, "re");
    int code;

    if (in == NULL)
        return cli_fail(CLI_IO, "%s: %s", path, strerror(errno));
    code = run_file(in, path, run, context);
    if (!is_stdin)
        (void)fclose(in);
    return code;
}
