/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/criu/cgroups.h - the cgroups that a request to CRIU names
 */
#pragma once

#include "cgroup/layout.h"
#include "host/criu/criu.h"

/*
 * Tell CRIU to put the container into @dirs (NULL-terminated, absolute) instead of the cgroups that
 * the images name. 0, or -1.
 */
int cgroups_name(struct criu_request *r, const char *const *dirs, struct err *e);

#define CGROUPS_YARD ".tare.cgroups"

/*
 * The hierarchies for a yard, a directory where CRIU finds the host's cgroup mounts; NULL: CRIU has
 * to mount them itself. CRIU mounts cgroup2 without any option, and that takes nsdelegate and
 * memory_recursiveprot from the whole host.
 */
const struct cgroup_layout *cgroups_for_yard(struct arena *a);

/*
 * Make the yard in the directory @work. Runs in CRIU's process, in a mount namespace of its own. 0,
 * or -1.
 */
int cgroups_make_yard(int work, const struct cgroup_layout *layout, struct err *e);

/* Remove the yard's directory, which is empty in the host's mount namespace. */
void cgroups_drop_yard(int work);
