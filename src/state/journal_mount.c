/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * state/journal_mount.c - the mount on the rootfs of a container that shares a mount namespace
 *
 * The journal can only name the mount before it exists: by the directory that it covers. So undo
 * looks at the mount at this path: it is unmounted if it is in the same mount namespace, has the
 * same directory as its root, and is not the mount that the journal names as the covered one. An
 * engine's own mount there, or a later one, is not unmounted.
 */
#include "state/journal_mount.h"

#include "base/fmt.h"
#include "kernel/fd.h"
#include "kernel/mount.h"
#include "kernel/process.h"

#include <string.h>

static int own_namespace(uint64_t *inode)
{
	struct stat st;
	int r = sys_stat_at(AT_FDCWD, "/proc/self/ns/mnt", 0, &st);

	*inode = st.st_ino;

	return r;
}

int journal_mount_describe(int directory, struct mount_entry *m)
{
	struct stat st;
	int r = own_namespace(&m->namespace);

	if (r == 0)
		r = sys_stat(directory, &st);
	if (r < 0)
		return r;
	m->device = st.st_dev;
	m->inode = st.st_ino;
	m->id = (uint64_t) sys_mount_id(directory);

	return (int64_t) m->id < 0 ? (int) m->id : 0;
}

/* Is the mount at the path another one than before, with the same directory as its root? */
static bool is_ours(const struct mount_entry *was, const struct mount_entry *is)
{
	return is->namespace == was->namespace && is->id != was->id && is->device == was->device &&
	       is->inode == was->inode;
}

int journal_mount_undo(const struct mount_entry *was, struct err *e)
{
	struct mount_entry is;
	char place[64];

	autoclose int directory = sys_open(was->path, O_PATH | O_DIRECTORY);
	if (directory == -ENOENT || directory == -ENOTDIR || directory == -ELOOP)
		return 0;

	int r = directory < 0 ? directory : journal_mount_describe(directory, &is);
	if (r < 0)
		return err_sys(e, r, "look for a mount on \"%s\"", was->path);
	if (!is_ours(was, &is))
		return 0;
	fmt_text(place, sizeof(place), "/proc/self/fd/%d", directory);
	r = sys_umount(place, MNT_DETACH);

	/* EINVAL: nothing is mounted there. */
	return r < 0 && r != -EINVAL ? err_sys(e, r, "unmount \"%s\"", was->path) : 0;
}
