/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/owner.h - the name of a user, for `list`
 */
#pragma once

#include "heap/arena.h"

#include <sys/types.h>

/*
 * The name of @uid in the passwd(5) file @path, or "#uid" if there is none; in the arena. Reads the
 * file itself: getpwuid(3) would load whatever nsswitch.conf names.
 */
const char *owner_name(const char *path, uid_t uid, struct arena *a);
