/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/schemata.h - the resctrl group of a running container
 */
#pragma once

#include "host/update.h"

/* Write @schemata to the resctrl group of @pid, but never to the root's. 0, or -1 with @e set. */
int schemata_update(pid_t pid, const struct update_schemata *schemata, struct arena *a,
		    struct err *e);

/*
 * As schemata_update(), with the mount point (NULL: none) and the text of
 * /proc/PID/cpu_resctrl_groups.
 */
int schemata_write(const char *mount, const char *groups, const struct update_schemata *schemata,
		   struct arena *a, struct err *e);
