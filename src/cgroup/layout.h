/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup/layout.h - which cgroup hierarchies this host has, and where
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
	CGROUP_NONE,   /* nothing mounted that could be used */
	CGROUP_V1,     /* v1 hierarchies only */
	CGROUP_HYBRID, /* v1 hierarchies, and v2 beside them at .../unified */
	CGROUP_V2,     /* one v2 hierarchy */
};

struct cgroup_hierarchy {
	const char *controllers; /* v1: "cpu,cpuacct" or "name=systemd"; v2: "" */
	const char *mount;	 /* where it is mounted: "/sys/fs/cgroup/memory" */
	const char
		*own; /* our own cgroup in it, below the mount: "/process_api/x"; "/" is its root */
	bool v2;
};

/*
 * The order is a promise, so that who has the directories alone knows where to look first: v1's freezer is the first, v1's
 * cpu the next, v2 the last, each if there is one.
 */
struct cgroup_layout {
	enum cgroup_mode mode;
	const struct cgroup_hierarchy *hierarchies;
	size_t count;
};

/* What the files of a hierarchy's cgroups are, as far as who makes one has to know: a mask. */
enum {
	CGROUP_IS_V2 = 1,
	CGROUP_HAS_CPUSET = 2,	/* v1 */
	CGROUP_HAS_FREEZER = 4, /* v1 */
};

unsigned cgroup_kind(const struct cgroup_hierarchy *h);

/* All in @a. No cgroup mount is not a failure but CGROUP_NONE. 0, or -1 with @e set. */
int cgroup_layout_read(struct cgroup_layout *layout, struct arena *a, struct err *e);

/*
 * The same from the texts of the two files; looks at nothing else. A mount that shows nothing
 * of our own cgroup's side of the hierarchy is left out.
 */
void cgroup_layout_parse(struct cgroup_layout *layout, char *mountinfo, char *own, struct arena *a);

/* The hierarchy that has @controller ("memory"); for v2, looks at cgroup.controllers. NULL: none. */
const struct cgroup_hierarchy *cgroup_layout_find(const struct cgroup_layout *layout,
						  const char *controller);

/* In place: mountinfo writes space, tab, newline and backslash of a path as three octal digits. */
void mountinfo_unescape(char *s);
