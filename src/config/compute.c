/* SPDX-License-Identifier: ISC */
/* Defaults that depend on the machine. Nothing here asks DNS: a start must not wait for it. */
#include <stdlib.h>
#include <unistd.h>

#include "base/ascii.h"
#include "config/fit.h"
#include "config/load.h"
#include "config/source.h"
#include "name/domain.h"

#define HOSTNAME_MAX_BYTES 256
#define HOSTS_MAX_BYTES    ((size_t)1024 * 1024)

static span word_take(span *rest)
{
    span word;
    size_t n = 0;

    *rest = span_trim(*rest);
    while (n < rest->n && !ascii_is_blank(rest->p[n]))
        n++;
    word = span_head(*rest, n);
    *rest = span_skip(*rest, n);
    return word;
}

/* A line of the table of hosts: its first name with a dot, when `name` is among its names. */
static span hosts_line_fqdn(span line, span name)
{
    span fqdn = SPAN_NONE, word;
    bool found = false;

    line = span_head(line, span_find(line, '#'));
    word_take(&line);
    while ((word = word_take(&line)).n != 0) {
        found = found || span_ieq(word, name);
        if (fqdn.n == 0 && span_has(word, '.'))
            fqdn = word;
    }
    return found ? fqdn : SPAN_NONE;
}

/* The full name that /etc/hosts gives to a short one; empty when it gives none. */
static span hosts_fqdn(struct config_pool *pool, span name)
{
    struct config_source text;
    span rest, line, fqdn = SPAN_NONE;
    int sys;

    if (config_source_read("/etc/hosts", HOSTS_MAX_BYTES, &text, &sys) != ERR_OK)
        return SPAN_NONE;
    rest = config_source_span(&text);
    while (fqdn.n == 0 && span_line(&rest, &line))
        fqdn = hosts_line_fqdn(line, name);
    fqdn = config_pool_copy(pool, fqdn);
    config_source_free(&text);
    return fqdn;
}

static void warn_unfit(struct config_load *load, span name, const char *fault)
{
    struct config_where nowhere = {"", 0, 0};
    char text[200];
    struct buf b = buf_over(text, sizeof text - 1);

    buf_printf(&b, "%s; set hostname = \"mail.example.net\" with your own name", fault);
    text[b.n] = '\0';
    config_load_warn(load, &nowhere, name, text);
}

/* What we call ourselves inside when nothing else is known. */
static span usable(struct config_pool *pool, span name)
{
    struct domain d = domain_parse(name);

    return config_pool_copy(pool, domain_is_valid(&d) ? name : SPAN("localhost"));
}

span config_compute_hostname(struct config_load *load)
{
    char text[HOSTNAME_MAX_BYTES + 1] = "";
    span name, fqdn;
    const char *fault;

    if (gethostname(text, HOSTNAME_MAX_BYTES) != 0)
        text[0] = '\0';
    name = config_pool_copy(load->pool, span_cstr(text));
    if (config_fit_fault(name) != NULL) {
        fqdn = hosts_fqdn(load->pool, name);
        if (fqdn.n != 0 && config_fit_fault(fqdn) == NULL)
            name = fqdn;
    }
    fault = config_fit_fault(name);
    if (fault == NULL)
        return name;
    warn_unfit(load, name, fault);
    load->c->hostname = usable(load->pool, name);
    load->c->hostname_is_fit = false;
    return SPAN_NONE;
}

span config_compute_data_dir(struct config_load *load)
{
    const char *state = getenv("XDG_STATE_HOME");
    struct buf b;
    span dir = span_cstr(state);

    if (geteuid() == 0)
        return SPAN("/var/lib/herald");
    if (dir.n == 0 || dir.p[0] != '/')
        return SPAN("herald-data");
    b = buf_over(config_pool_take(load->pool, dir.n + 8), dir.n + 7);
    buf_put(&b, dir);
    buf_put(&b, SPAN("/herald"));
    return buf_span(&b);
}
