/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup/layout.h - the cgroup hierarchies of this host, and where they are mounted
 *
 * A fact of the host, read without privileges from /proc/self/mountinfo and /proc/self/cgroup.
 * cgroups(7), "Cgroups version 1", "Cgroups version 2".
 */
#pragma once

#include "base/err.h"
#include "heap/arena.h"

#include <stdbool.h>
#include <stddef.h>

enum cgroup_mode {
	CGROUP_NONE,   /* no usable hierarchy is mounted */
	CGROUP_V1,     /* v1 hierarchies only */
	CGROUP_HYBRID, /* v1 hierarchies, and v2 beside them at .../unified */
	CGROUP_V2,     /* one v2 hierarchy */
};

struct cgroup_hierarchy {
	const char *controllers; /* v1: "cpu,cpuacct" or "name=systemd"; v2: "" */
	const char *mount;	 /* where it is mounted: "/sys/fs/cgroup/memory" */
	/* our own cgroup in it, below the mount: "/process_api/x"; "/" is its root */
	const char *own;
	bool v2;
};

/*
 * The order is fixed, for callers that only have the directories: first v1's freezer, then v1's
 * cpu, last v2, each if it exists.
 */
struct cgroup_layout {
	enum cgroup_mode mode;
	const struct cgroup_hierarchy *hierarchies;
	size_t count;
};

/* The kind of a hierarchy's cgroups, as far as making one depends on it: a mask. */
enum {
	CGROUP_IS_V2 = 1,
	CGROUP_HAS_CPUSET = 2,	/* v1 */
	CGROUP_HAS_FREEZER = 4, /* v1 */
};

unsigned cgroup_kind(const struct cgroup_hierarchy *h);

/*
 * All in @a. Without a cgroup mount the mode is CGROUP_NONE, which is no failure. 0, or -1 with @e
 * set.
 */
int cgroup_layout_read(struct cgroup_layout *layout, struct arena *a, struct err *e);

/*
 * As cgroup_layout_read(), from the texts of the two files only. A mount that does not show our own
 * cgroup's part of the hierarchy is left out.
 */
void cgroup_layout_parse(struct cgroup_layout *layout, char *mountinfo, char *own, struct arena *a);

/*
 * The hierarchy that has @controller ("memory"); for v2, looks at cgroup.controllers. NULL: none.
 */
const struct cgroup_hierarchy *cgroup_layout_find(const struct cgroup_layout *layout,
						  const char *controller);
