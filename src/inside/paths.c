/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/paths.c - hide and write-protect paths of the container
 *
 * Applies linux.maskedPaths and linux.readonlyPaths, after the mounts of config.json and before
 * pivot_root(2).
 *
 * Each path is looked up once, with the rootfs as its root, and from then on only the descriptor
 * counts. A second look-up of the same name could end elsewhere: another container may share the
 * rootfs and be swapping symlinks in it at this very moment.
 */
#include "inside/inside.h"

#include "base/table.h"
#include "kernel/mount.h"

/* A masked file reads as empty and takes any write: it becomes /dev/null. */
static int mask_file(int target, struct err *e)
{
	autoclose int null = devices_clone_null(e);
	if (null < 0)
		return -1;

	int r = sys_attach_mount(null, target);

	return r < 0 ? err_sys(e, r, "cover with /dev/null") : 0;
}

/* The smallest tmpfs: its one inode is the root, so it can't hold anything. */
static const struct {
	const char *key, *value;
} empty_tmpfs[] = {
	{ "nr_blocks", "1" },
	{ "nr_inodes", "1" },
	{ "mode", "0555" },
};

/* The same for a kernel without fsopen(2). */
static int make_empty_at_once(struct err *e)
{
	int empty = sys_make_filesystem("tmpfs", "tmpfs", 0,
					MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
						MOUNT_ATTR_NOEXEC,
					"nr_blocks=1,nr_inodes=1,mode=0555");

	return empty < 0 ? err_sys(e, empty, "mount tmpfs") : empty;
}

static int make_empty(struct err *e)
{
	if (!sys_mounts_detached())
		return make_empty_at_once(e);

	autoclose int fs = sys_fsopen("tmpfs");
	if (fs < 0)
		return err_sys(e, fs, "open tmpfs");

	for (size_t i = 0; i < ARRAY_SIZE(empty_tmpfs); i++) {
		int r = sys_fs_set(fs, empty_tmpfs[i].key, empty_tmpfs[i].value);

		if (r < 0)
			return err_sys(e, r, "tmpfs option \"%s\"", empty_tmpfs[i].key);
	}

	int r = sys_fs_create(fs);
	if (r < 0)
		return err_sys(e, r, "create tmpfs");

	int empty = sys_fsmount(fs, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
					    MOUNT_ATTR_NOEXEC);

	return empty < 0 ? err_sys(e, empty, "mount tmpfs") : empty;
}

/*
 * A masked directory is empty and stays so. All of them share one tmpfs: the first is attached, the
 * others are copies of it, for a superblock each would make the container's end slow on large
 * hosts.
 */
static int mask_directory(struct inside *in, int target, struct err *e)
{
	autoclose int empty =
		in->empty_mount >= 0 ? sys_clone_mount(in->empty_mount, 0) : make_empty(e);
	if (empty < 0)
		return in->empty_mount >= 0 ? err_sys(e, empty, "copy the empty directory") : -1;

	int r = sys_attach_mount(empty, target);
	if (r < 0)
		return err_sys(e, r, "cover with an empty directory");
	if (in->empty_mount < 0)
		in->empty_mount = take_fd(&empty);

	return 0;
}

static int mask(struct inside *in, int target, struct err *e)
{
	struct stat st;
	int r = sys_stat(target, &st);

	if (r < 0)
		return err_sys(e, r, "stat");

	return S_ISDIR(st.st_mode) ? mask_directory(in, target, e) : mask_file(target, e);
}

/*
 * Cover the path with a read-only copy of itself. The copy is write-protected while it is still
 * detached: at no moment is there a writable second mount.
 */
static int protect(struct inside *in, int target, struct err *e)
{
	struct mount_attr readonly = { .attr_set = MOUNT_ATTR_RDONLY };

	(void) in;

	autoclose int copy = sys_clone_mount(target, AT_RECURSIVE);
	if (copy < 0)
		return err_sys(e, copy, "clone the mount");

	int r = sys_set_mount_attr(copy, AT_RECURSIVE, &readonly);
	if (r < 0)
		return err_sys(e, r, "make the copy read-only");
	r = sys_attach_mount(copy, target);

	return r < 0 ? err_sys(e, r, "cover with the read-only copy") : 0;
}

static int apply(struct inside *in, const char *path, const char *verb,
		 int (*action)(struct inside *in, int target, struct err *e), struct err *e)
{
	/*
	 * The usual rules name files of /proc that not every kernel has. Nothing there means
	 * nothing to protect; any other failure could leave something in the open, so it ends us.
	 */
	autoclose int target = sys_open_in_root(in->rootfs, path, O_PATH);
	if (target == -ENOENT || target == -ENOTDIR)
		return 0;
	if (target < 0)
		return err_sys(e, target, "%s: open \"%s\"", verb, path);
	if (action(in, target, e) < 0)
		return err_in(e, "%s \"%s\"", verb, path);

	return 0;
}

int paths_mask(struct inside *in, const struct step *s, struct err *e)
{
	return apply(in, s->path, "mask", mask, e);
}

int paths_protect(struct inside *in, const struct step *s, struct err *e)
{
	return apply(in, s->path, "make read-only", protect, e);
}
