/* SPDX-License-Identifier: ISC */
/* herald user: add, passwd, list, remove. */
#include <crypt.h>
#include <fcntl.h>
#include <getopt.h>
#include <gsasl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/escape.h"
#include "cli/cli.h"
#include "config/idn.h"
#include "config/login.h"
#include "config/tree.h"
#include "name/path.h"
#include "os/file.h"
#include "os/random.h"

#define ITERATIONS     10000
#define SALT_OCTETS    16
#define KEY_OCTETS     32
#define FILE_BYTES     ((size_t)512 << 20)
#define PATH_TEXT      4096
#define FORMS_BYTES    1024
#define CRYPT_PREFIX   "$y$" /* yescrypt */
#define PASSWORD_BYTES (CRYPT_MAX_PASSPHRASE_SIZE - 1)
#define PASSWORD_LINES (PASSWORD_BYTES + 2)

struct options {
    const char *config; /* -c */
    const char *file;   /* --file */
    bool json;
    char path[PATH_TEXT]; /* of the users file */
    span address;         /* as it was said */
    span key;             /* in the form in which addresses are compared */
    char memory[CONFIG_ADDRESS_BYTES];
    char key_memory[CONFIG_ADDRESS_BYTES];
};

/* ---- which file ---- */

static bool keep_path(struct options *o, span path)
{
    struct buf b = BUF_OVER(o->path);

    buf_put(&b, path);
    return path.n != 0 && buf_cstr(&b) != NULL;
}

/* What is wrong with the configuration, or that it has no such line. */
static int not_found(const struct options *o, const struct config_problems *problems)
{
    char memory[2048];
    struct buf text = BUF_OVER(memory);

    if (problems->n_errors == 0)
        return cli_fail(CLI_CONFIG, "%s does not say where the users are: users = \"FILE\"",
                        o->config);
    config_problem_text(&problems->items[0], &text);
    return cli_fail(CLI_CONFIG, "%.*s", SPAN_ARG(buf_span(&text)));
}

/* The value of `users`, even where the rest of the configuration is not fit to run. */
static int find_in_config(struct options *o)
{
    struct config_pool pool = {0};
    struct config_problems problems = {0};
    struct config_parse parse = {&pool, &problems, 0};
    static const struct config_where nowhere = {"", 0, 0};
    bool found = false;
    int code = CLI_OK;

    for (const struct config_node *n =
             config_tree_parse_file(&parse, span_cstr(o->config), &nowhere);
         n != NULL; n = n->next) {
        if (n->value != NULL && span_eq(n->key, SPAN("users")))
            found =
                keep_path(o, config_tree_path_from(&pool, n->value->text, n->value->where.file));
    }
    if (!found)
        code = not_found(o, &problems);
    config_problems_finish(&problems);
    config_pool_finish(&pool);
    return code;
}

/* The server reads through a symbolic link; what is written anew is the file that it leads to. */
static int follow_links(struct options *o)
{
    char *real = realpath(o->path, NULL);
    bool fits = real == NULL || keep_path(o, span_cstr(real));

    free(real);
    return fits ? CLI_OK : cli_fail(CLI_BAD_INPUT, "the path of the users file is too long");
}

static int find_file(struct options *o)
{
    int code = CLI_OK;

    if (o->file == NULL && o->config == NULL)
        return cli_wrong_usage(&cli_user, "which users? Give -c FILE or --file FILE");
    if (o->file == NULL)
        code = find_in_config(o);
    else if (!keep_path(o, span_cstr(o->file)))
        code = cli_fail(CLI_BAD_INPUT, "the path of the users file is empty or too long");
    return code == CLI_OK ? follow_links(o) : code;
}

/* The directory of the file, and its name there. */
static enum err open_dir(struct options *o, int *out_dir, const char **out_name)
{
    span path = span_cstr(o->path);
    size_t slash = span_rfind(path, '/');
    char dir[PATH_TEXT];
    struct buf b = BUF_OVER(dir);

    if (slash == path.n) {
        *out_name = o->path;
        return file_open_dir(AT_FDCWD, ".", out_dir);
    }
    buf_put(&b, span_head(path, slash + 1));
    *out_name = o->path + slash + 1;
    return buf_cstr(&b) != NULL ? file_open_dir(AT_FDCWD, dir, out_dir) : ERR_LIMIT;
}

/* ---- the password ---- */

static bool read_line(char *memory, size_t room, span *out)
{
    size_t n = 0;
    int c = EOF;

    while (n + 1 < room && (c = getchar()) != EOF && c != '\n')
        memory[n++] = (char)c;
    if (n == 0 && c == EOF)
        return false;
    while (n != 0 && memory[n - 1] == '\r')
        n--;
    memory[n] = '\0';
    *out = span_of(memory, n);
    return true;
}

static bool ask(const char *words, char *memory, size_t room, span *out)
{
    struct termios shown, hidden;
    bool tty = tcgetattr(STDIN_FILENO, &shown) == 0;
    bool fine;

    if (tty) {
        hidden = shown;
        hidden.c_lflag &= ~(tcflag_t)ECHO;
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
        (void)fputs(words, stderr);
    }
    fine = read_line(memory, room, out);
    if (tty) {
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
        (void)fputc('\n', stderr);
    }
    return fine;
}

/* From the terminal twice, else the first line of standard input. */
static int read_password(char *memory, size_t room)
{
    char again_memory[PASSWORD_LINES];
    span password, again;
    int code = CLI_OK;

    if (!ask("Password: ", memory, room, &password))
        return cli_fail(CLI_BAD_INPUT, "no password was given");
    for (size_t i = 0; i < password.n; i++)
        if (ascii_is_control(password.p[i]))
            return cli_fail(CLI_BAD_INPUT, "there is a control character in the password");
    if (password.n == 0 || password.n > PASSWORD_BYTES)
        return cli_fail(CLI_BAD_INPUT, "a password has 1 to %d octets", PASSWORD_BYTES);
    if (isatty(STDIN_FILENO) != 0 &&
        (!ask("Again: ", again_memory, sizeof again_memory, &again) || !span_eq(password, again)))
        code = cli_fail(CLI_BAD_INPUT, "that was another one");
    explicit_bzero(again_memory, sizeof again_memory);
    return code;
}

/* In the one spelling that SCRAM and we use: letters may be written in several (RFC 4013). */
static int prepare(char *memory, size_t room)
{
    char *prepared = NULL;
    span text;
    bool fine = gsasl_saslprep(memory, GSASL_ALLOW_UNASSIGNED, &prepared, NULL) == GSASL_OK;

    text = fine ? span_cstr(prepared) : SPAN_NONE;
    fine = fine && text.n > 0 && text.n <= PASSWORD_BYTES && text.n < room;
    if (fine)
        memcpy(memory, text.p, text.n + 1);
    if (prepared != NULL)
        explicit_bzero(prepared, strlen(prepared));
    gsasl_free(prepared);
    return fine ? CLI_OK
                : cli_fail(CLI_BAD_INPUT, "the password is no UTF-8, or has characters that no "
                                          "password may have (RFC 4013)");
}

static bool put_base64(struct buf *b, const char *octets, size_t n)
{
    char *text = NULL;
    size_t text_n = 0;

    if (gsasl_base64_to(octets, n, &text, &text_n) != GSASL_OK)
        return false;
    buf_put(b, span_of(text, text_n));
    gsasl_free(text);
    return true;
}

/* RFC 5803 */
static bool put_scram(struct buf *b, const char *password)
{
    char salt[SALT_OCTETS], key[KEY_OCTETS], client[KEY_OCTETS], server[KEY_OCTETS];
    char stored[KEY_OCTETS];
    bool fine;

    os_random(salt, sizeof salt);
    if (gsasl_scram_secrets_from_password(GSASL_HASH_SHA256, password, ITERATIONS, salt,
                                          sizeof salt, key, client, server, stored) != GSASL_OK)
        return false;
    buf_printf(b, "SCRAM-SHA-256$%d:", ITERATIONS);
    fine = put_base64(b, salt, sizeof salt);
    buf_putc(b, '$');
    fine = put_base64(b, stored, sizeof stored) && fine;
    buf_putc(b, ':');
    fine = put_base64(b, server, sizeof server) && fine;
    explicit_bzero(key, sizeof key);
    explicit_bzero(client, sizeof client);
    explicit_bzero(server, sizeof server);
    return fine;
}

static bool put_crypt(struct buf *b, const char *password)
{
    static struct crypt_data data;
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    const char *hash = NULL;

    if (crypt_gensalt_rn(CRYPT_PREFIX, 0, NULL, 0, setting, sizeof setting) != NULL)
        hash = crypt_r(password, setting, &data);
    if (hash != NULL && hash[0] != '*')
        buf_put(b, span_cstr(hash));
    else
        hash = NULL;
    explicit_bzero(&data, sizeof data);
    return hash != NULL;
}

static int make_forms(struct buf *forms)
{
    char password[PASSWORD_LINES];
    int code = read_password(password, sizeof password);
    bool fine = true;

    if (code == CLI_OK)
        code = prepare(password, sizeof password);

    if (code == CLI_OK) {
        fine = put_scram(forms, password);
        buf_putc(forms, ' ');
        fine = put_crypt(forms, password) && fine;
    }
    explicit_bzero(password, sizeof password);
    return fine ? code : cli_fail(CLI_INTERNAL, "the password cannot be hashed");
}

/* ---- the file ---- */

/* The address of a line; false for a comment and what is no address. */
static bool read_line_address(span line, struct path *out)
{
    span text = span_trim(line);

    return text.n != 0 && text.p[0] != '#' &&
           path_parse_address(span_trim(span_head(text, span_find(text, ':'))), PATH_ALLOW_UTF8,
                              out) == PATH_FINE;
}

static bool is_line_of(const struct options *o, span line)
{
    char memory[CONFIG_ADDRESS_BYTES];
    struct buf key = BUF_OVER(memory);
    struct path path;

    if (!read_line_address(line, &path))
        return false;
    config_idn_put_path(&key, &path);
    return span_ieq(buf_span(&key), o->key);
}

enum edit { EDIT_ADD, EDIT_CHANGE, EDIT_REMOVE };

/* All lines but that of the address, and its new one in its place or at the end. */
static bool edit_lines(const struct options *o, enum edit edit, span old, span forms,
                       struct heap_buf *out)
{
    bool found = false;
    span line;

    while (span_line(&old, &line)) {
        bool is_it = is_line_of(o, line);

        found = found || is_it;
        if (is_it && edit == EDIT_REMOVE)
            continue;
        if (is_it) {
            heap_put(out, o->address);
            heap_put(out, SPAN(":"));
            line = forms;
        }
        heap_put(out, line);
        heap_put(out, SPAN("\n"));
    }
    if (!found && edit == EDIT_ADD) {
        heap_put(out, o->address);
        heap_put(out, SPAN(":"));
        heap_put(out, forms);
        heap_put(out, SPAN("\n"));
    }
    return found;
}

static int write_file(struct options *o, int dir, const char *name, enum edit edit, span forms)
{
    struct heap_buf old, out;
    enum err e;
    bool found;
    int code = CLI_OK;

    heap_init(&old, FILE_BYTES);
    heap_init(&out, FILE_BYTES + FORMS_BYTES);
    e = file_load(dir, name, &old);
    if (e != ERR_OK && e != ERR_ABSENT) {
        heap_release(&old);
        return cli_fail(cli_exit_of(e), "%s: %s", o->path, err_text(e));
    }
    found = edit_lines(o, edit, heap_span(&old), forms, &out);
    if (found && edit == EDIT_ADD)
        code = cli_fail(CLI_BAD_INPUT,
                        "%.*s is there already; change the password with: "
                        "herald user passwd",
                        SPAN_ARG(o->address));
    else if (!found && edit != EDIT_ADD)
        code = cli_fail(CLI_BAD_INPUT, "there is no %.*s", SPAN_ARG(o->address));
    else if (out.failed || (e = file_rewrite(dir, name, heap_span(&out), 0600)) != ERR_OK)
        code = cli_fail(CLI_CANNOT_CREATE, "%s: %s", o->path, err_text(out.failed ? ERR_LIMIT : e));
    if (old.p != NULL)
        explicit_bzero(old.p, old.cap);
    if (out.p != NULL)
        explicit_bzero(out.p, out.cap);
    heap_release(&old);
    heap_release(&out);
    return code;
}

/* One at a time: the lock is the directory's. */
static int change(struct options *o, enum edit edit)
{
    char memory[FORMS_BYTES];
    struct buf forms = BUF_OVER(memory);
    const char *name;
    int dir = -1;
    int code = edit == EDIT_REMOVE ? CLI_OK : make_forms(&forms);
    enum err e;

    if (code != CLI_OK)
        return code;
    e = open_dir(o, &dir, &name);
    if (e == ERR_OK)
        e = file_lock(dir, true);
    if (e != ERR_OK)
        code = cli_fail(cli_exit_of(e), "%s: %s", o->path, err_text(e));
    else
        code = write_file(o, dir, name, edit, buf_span(&forms));
    file_close(&dir);
    if (code == CLI_OK)
        (void)fprintf(stderr, "%s: %.*s. A running server takes it up by itself.\n", o->path,
                      SPAN_ARG(o->address));
    return code;
}

static int run_add(struct options *o)
{
    return change(o, EDIT_ADD);
}

static int run_passwd(struct options *o)
{
    return change(o, EDIT_CHANGE);
}

static int run_remove(struct options *o)
{
    return change(o, EDIT_REMOVE);
}

static void print_user(const struct options *o, span address, span forms)
{
    struct config_login login = {0};
    bool fine = config_login_parse(forms, &login);
    const char *scram = login.scram.n != 0 || login.plain.n != 0 ? "true" : "false";

    if (o->json)
        printf("{\"address\":%.*s,\"login\":%s,\"scram\":%s}\n", SPAN_ARG(address),
               fine ? "true" : "false", fine ? scram : "false");
    else
        printf("%-40.*s %s\n", SPAN_ARG(address),
               fine ? login.scram.n != 0 ? "login" : "login, no SCRAM" : "mailbox");
}

static int run_list(struct options *o)
{
    char memory[CONFIG_ADDRESS_BYTES], shown[4 * CONFIG_ADDRESS_BYTES];
    struct buf address = BUF_OVER(memory), text = BUF_OVER(shown);
    struct heap_buf file;
    struct path path;
    span rest, line;
    enum err e;

    heap_init(&file, FILE_BYTES);
    e = file_load(AT_FDCWD, o->path, &file);
    if (e != ERR_OK) {
        heap_release(&file);
        return cli_fail(cli_exit_of(e), "%s: %s", o->path, err_text(e));
    }
    rest = heap_span(&file);
    while (span_line(&rest, &line)) {
        if (!read_line_address(line, &path))
            continue;
        buf_reset(&address);
        buf_reset(&text);
        path_put(&address, &path);
        if (o->json)
            escape_json(&text, buf_span(&address));
        else
            escape_text(&text, buf_span(&address), PATH_MAX_BYTES);
        print_user(o, buf_span(&text), span_skip(line, span_find(line, ':') + 1));
    }
    heap_release(&file);
    return CLI_OK;
}

/* ---- the command ---- */

static const struct {
    const char *name;
    bool address;
    int (*run)(struct options *o);
} verbs[] = {
    {"add", true, run_add},
    {"passwd", true, run_passwd},
    {"list", false, run_list},
    {"remove", true, run_remove},
};

static int read_address(struct options *o, const char *text)
{
    struct buf b = BUF_OVER(o->memory), key = BUF_OVER(o->key_memory);
    struct path path;
    enum path_fault fault = path_parse_address(span_cstr(text), PATH_ALLOW_UTF8, &path);

    if (fault != PATH_FINE)
        return cli_fail(CLI_BAD_INPUT, "'%.80s' is no address: %s", text, path_fault_text(fault));
    path_put(&b, &path);
    o->address = buf_span(&b);
    if (span_starts(o->address, SPAN("#")) || span_has(o->address, ':'))
        return cli_fail(CLI_BAD_INPUT,
                        "'%.80s' cannot stand in a users file: it begins with # or "
                        "has a colon",
                        text);
    config_idn_put_path(&key, &path);
    o->key = buf_span(&key);
    return CLI_OK;
}

static int run_verb(struct options *o, int argc, char **argv)
{
    for (size_t i = 0; argc > 0 && i < COUNT(verbs); i++) {
        int code = CLI_OK;

        if (!span_eq(span_cstr(argv[0]), span_cstr(verbs[i].name)))
            continue;
        if (argc != (verbs[i].address ? 2 : 1))
            return cli_wrong_usage(&cli_user, verbs[i].address ? "which address?" : "too much");
        if (verbs[i].address)
            code = read_address(o, argv[1]);
        if (code == CLI_OK)
            code = find_file(o);
        return code == CLI_OK ? verbs[i].run(o) : code;
    }
    return cli_wrong_usage(&cli_user, argc > 0 ? "there is no verb \"%s\"" : "what is to be done?",
                           argc > 0 ? argv[0] : "");
}

static int run_user(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"file", required_argument, NULL, 'f'},
                                            {"json", no_argument, NULL, 'j'},
                                            {NULL, 0, NULL, 0}};
    struct options o = {0};
    int option;

    while ((option = getopt_long(argc, argv, "c:f:", options, NULL)) != -1) {
        if (option == 'c')
            o.config = optarg;
        else if (option == 'f')
            o.file = optarg;
        else if (option == 'j')
            o.json = true;
        else
            return cli_wrong_usage(&cli_user, "unknown option");
    }
    return run_verb(&o, argc - optind, argv + optind);
}

const struct cli_command cli_user = {
    .name = "user",
    .summary = "keep the list of who has a mailbox and may log in",
    .usage = "herald user add|passwd|remove ADDRESS\n"
             "herald user list [--json]",
    .options =
        "  add                somebody new, with a password from the terminal or standard input\n"
        "  passwd             another password, or a first one\n"
        "  remove             take the line out; the mail stays\n"
        "  list               every address, and whether it may log in\n"
        "  -c, --config FILE  the configuration whose `users` are meant\n"
        "  -f, --file FILE    the users file itself\n"
        "      --json         one JSON object a line\n",
    .examples = "  herald user add -c /etc/herald/herald.conf alice@example.net\n"
                "  pwgen 20 1 | herald user passwd -f users alice@example.net\n",
    .run = run_user,
};
