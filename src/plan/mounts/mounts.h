/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/mounts/mounts.h - what the files that plan mounts have in common
 */
#pragma once

#include "plan/planner.h"

/*
 * Must tare open what is bound? With a new user namespace tare-init is no longer the host's root,
 * and may not get at what only root can reach.
 */
bool mount_sources_from_host(const struct planner *p);

/*
 * mounts/userns.c: are we not root of all there is? Then mounts of others are locked, and some filesystems not ours to
 * mount.
 */
bool mount_is_confined(const struct planner *p);

/* mounts/userns.c: another way for what a user namespace has not the right to. */
void plan_mount_in_userns(struct planner *p, const char *place, struct mount_step *m);

/* mounts/readonly.c: `ro` of a mount in which others are to be made is put off. */
void plan_mount_readonly_later(struct planner *p, const char *place, struct mount_step *m);

/* mounts/readonly.c: OP_MAKE_DIR, where the program's working directory may be missing. */
void plan_make_working_directory(struct planner *p);

/* mounts/label.c: can linux.mountLabel be in force? And: into @m, if it is of a kind that is labelled. */
int plan_check_mount_label(const struct planner *p, struct err *e);
void plan_mount_label(struct planner *p, const char *place, struct mount_step *m);

/* mounts/label.c: refuse a label among the mount's own options that linux.mountLabel contradicts. 0, or -1. */
int plan_check_own_label(struct planner *p, const char *place, const struct mount_step *m,
			 struct err *e);

/* mounts/cgroup.c: the steps for a mount of type cgroup, which is many things. @m: its options, as
 * read. */
void plan_cgroup_mounts(struct planner *p, const char *place, const struct mount_step *m);
