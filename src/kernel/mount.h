/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/mount.h - mounts by descriptor: a result, or -errno
 *
 * A mount is made detached (fsopen(2), open_tree(2), Linux 5.2), gets its attributes there (mount_setattr(2),
 * 5.12) and is attached onto a descriptor of the place (move_mount(2)): no name is looked up twice, and it is
 * never there half-configured. mount.c says how that is kept on older kernels.
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
 * Are there detached mounts? Else the functions below use mount(2), each with the same result, or
 * say -ENOSYS: it takes a mount of its own (mount.c, the stage), so only who has a mount namespace
 * of its own may allow it.
 */
bool sys_mounts_detached(void);
void sys_allow_stage(void);

/* A detached copy of the mount at @path; @flags: AT_RECURSIVE for all below it too, AT_SYMLINK_NOFOLLOW. */
int sys_clone_tree(const char *path, unsigned flags);

/* What sys_clone_tree() would copy, open; for sys_clone_mount() by somebody else. */
int sys_open_source(const char *path, unsigned flags);

/* A detached copy of the mount of @fd, with what it is as its root. */
int sys_clone_mount(int fd, unsigned flags);

/*
 * What open_tree(2), Linux 5.2, copies in another mount namespace, to be handed over; -ENOSYS. It stays a peer of the mount it
 * was made of. sys_take_tree() gives it to the functions here, also where they use mount(2): a descriptor of its own.
 */
int sys_lend_tree(const char *path, unsigned flags);
int sys_take_tree(int tree);

/* Onto what @target is; @mount then is the mount there. */
int sys_attach_mount(int mount, int target);

/* @flags: AT_RECURSIVE. @attr->propagation: MS_SHARED ... or 0. AT_FDCWD: the mount we stand in the root of. */
int sys_set_mount_attr(int mount, unsigned flags, struct mount_attr *attr);

/*
 * Before the rootfs is attached to @place: what else the functions here keep in the mount namespace
 * goes there first, and is covered by the rootfs. So nothing of it is seen by who enters the
 * namespace. It goes with the host's tree; or, once the rootfs was moved away, by sys_drop_stage(),
 * which changes the working directory.
 */
int sys_hide_stage(int place);
int sys_drop_stage(void);

/*
 * ---- file systems, where fsopen(2) and those that go with it are missing, or have no word for an
 * option ----
 */

/*
 * A new one, made by mount(2) where nobody sees it, to be attached. @flags: MS_* that are no attributes; @data: its
 * options, joined by commas.
 */
int sys_make_filesystem(const char *source, const char *type, unsigned long flags, uint64_t attrs,
			const char *data);

/* Change the options of the one mounted at @mount, and attributes of this mount of it. */
int sys_change_filesystem(int mount, unsigned long flags, const struct mount_attr *change,
			  const char *data);

/* MOUNT_ATTR_* as the MS_* of mount(2). */
unsigned long sys_mount_flags(uint64_t attrs);

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
 * A child that shares our mount namespace, not our memory, is to make one mount where there are no detached ones: open the stage before it
 * is cloned, and once it has ended go on behind the place that it took.
 */
int sys_stage_lend(void);
void sys_stage_return(void);

/* Can a procfs be told the pid namespace @pids to show (Linux 6.17)? */
bool sys_proc_takes_pids(int pids);

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

/* The number by which /proc/self/mountinfo knows the mount of @fd. Or -errno. */
int64_t sys_mount_id(int fd);

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
