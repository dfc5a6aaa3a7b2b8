/* SPDX-License-Identifier: ISC */
#include "config/list.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "base/ascii.h"
#include "config/login.h"
#include "config/map.h"
#include "config/source.h"
#include "name/domain.h"
#include "name/path.h"

/* One file being read. `add` says why a line is bad, or NULL. */
struct lines {
    struct config_load *load;
    struct config_map *map;
    struct config_where where;
    unsigned bad;
    bool secret; /* lines are not shown, memory is wiped, others may not read the file */
    const char *(*add)(struct lines *l, span line);
};

static void bad_line(struct lines *l, span line, const char *why)
{
    l->bad++;
    if (l->secret)
        line = span_head(line, span_find(line, ':'));
    if (l->bad <= CONFIG_LIST_WARNINGS_MAX)
        config_load_warn(l->load, &l->where, line, why);
}

static bool is_skipped(span line)
{
    return line.n == 0 || line.p[0] == '#';
}

/* The octets of a file named by a value; they are the caller's to free. */
static bool file_open(struct config_load *load, const struct config_where *where, span path,
                      struct config_source *out_text)
{
    enum err e;
    int sys = 0;

    if (path.n == 0 || span_has(path, '\0')) {
        config_load_complain(load, where, path, "not the path of a file");
        return false;
    }
    path = config_tree_path_from(load->pool, path, where->file);
    e = config_source_read(path.p, CONFIG_LIST_MAX_BYTES, out_text, &sys);
    if (e != ERR_OK)
        config_load_complain(load, where, path, sys != 0 ? strerror(sys) : err_text(e));
    return e == ERR_OK;
}

static bool file_lines(struct lines *l, const struct config_where *where, span path)
{
    struct config_source text;
    span rest, line;

    if (!file_open(l->load, where, path, &text))
        return false;
    l->where =
        (struct config_where){config_tree_path_from(l->load->pool, path, where->file).p, 0, 0};
    rest = config_source_span(&text);
    while (span_line(&rest, &line)) {
        const char *why;

        l->where.line++;
        line = span_trim(line);
        why = is_skipped(line) ? NULL : l->add(l, line);
        if (why != NULL)
            bad_line(l, line, why);
    }
    if (l->bad > CONFIG_LIST_WARNINGS_MAX) {
        l->where.line = 0;
        config_load_warn(l->load, &l->where, SPAN_NONE, "more lines are bad than are named here");
    }
    if (l->secret)
        explicit_bzero(text.p, text.n);
    config_source_free(&text);
    config_map_trim(l->map);
    return true;
}

/* A file that holds secrets is for its owner and group alone. */
static bool is_private(const struct lines *l, const struct config_where *where, span path)
{
    struct stat st;

    path = config_tree_path_from(l->load->pool, path, where->file);
    if (config_map_count(l->map) == 0 || stat(path.p, &st) != 0 || (st.st_mode & S_IRWXO) == 0)
        return true;
    config_load_complain(l->load, where, path,
                         "this file holds secrets and everybody can read it: chmod 0600");
    return false;
}

/* A domain that is there already is fine: lists overlap. */
static const char *add_domain(struct lines *l, span line)
{
    struct domain d = domain_parse(line);

    if ((d.faults & ~DOMAIN_FORGIVABLE) != 0)
        return domain_fault_text(d.faults & ~DOMAIN_FORGIVABLE);
    if (d.numeric)
        return "an address, not a domain";
    config_map_put(l->map, d.text, SPAN_NONE);
    return NULL;
}

bool config_list_read_domains(struct config_load *load, const struct config_value *value,
                              struct config_map *map)
{
    struct lines l = {.load = load, .map = map, .add = add_domain};
    bool fine = value->kind == CONFIG_LIST;

    if (!fine)
        config_load_complain(load, &value->where, value->text, NULL);
    for (const struct config_value *v = value->items; v != NULL; v = v->next) {
        const char *why = "not a domain";

        if (v->kind == CONFIG_STRING && span_starts(v->text, SPAN("file:"))) {
            l.bad = 0;
            fine = file_lines(&l, &v->where, span_skip(v->text, 5)) && fine;
            continue;
        }
        if (v->kind == CONFIG_STRING || v->kind == CONFIG_WORD)
            why = add_domain(&l, v->text);
        if (why != NULL) {
            config_load_complain(load, &v->where, v->text, why);
            fine = false;
        }
    }
    return fine;
}

static const char *add_login(struct lines *l, span name, span forms)
{
    struct config_login login;

    if (!config_login_parse(forms, &login))
        return "the form of the password is not known; this is a mailbox without login";
    if (login.scram.n == 0 && login.plain.n == 0)
        l->load->c->auth.scram = false;
    (void)config_map_put(l->map, name, forms);
    return NULL;
}

static const char *add_user(struct lines *l, span line)
{
    size_t colon = span_find(line, ':');
    span forms = span_skip(line, colon + 1);
    char text[PATH_MAX_BYTES + 8];
    struct buf key = BUF_OVER(text);
    struct path path;
    enum path_fault fault =
        path_parse_address(span_trim(span_head(line, colon)), PATH_ALLOW_UTF8, &path);

    if (fault != PATH_FINE)
        return path_fault_text(fault);
    path_put(&key, &path);
    if (key.overflow || !config_map_put(l->load->c->users, buf_span(&key), SPAN_NONE))
        return "this user stands here twice; the first line counts";
    return forms.n != 0 ? add_login(l, buf_span(&key), forms) : NULL;
}

bool config_list_read_users(struct config_load *load, const struct config_value *path)
{
    struct lines l = {.load = load, .map = load->c->logins, .secret = true, .add = add_user};

    load->c->auth.scram = true;
    if (!file_lines(&l, &path->where, path->text) || !is_private(&l, &path->where, path->text))
        return false;
    config_map_trim(load->c->users);
    load->c->auth.passwords = config_map_count(load->c->logins) != 0;
    return true;
}

static const char *add_token(struct lines *l, span line)
{
    size_t colon = span_find(line, ':');
    span token = span_trim(span_skip(line, colon + 1));
    char text[PATH_MAX_BYTES + CONFIG_MAP_NAME_MAX_BYTES + 8];
    struct buf value = BUF_OVER(text);
    struct path path;
    enum path_fault fault =
        path_parse_address(span_trim(span_head(line, colon)), PATH_ALLOW_UTF8, &path);
    bool put;

    if (fault != PATH_FINE)
        return path_fault_text(fault);
    if (token.n == 0 || span_has(token, '\0'))
        return "not of the form \"address:token\"";
    buf_put(&value, span_head(token, CONFIG_MAP_NAME_MAX_BYTES));
    buf_putc(&value, '\0');
    path_put(&value, &path);
    put = !value.overflow && config_map_put(l->map, token, buf_span(&value));
    explicit_bzero(text, sizeof text);
    return put ? NULL : "this token stands here already, or is longer than 1024 octets";
}

bool config_list_read_tokens(struct config_load *load, const struct config_value *path)
{
    struct lines l = {.load = load, .map = load->c->tokens, .secret = true, .add = add_token};

    return file_lines(&l, &path->where, path->text) && is_private(&l, &path->where, path->text);
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

/* The targets of the text as the value of an alias. */
static void targets_put(struct lines *l, span text, struct buf *value)
{
    span target;

    while (target_take(&text, &target)) {
        span plain = unquoted(target);
        const char *why = target_fault(plain);

        if (target.n == 0)
            continue;
        if (why != NULL)
            bad_line(l, target, why);
        else if (!span_has(plain, '\0')) {
            buf_put(value, plain);
            buf_putc(value, '\0');
        }
    }
}

/* "name: targets", possibly joined from several lines. */
static const char *add_alias(struct lines *l, span line)
{
    size_t colon = span_find(line, ':');
    span name = unquoted(span_trim(span_head(line, colon)));
    size_t room = line.n + 2;
    struct buf value = buf_over(malloc(room), room);
    const char *why = NULL;

    BUG_IF(value.p == NULL, "out of memory");
    targets_put(l, span_skip(line, colon + 1), &value);
    if (colon == line.n || name.n == 0)
        why = "not of the form \"name: target, target\"";
    else if (value.n == 0)
        why = "the alias has no target that can be used";
    else if (!config_map_put(l->map, name, buf_span(&value)))
        why = "this alias stands here twice; the first one counts";
    free(value.p);
    return why;
}

/* A line and those after it that begin with a blank, as they stand. */
static bool logical_line(span *rest, span *out, unsigned *n_lines)
{
    span line;

    *n_lines = 0;
    if (!span_line(rest, &line))
        return false;
    *n_lines = 1;
    *out = line;
    while (rest->n != 0 && ascii_is_blank(rest->p[0]) && !is_skipped(span_trim(line))) {
        span_line(rest, &line);
        (*n_lines)++;
        *out = span_of(out->p, (size_t)(line.p + line.n - out->p));
    }
    return true;
}

bool config_list_read_aliases(struct config_load *load, const struct config_value *path,
                              struct config_map *map)
{
    struct lines l = {.load = load, .map = map, .add = add_alias};
    struct config_source text;
    span rest, line;
    unsigned n_lines;

    if (!file_open(load, &path->where, path->text, &text))
        return false;
    l.where = (struct config_where){
        config_tree_path_from(load->pool, path->text, path->where.file).p, 1, 0};
    for (rest = config_source_span(&text); logical_line(&rest, &line, &n_lines);
         l.where.line += n_lines) {
        const char *why;

        /* Ends of line inside a continued alias are blanks; the memory is our own copy. */
        for (size_t i = 0; i < line.n; i++)
            if (line.p[i] == '\n' || line.p[i] == '\r')
                text.p[(size_t)(line.p - text.p) + i] = ' ';
        line = span_trim(line);
        why = is_skipped(line) ? NULL : l.add(&l, line);
        if (why != NULL)
            bad_line(&l, line, why);
    }
    config_source_free(&text);
    config_map_trim(map);
    return true;
}

static const char *add_senders(struct lines *l, span line)
{
    size_t colon = span_find(line, ':');
    span login = span_trim(span_head(line, colon));
    span rest = span_skip(line, colon + 1), sender;
    char text[CONFIG_SENDERS_BYTES];
    struct buf value = BUF_OVER(text);
    struct path path;

    if (path_parse_address(login, PATH_ALLOW_UTF8, &path) != PATH_FINE)
        return "not of the form \"login: address, @domain\"";
    while (span_split(&rest, ',', &sender)) {
        sender = span_trim(sender);
        if (!span_starts(sender, SPAN("@")) &&
            path_parse_address(sender, PATH_ALLOW_UTF8, &path) != PATH_FINE)
            return "a sender that is neither an address nor \"@domain\"";
        buf_put(&value, sender);
        buf_putc(&value, '\0');
    }
    if (value.overflow)
        return "too many senders for one login";
    return config_map_put(l->map, login, buf_span(&value))
               ? NULL
               : "this login stands here twice; the first line counts";
}

bool config_list_read_senders(struct config_load *load, const struct config_value *path,
                              struct config_map *map)
{
    struct lines l = {.load = load, .map = map, .add = add_senders};

    return file_lines(&l, &path->where, path->text);
}
