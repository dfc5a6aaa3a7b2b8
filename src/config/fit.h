/* SPDX-License-Identifier: ISC */
/* config/fit.h - may a name be said to the world as our greeting? No DNS is asked. */
#ifndef CONFIG_FIT_H
#define CONFIG_FIT_H

#include "base/span.h"

/*
 * Why nobody outside could accept this name; NULL when it is fit.
 *
 * Fit is a fully qualified domain name of letters, digits and hyphens under a
 * top-level domain of the public DNS; never localhost, .local, .internal,
 * .localdomain, .lan, .home.arpa and the like, an address, or a name with an underscore,
 * a port, a blank, a trailing dot or an octet above 127. .test and .example are fit, so
 * that herald can be tried.
 */
const char *config_fit_fault(span name);

#endif
