/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/mount.h - mounts by descriptor: a result, or -errno
 *
 * A mount is made detached (fsopen(2), open_tree(2), Linux 5.2), gets its attributes
 * (mount_setattr(2), 5.12) and is attached to a descriptor of its place (move_mount(2)): no path is
 * looked up twice, and no mount is at its place half configured. mount.c has the older way.
 */
#pragma once

#include "kernel/sys.h"

#include <linux/mount.h>

#ifndef MNT_DETACH /* umount2(2); <sys/mount.h> isn't there without a C library */
#define MNT_DETACH 2
#endif
#ifndef UMOUNT_NOFOLLOW
#define UMOUNT_NOFOLLOW 8
#endif

#ifndef MOUNT_ATTR_NOSYMFOLLOW /* Linux 5.14 */
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

/*
 * Does the kernel have detached mounts? Else the functions below use mount(2) with the same
 * results, or return -ENOSYS. For that they need a mount of their own, the stage (mount.c): only a
 * process with its own mount namespace may allow it.
 */
bool sys_mounts_detached(void);
void sys_allow_stage(void);

/*
 * A detached copy of the mount at @path; @flags: AT_RECURSIVE for all below it too,
 * AT_SYMLINK_NOFOLLOW.
 */
int sys_clone_tree(const char *path, unsigned flags);

/* A detached copy of the mount of @fd, with the file of @fd as its root. */
int sys_clone_mount(int fd, unsigned flags);

/*
 * A copy that open_tree(2), Linux 5.2, makes in another mount namespace, to be sent; -ENOSYS. It
 * stays a peer of its original. sys_take_tree() makes it usable for the functions here, also where
 * they use mount(2): a new descriptor.
 */
int sys_lend_tree(const char *path, unsigned flags);
int sys_take_tree(int tree);

/* Attach @mount to the file of @target; @mount is that mount from then on. */
int sys_attach_mount(int mount, int target);

/*
 * The attributes of @mount, as mount_setattr(2) takes them. AT_FDCWD: of the mount that the working
 * directory is on. 0, or -errno.
 */
int sys_mount_attrs(int mount, uint64_t *attrs);

/*
 * @flags: AT_RECURSIVE. @attr->propagation: MS_SHARED ... or 0. @mount AT_FDCWD: the mount whose
 * root is the working directory.
 */
int sys_set_mount_attr(int mount, unsigned flags, struct mount_attr *attr);

/*
 * To be called before the rootfs is attached to @place: the stage moves there, and the rootfs
 * covers it. So a process that enters the mount namespace does not see it. It goes with the host's
 * tree; or, once the rootfs was moved away, by sys_drop_stage(), which changes the working
 * directory.
 */
int sys_hide_stage(int place);
int sys_drop_stage(void);

/*
 * ---- file systems, where fsopen(2) and those that go with it are missing, or have no word for an
 * option ----
 */

/*
 * A new filesystem, made by mount(2) on the stage, to be attached. @flags: MS_* that are not
 * attributes; @data: its options, joined by commas.
 */
int sys_make_filesystem(const char *source, const char *type, unsigned long flags, uint64_t attrs,
			const char *data);

/* Change the options of the filesystem mounted at @mount, and the attributes of that mount. */
int sys_change_filesystem(int mount, unsigned long flags, const struct mount_attr *change,
			  const char *data);

/* ---- file systems, step by step ---- */

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

/* A parameter that is an open file. */
static inline int sys_fs_set_fd(int fs, const char *key, int value)
{
	return (int) SYS_CALL(fsconfig, fs, FSCONFIG_SET_FD, key, NULL, value, 0);
}

/*
 * For a child that shares our mount namespace but not our memory and makes one mount, where there
 * are no detached mounts: sys_stage_lend() opens the stage before the clone, sys_stage_return()
 * skips the child's place after its end.
 */
int sys_stage_lend(void);
void sys_stage_return(void);

/* Does procfs take the pid namespace @pids as an option (Linux 6.17)? */
bool sys_proc_takes_pids(int pids);

static inline int sys_fs_create(int fs)
{
	return (int) SYS_CALL(fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0, 0);
}

/* The filesystem mounted at @fd, to change its options. */
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

/* The ID of the mount of @fd in /proc/self/mountinfo; or -errno. */
int64_t sys_mount_id(int fd);

/* The same, but a number that no later mount gets, where the kernel has one: Linux 6.8. */
int64_t sys_unique_mount_id(int fd);

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
