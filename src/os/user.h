/* SPDX-License-Identifier: ISC */
/*
 * os/user.h - become a user without rights.
 *
 * Looked up once by the supervisor (which can read /etc/passwd), dropped to by
 * each child. Started without root there is nothing to drop.
 */
#ifndef OS_USER_H
#define OS_USER_H

#include <sys/types.h>

#include "base/diag.h"

#define USER_DEFAULT  "herald"
#define USER_FALLBACK "nobody"

struct user {
    bool drop; /* false: not root, stay as we are */
    uid_t uid;
    gid_t gid;
};

/*
 * Find whom to become.
 *
 * name           NULL: USER_DEFAULT, or USER_FALLBACK when that does not exist
 * out_fallback   set to true when USER_FALLBACK was taken: worth a warning
 * returns ERR_ABSENT with *d when a user named on purpose does not exist, or is root
 */
MUSTUSE enum err user_find(const char *name, struct user *out_user, bool *out_fallback,
                           struct diag *d);

/* Groups, group and user for ever; checks that there is no way back. */
MUSTUSE enum err user_drop(const struct user *u, struct diag *d);

/* Make the user own an open file or directory; nothing when not root. */
MUSTUSE enum err user_own(const struct user *u, int fd);

#endif
