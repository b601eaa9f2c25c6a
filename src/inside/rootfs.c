/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/rootfs.c - the container's root: bind, pivot, protect
 *
 * The rootfs becomes a mount of its own, held by descriptor. The other mounts are made in it while
 * the host's tree is still there as a source. Then pivot_root(2) makes it the root, and the host's
 * tree is unmounted.
 */
#include "inside/inside.h"

#include "kernel/mount.h"
#include "kernel/process.h"
#include "kernel/since.h"
#include "wire/wire.h"

#include <linux/mount.h>

int rootfs_propagate(struct inside *in, const struct step *s, struct err *e)
{
	(void) in;

	int r = sys_mount(NULL, "/", NULL, s->propagation.flags, NULL);
	if (r < 0)
		return err_sys(e, r, "keep mounts from travelling to the host");

	return 0;
}

static int receive(struct inside *in, const char *path, struct wire_message *m, struct err *e)
{
	int fd = -1;

	if (wire_receive(in->control, m, &fd) <= 0 || fd < 0)
		return err_msg(e, "rootfs \"%s\" did not arrive from the host side", path);

	return fd;
}

/*
 * The directory of the rootfs. *@tree: the detached copy to be mounted on it, where tare sent one;
 * else -1.
 */
static int open_place(struct inside *in, const struct step *s, int *tree, struct err *e)
{
	const char *path = s->rootfs.path;
	struct wire_message m;

	*tree = -1;
	if (!s->rootfs.source_from_host) {
		int place = sys_open(path, O_PATH | O_DIRECTORY);

		return place < 0 ? err_sys(e, place, "open rootfs \"%s\"", path) : place;
	}

	int fd = receive(in, path, &m, e);
	if (fd < 0 || m.kind != WIRE_DESCRIPTOR)
		return fd;
	*tree = fd;

	return receive(in, path, &m, e);
}

/*
 * The propagation of the mounts below the rootfs. pivot_root(2) refuses a shared root, so the
 * rootfs itself is changed last of all (OP_PROPAGATE_ROOT).
 */
static int propagate_below(const struct inside *in, unsigned long flags, struct err *e)
{
	struct mount_attr all = { .propagation = flags & ~(unsigned long) MS_REC };
	struct mount_attr itself = { .propagation = MS_PRIVATE };
	int r = flags ? sys_set_mount_attr(in->rootfs, AT_RECURSIVE, &all) : 0;

	if (r == 0 && flags & MS_SHARED)
		r = sys_set_mount_attr(in->rootfs, 0, &itself);

	return r < 0 ? err_sys(e, r, "set the propagation below the rootfs") : 0;
}

/*
 * A mount on a shared mount becomes shared too: so make the rootfs private, or mounts below it
 * would propagate to the namespace's other processes.
 */
static int keep_private(const struct inside *in, struct err *e)
{
	struct mount_attr attr = { .propagation = MS_PRIVATE };
	int r = sys_set_mount_attr(in->rootfs, AT_RECURSIVE, &attr);

	return r < 0 ? err_sys(e, r, "keep mounts from travelling to the host") : 0;
}

/*
 * The rootfs is mounted on its own path, which is looked up once. So until pivot_root(2) the host's
 * tree surrounds the container's mounts, and hooks that enter this mount namespace see both
 * (runtime-spec, config.md#prestart).
 */
int rootfs_mount(struct inside *in, const struct step *s, struct err *e)
{
	const char *path = s->rootfs.path;
	int made;

	autoclose int place = open_place(in, s, &made, e);
	autoclose int tree = made >= 0 || place < 0 ? made : sys_clone_mount(place, AT_RECURSIVE);
	if (place < 0)
		return -1;
	if (tree == -ENOSYS && s->rootfs.others) {
		(void) err_msg(e, "mounts need a new mount namespace");
		return err_lacks(e, SINCE_ROOTFS_OF_OTHERS);
	}
	/* Without detached mounts, a copy of "/" would have the stage of kernel/mount.c in it. */
	if (s->rootfs.readonly && !sys_mounts_detached()) {
		(void) err_msg(e, "\"%s\" can't be a rootfs", path);
		return err_lacks(e, SINCE_COPY_OF_ALL);
	}
	if (tree < 0)
		return err_sys(e, tree, "open rootfs \"%s\"", path);

	struct mount_attr readonly = { .attr_set = MOUNT_ATTR_RDONLY };
	int r = s->rootfs.readonly ? sys_set_mount_attr(tree, AT_RECURSIVE, &readonly) : 0;
	if (r < 0)
		return err_sys(e, r, "make rootfs \"%s\" read-only", path);
	r = sys_hide_stage(place);
	if (r == 0)
		r = sys_attach_mount(tree, place);
	if (r < 0)
		return err_sys(e, r, "mount rootfs \"%s\"", path);
	in->rootfs = take_fd(&tree);
	if (s->rootfs.others && keep_private(in, e) < 0)
		return -1;

	return propagate_below(in, s->rootfs.propagation, e);
}

static int enter(struct inside *in, struct err *e)
{
	int r = sys_fchdir(in->rootfs);

	return r < 0 ? err_sys(e, r, "enter the rootfs") : 0;
}

/* The host's files can't be reached any more; close the host's procfs, too. */
static void forget_host(struct inside *in)
{
	if (in->proc >= 0)
		sys_close(in->proc);
	in->proc = -1;
	sys_use_proc(-1);
	fd_close(&in->proc_mount);
	fd_close(&in->sys_mount);
	in->proc_mount = in->sys_mount = -1;
}

/* The host's root, a copy of it, and the memory for changes to that. */
#define MOST_STACKED 3

/*
 * path_resolution(7): of the root `..` is the root, but what is mounted there is entered. Any mount
 * that is left there would be a way to the host.
 */
static int is_covered(const struct inside *in, struct err *e)
{
	autoclose int above = sys_open("/..", O_PATH | O_DIRECTORY);

	if (above < 0)
		return err_sys(e, above, "look above the new root");

	return sys_mount_id(above) != sys_mount_id(in->rootfs);
}

/*
 * pivot_root(2), NOTES: the old root is stacked on the new one, and umount2(2) takes the uppermost
 * mount there. Where the rootfs is a copy of the host's "/", layers of it were mounted on that very
 * root, and are stacked above it.
 */
static int unmount_host_tree(const struct inside *in, struct err *e)
{
	int covered = 1;

	for (unsigned n = 0; covered > 0 && n < MOST_STACKED; n++) {
		int r = sys_umount(".", MNT_DETACH);

		if (r < 0)
			return err_sys(e, r, "let go of the host's root");
		covered = is_covered(in, e);
	}

	return covered > 0
		       ? err_msg(e, "let go of the host's root: a mount is left over the new one")
		       : covered;
}

int rootfs_pivot(struct inside *in, const struct step *s, struct err *e)
{
	(void) s;

	if (enter(in, e) < 0)
		return -1;

	/* pivot_root(2), NOTES: with both the same directory the old root is stacked on the new
	 * one. */
	int r = sys_pivot_root(".", ".");
	if (r < 0)
		return err_sys(e, r, "pivot_root");
	if (unmount_host_tree(in, e) < 0)
		return -1;
	r = sys_chdir("/");
	if (r < 0)
		return err_sys(e, r, "change to the new root");
	forget_host(in);

	return 0;
}

int rootfs_become(struct inside *in, struct err *e)
{
	if (enter(in, e) < 0)
		return -1;

	int r = sys_chroot(".");
	if (r < 0)
		return err_sys(e, r, "chroot");
	forget_host(in);

	return 0;
}

int rootfs_chroot(struct inside *in, const struct step *s, struct err *e)
{
	if (in->rootfs < 0)
		in->rootfs = sys_open(s->path, O_PATH | O_DIRECTORY);
	if (in->rootfs < 0)
		return err_sys(e, in->rootfs, "open rootfs \"%s\"", s->path);

	return rootfs_become(in, e);
}

int rootfs_protect(struct inside *in, const struct step *s, struct err *e)
{
	struct mount_attr readonly = { .attr_set = MOUNT_ATTR_RDONLY };

	(void) in, (void) s;

	/* The working directory is the rootfs. */
	int r = sys_set_mount_attr(AT_FDCWD, 0, &readonly);
	if (r < 0)
		return err_sys(e, r, "make the rootfs read-only");

	return 0;
}

int rootfs_propagate_root(struct inside *in, const struct step *s, struct err *e)
{
	const unsigned long recursive = MS_REC;
	struct mount_attr attr = { .propagation = s->propagation.flags & ~recursive };

	(void) in;

	int r = sys_set_mount_attr(AT_FDCWD, s->propagation.flags & recursive ? AT_RECURSIVE : 0,
				   &attr);
	if (r < 0)
		return err_sys(e, r, "set the propagation of the rootfs");

	return 0;
}
