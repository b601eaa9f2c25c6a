/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/host_path.h - files and sockets of the host that annotations name
 */
#pragma once

#include "base/host_path.h"

#include <sys/types.h>

/*
 * As open(2) and socket_connect(), but below the directory that @p is confined to, and without
 * following links: -ELOOP.
 */
int host_path_open(const struct host_path *p, int flags, mode_t mode);
/*
 * For a confined @p: the directory that holds the last component, to which @name points; or -errno.
 */
int host_path_parent(const struct host_path *p, const char **name);

int host_path_connect(const struct host_path *p, int type);
