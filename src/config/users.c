/* SPDX-License-Identifier: ISC */
#include "config/users.h"

#include <sys/stat.h>

#include "config/idn.h"
#include "config/login.h"
#include "config/map.h"
#include "config/table.h"
#include "name/path.h"

/* A file that holds secrets is for its owner and group alone. */
static bool is_private(struct config_load *load, const struct config_value *value)
{
    struct stat st;
    span path = config_tree_path_from(load->pool, value->text, value->where.file);

    if (stat(path.p, &st) != 0 || (st.st_mode & S_IRWXO) == 0)
        return true;
    config_load_complain(load, &value->where, path,
                         "this file holds secrets and everybody can read it: chmod 0600");
    return false;
}

static bool read_secrets(struct config_table *t, const struct config_value *path)
{
    const struct config_map *map = t->to;
    bool fine;

    t->secret = true;
    fine = config_table_read(t, &path->where, CONFIG_TABLE_LINES, path->text);
    config_map_trim(t->to);
    return fine && (config_map_count(map) == 0 || is_private(t->load, path));
}

/* ---- users ---- */

static const char *add_login(struct config_table *t, span name, span forms)
{
    struct config_login login;

    if (!config_login_parse(forms, &login))
        return "the form of the password is not known; this is a mailbox without login";
    if (login.scram.n == 0 && login.plain.n == 0)
        t->load->c->auth.scram = false;
    (void)config_map_put(t->to, name, forms);
    return NULL;
}

static span domain_of(span address)
{
    return span_skip(address, span_rfind(address, '@') + 1);
}

static const char *add_user(struct config_table *t, span line, span none)
{
    size_t colon = span_find(line, ':');
    span forms = span_skip(line, colon + 1);
    char text[CONFIG_ADDRESS_BYTES];
    struct buf key = BUF_OVER(text);
    struct path path;
    enum path_fault fault =
        path_parse_address(span_trim(span_head(line, colon)), PATH_ALLOW_UTF8, &path);

    (void)none;
    if (fault != PATH_FINE)
        return path_fault_text(fault);
    config_idn_put_path(&key, &path);
    if (key.overflow || !config_map_put(t->load->c->users, buf_span(&key), SPAN_NONE))
        return "this user stands here twice; the first line counts";
    (void)config_map_put(t->load->c->user_domains, domain_of(buf_span(&key)), SPAN_NONE);
    return forms.n != 0 ? add_login(t, buf_span(&key), forms) : NULL;
}

bool config_users_read(struct config_load *load, const struct config_value *path)
{
    struct config_table t = {.load = load, .add = add_user, .to = load->c->logins};

    load->c->auth.scram = true;
    if (!read_secrets(&t, path))
        return false;
    config_map_trim(load->c->users);
    load->c->auth.passwords = config_map_count(load->c->logins) != 0;
    return true;
}

/* ---- tokens ---- */

static const char *add_token(struct config_table *t, span line, span none)
{
    size_t colon = span_find(line, ':');
    span token = span_trim(span_skip(line, colon + 1));
    char text[CONFIG_ADDRESS_BYTES + CONFIG_MAP_NAME_MAX_BYTES + 1];
    struct buf value = BUF_OVER(text);
    struct path path;
    enum path_fault fault =
        path_parse_address(span_trim(span_head(line, colon)), PATH_ALLOW_UTF8, &path);
    bool put;

    (void)none;
    if (fault != PATH_FINE)
        return path_fault_text(fault);
    if (token.n == 0 || span_has(token, '\0'))
        return "not of the form \"address:token\"";
    buf_put(&value, span_head(token, CONFIG_MAP_NAME_MAX_BYTES));
    buf_putc(&value, '\0');
    config_idn_put_path(&value, &path);
    put = !value.overflow && config_map_put(t->to, token, buf_span(&value));
    explicit_bzero(text, sizeof text);
    return put ? NULL : "this token stands here already, or is longer than 1024 octets";
}

bool config_users_read_tokens(struct config_load *load, const struct config_value *path)
{
    struct config_table t = {.load = load, .add = add_token, .to = load->c->tokens};

    return read_secrets(&t, path);
}

/* ---- senders ---- */

/* An address, or "@domain" for all of a domain; false: it is neither. */
static bool put_sender(struct config_table *t, struct buf *b, span text)
{
    struct path path;

    if (span_starts(text, SPAN("@"))) {
        buf_putc(b, '@');
        buf_put(b, config_idn(t->load->pool, span_skip(text, 1)));
    } else if (path_parse_address(text, PATH_ALLOW_UTF8, &path) == PATH_FINE) {
        config_idn_put_path(b, &path);
    } else {
        return false;
    }
    buf_putc(b, '\0');
    return true;
}

static const char *add_senders(struct config_table *t, span line, span none)
{
    size_t colon = span_find(line, ':');
    span rest = span_skip(line, colon + 1), sender;
    char text[CONFIG_SENDERS_BYTES], name[CONFIG_ADDRESS_BYTES];
    struct buf value = BUF_OVER(text), login = BUF_OVER(name);
    struct path path;

    (void)none;
    if (path_parse_address(span_trim(span_head(line, colon)), PATH_ALLOW_UTF8, &path) != PATH_FINE)
        return "not of the form \"login: address, @domain\"";
    while (span_split(&rest, ',', &sender)) {
        if (!put_sender(t, &value, span_trim(sender)))
            return "a sender that is neither an address nor \"@domain\"";
    }
    config_idn_put_path(&login, &path);
    if (value.overflow)
        return "too many senders for one login";
    return config_map_put(t->to, buf_span(&login), buf_span(&value))
               ? NULL
               : "this login stands here twice; the first line counts";
}

bool config_users_read_senders(struct config_load *load, const struct config_value *path,
                               struct config_map *map)
{
    struct config_table t = {.load = load, .add = add_senders, .to = map};

    return config_table_read(&t, &path->where, CONFIG_TABLE_LINES, path->text);
}
