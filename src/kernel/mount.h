/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/mount.h - mounts by descriptor: a result, or -errno
 *
 * A mount is made detached (fsopen(2), open_tree(2), Linux 5.2), gets its attributes there (mount_setattr(2),
 * 5.12) and is attached onto a descriptor of the place (move_mount(2)): no name is looked up twice, and it is
 * never there half-configured.
 */
#pragma once

#include "kernel/sys.h"

#include <linux/mount.h>

/* umount2(2) */
#define MNT_DETACH 2

#ifndef MOUNT_ATTR_NOSYMFOLLOW /* Linux 5.14 */
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

/* A detached copy of the mount at @path below @dir; @flags: AT_RECURSIVE for all below it too. */
static inline int sys_clone_tree(int dir, const char *path, unsigned flags)
{
	flags |= OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
	return (int) SYS_CALL(open_tree, dir, path, flags, 0, 0, 0);
}

/* The same of what @fd is. */
static inline int sys_clone_mount(int fd, unsigned flags)
{
	return sys_clone_tree(fd, "", flags | AT_EMPTY_PATH);
}

static inline int sys_attach_mount(int mount, int target)
{
	return (int) SYS_CALL(move_mount, mount, "", target, "",
			      MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH, 0);
}

/* @flags: AT_RECURSIVE. @attr->propagation: MS_SHARED ... or 0. */
static inline int sys_set_mount_attr(int mount, unsigned flags, struct mount_attr *attr)
{
	return (int) SYS_CALL(mount_setattr, mount, "", AT_EMPTY_PATH | flags, attr, sizeof(*attr),
			      0);
}

static inline int sys_fsopen(const char *type)
{
	return (int) SYS_CALL(fsopen, type, FSOPEN_CLOEXEC, 0, 0, 0, 0);
}

/* @value NULL: the parameter is a flag. */
static inline int sys_fs_set(int fs, const char *key, const char *value)
{
	unsigned command = value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG;

	return (int) SYS_CALL(fsconfig, fs, command, key, value, 0, 0);
}

static inline int sys_fs_create(int fs)
{
	return (int) SYS_CALL(fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0, 0);
}

/* The filesystem mounted at @fd, to be configured anew. */
static inline int sys_fspick(int fd)
{
	return (int) SYS_CALL(fspick, fd, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH, 0, 0, 0);
}

static inline int sys_fs_reconfigure(int fs)
{
	return (int) SYS_CALL(fsconfig, fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0, 0);
}

static inline int sys_fsmount(int fs, unsigned attr)
{
	return (int) SYS_CALL(fsmount, fs, FSMOUNT_CLOEXEC, attr, 0, 0, 0);
}

/* The number by which /proc/self/mountinfo knows the mount of @fd; Linux 5.8. Or -errno. */
static inline int64_t sys_mount_id(int fd)
{
	const unsigned mount_id = 0x1000; /* STATX_MNT_ID */
	struct statx st;
	int r = (int) SYS_CALL(statx, fd, "", AT_EMPTY_PATH, mount_id, &st, 0);

	if (r < 0)
		return r;

	return st.stx_mask & mount_id ? (int64_t) st.stx_mnt_id : -ENOSYS;
}

static inline int sys_mount(const char *source, const char *target, const char *type,
			    unsigned long flags, const char *data)
{
	return (int) SYS_CALL(mount, source, target, type, flags, data, 0);
}

static inline int sys_umount(const char *target, int flags)
{
	return (int) SYS_CALL(umount2, target, flags, 0, 0, 0, 0);
}

static inline int sys_pivot_root(const char *new_root, const char *put_old)
{
	return (int) SYS_CALL(pivot_root, new_root, put_old, 0, 0, 0, 0);
}
