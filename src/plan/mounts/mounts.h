/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/mounts/mounts.h - functions that the files of plan/mounts/ share
 */
#pragma once

#include "plan/planner.h"

/*
 * Must tare open the sources of binds? In a user namespace, new or joined, tare-init is not the
 * host's root any more, and may have no access to them.
 */
bool mount_sources_from_host(const struct planner *p);

/*
 * mounts/userns.c: is the user namespace not the first, or not root's? Then mounts that came from
 * outside are locked, and some filesystems can't be mounted.
 */
bool mount_is_confined(const struct planner *p);

/* mounts/userns.c: change @m to what a user namespace has the right to. */
void plan_mount_in_userns(struct planner *p, const char *place, struct mount_step *m);

/* mounts/readonly.c: put off the `ro` of a mount in which mount points are still to be made. */
void plan_mount_readonly_later(struct planner *p, const char *place, struct mount_step *m);

/* mounts/readonly.c: OP_MAKE_DIR, where the program's working directory may be missing. */
void plan_make_working_directory(struct planner *p);

/*
 * mounts/paths.c: the place that asks for a read-only "/": root.readonly, or linux.readonlyPaths.
 * Mounts below keep their own flags. NULL: none.
 */
const char *plan_readonly_root(struct planner *p);

/*
 * mounts/label.c: can linux.mountLabel be put in force? And: add it to @m, if the filesystem takes
 * a label.
 */
int plan_check_mount_label(const struct planner *p, struct err *e);
void plan_mount_label(struct planner *p, const char *place, struct mount_step *m);

/*
 * mounts/label.c: refuse a label among the mount's own options that linux.mountLabel contradicts.
 * 0, or -1.
 */
int plan_check_own_label(struct planner *p, const char *place, const struct mount_step *m,
			 struct err *e);

/*
 * mounts/cgroup.c: the steps for a mount of type cgroup: one mount or several. @m: its options, as
 * read.
 */
void plan_cgroup_mounts(struct planner *p, const char *place, const struct mount_step *m);
