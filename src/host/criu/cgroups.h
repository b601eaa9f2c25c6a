/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/criu/cgroups.h - what CRIU has to know of cgroups
 */
#pragma once

#include "cgroup/layout.h"
#include "host/criu/criu.h"

/*
 * The container is to be in @dirs (NULL-terminated, absolute): the images have where it was. 0, or
 * -1.
 */
int cgroups_name(struct criu_request *r, const char *const *dirs, struct err *e);

#define CGROUPS_YARD ".tare.cgroups"

/*
 * The hierarchies that CRIU is to have as they are on the host, in a yard; NULL where it has to
 * mount them itself. That it does with no option, and cgroup2 is then without nsdelegate and
 * memory_recursiveprot for the whole host.
 */
const struct cgroup_layout *cgroups_for_yard(struct arena *a);

/* In CRIU's process, in a mount namespace of its own: the yard in the directory @work. 0, or -1. */
int cgroups_make_yard(int work, const struct cgroup_layout *layout, struct err *e);

/* Its place, which is empty on the host. */
void cgroups_drop_yard(int work);
