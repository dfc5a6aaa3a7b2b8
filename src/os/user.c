/* SPDX-License-Identifier: ISC */
#include "os/user.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

enum err user_find(const char *name, struct user *out_user, bool *out_fallback, struct diag *d)
{
    const char *wanted = name != NULL ? name : USER_DEFAULT;

    *out_fallback = false;
    if (geteuid() != 0) {
        *out_user = (struct user){.drop = false, .uid = geteuid(), .gid = getegid()};
        return ERR_OK;
    }
    const struct passwd *pw = getpwnam(wanted);
    if (pw == NULL && name == NULL) {
        wanted = USER_FALLBACK;
        *out_fallback = true;
        pw = getpwnam(wanted);
    }
    if (pw == NULL)
        return diag_set(d, ERR_ABSENT, 0, "there is no user \"%s\" on this machine", wanted);
    if (pw->pw_uid == 0)
        return diag_set(d, ERR_CONF, 0, "user \"%s\" is root; name one without rights", wanted);
    *out_user = (struct user){.drop = true, .uid = pw->pw_uid, .gid = pw->pw_gid};
    return ERR_OK;
}

enum err user_drop(const struct user *u, struct diag *d)
{
    if (!u->drop)
        return ERR_OK;
    if (setgroups(0, NULL) != 0 || setresgid(u->gid, u->gid, u->gid) != 0 ||
        setresuid(u->uid, u->uid, u->uid) != 0)
        return diag_set(d, ERR_DENIED, errno, "cannot become user %u", (unsigned)u->uid);
    if (setuid(0) == 0 || setgid(0) == 0)
        return diag_set(d, ERR_DENIED, 0, "root came back after becoming user %u",
                        (unsigned)u->uid);
    return ERR_OK;
}

enum err user_own(const struct user *u, int fd)
{
    if (!u->drop || fchown(fd, u->uid, u->gid) == 0)
        return ERR_OK;
    return err_of_errno(errno);
}
