/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/rootfs.c - the container's root: bind, pivot, protect
 *
 * The rootfs becomes a mount of its own, held by descriptor. Everything else is mounted into it
 * while the host's tree is still there as a source; then pivot_root(2) makes it the root and the
 * host's tree is let go.
 */
#include "inside/inside.h"

#include "kernel/mount.h"
#include "kernel/process.h"
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

static int open_source(struct inside *in, const char *path, bool from_host, struct err *e)
{
	struct wire_message m;
	int tree = -1;

	if (!from_host) {
		tree = sys_clone_tree(path, AT_RECURSIVE);
		return tree < 0 ? err_sys(e, tree, "open rootfs \"%s\"", path) : tree;
	}
	if (wire_receive(in->control, &m, &tree) <= 0 || tree < 0)
		return err_msg(e, "rootfs \"%s\" did not arrive from the host side", path);
	if (m.kind == WIRE_DESCRIPTOR)
		return tree;

	autoclose int source = tree;
	tree = sys_clone_mount(source, AT_RECURSIVE);

	return tree < 0 ? err_sys(e, tree, "open rootfs \"%s\"", path) : tree;
}

/* The source is the root of what we see, with all that is mounted there. */
static bool binds_root(const struct mount_step *m)
{
	struct stat st, root;

	return m->bind && m->recursive && !m->remount && !m->source_from_host &&
	       sys_stat_at(AT_FDCWD, m->source, 0, &st) == 0 &&
	       sys_stat_at(AT_FDCWD, "/", 0, &root) == 0 && st.st_dev == root.st_dev &&
	       st.st_ino == root.st_ino;
}

/* Once the rootfs lies on top of our root, a copy of that has the rootfs on top, too. */
static int copy_root_early(struct inside *in, struct err *e)
{
	for (size_t i = in->step + 1; i < in->plan->step_count && sys_mounts_detached(); i++) {
		const struct step *s = &in->plan->steps[i];

		if (s->op != OP_MOUNT || !binds_root(&s->mount))
			continue;
		if (in->host_count == HOST_ROOTS) {
			(void) err_msg(e, "\"/\" can be bound %d times, not more", HOST_ROOTS);
			return err_at(e, s->place);
		}

		int tree = sys_clone_tree(s->mount.source, AT_RECURSIVE);
		if (tree < 0) {
			(void) err_sys(e, tree, "bind \"%s\"", s->mount.source);
			return err_at(e, s->place);
		}
		in->hosts[in->host_count].step = i;
		in->hosts[in->host_count++].tree = tree;
	}

	return 0;
}

int rootfs_mount(struct inside *in, const struct step *s, struct err *e)
{
	const char *path = s->rootfs.path;

	autoclose int tree = open_source(in, path, s->rootfs.source_from_host, e);
	if (tree < 0 || copy_root_early(in, e) < 0)
		return -1;

	/*
	 * pivot_root(2) only wants a mount, wherever it is. On top of our root it needs no second
	 * look-up of @path, and is in nobody's way: look-ups begin at the root we have, not at what
	 * lies over it.
	 */
	autoclose int target = sys_open("/", O_PATH | O_DIRECTORY);
	if (target < 0)
		return err_sys(e, target, "open \"/\"");

	int r = sys_attach_mount(tree, target);
	if (r < 0)
		return err_sys(e, r, "mount rootfs \"%s\"", path);
	in->rootfs = take_fd(&tree);

	return 0;
}

static int enter(struct inside *in, struct err *e)
{
	int r = sys_fchdir(in->rootfs);

	return r < 0 ? err_sys(e, r, "enter the rootfs") : 0;
}

/* From now on the host's files are out of sight, and so must be its procfs. */
static void forget_host(struct inside *in)
{
	if (in->proc >= 0)
		sys_close(in->proc);
	in->proc = -1;
	fd_close(&in->proc_mount);
	fd_close(&in->sys_mount);
	in->proc_mount = in->sys_mount = -1;
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
	r = sys_leave_stage();
	if (r == 0)
		r = sys_umount(".", MNT_DETACH);
	if (r < 0)
		return err_sys(e, r, "let go of the host's root");
	r = sys_chdir("/");
	if (r < 0)
		return err_sys(e, r, "change to the new root");
	forget_host(in);

	return 0;
}

static int enter_as_root(struct inside *in, struct err *e)
{
	if (enter(in, e) < 0)
		return -1;

	int r = sys_chroot(".");
	if (r < 0)
		return err_sys(e, r, "chroot");
	forget_host(in);

	return 0;
}

int rootfs_move(struct inside *in, const struct step *s, struct err *e)
{
	(void) s;

	/* It lies on top of "/" already, where MS_MOVE would put it. */
	return enter_as_root(in, e);
}

int rootfs_chroot(struct inside *in, const struct step *s, struct err *e)
{
	in->rootfs = sys_open(s->path, O_PATH | O_DIRECTORY);
	if (in->rootfs < 0)
		return err_sys(e, in->rootfs, "open rootfs \"%s\"", s->path);

	return enter_as_root(in, e);
}

int rootfs_protect(struct inside *in, const struct step *s, struct err *e)
{
	struct mount_attr readonly = { .attr_set = MOUNT_ATTR_RDONLY };

	(void) in, (void) s;

	/* We stand in it. */
	int r = sys_set_mount_attr(AT_FDCWD, 0, &readonly);
	if (r < 0)
		return err_sys(e, r, "make the rootfs read-only");

	return 0;
}

int rootfs_propagate_root(struct inside *in, const struct step *s, struct err *e)
{
	const unsigned long recursive = 16384; /* MS_REC */
	struct mount_attr attr = { .propagation = s->propagation.flags & ~recursive };

	(void) in;

	int r = sys_set_mount_attr(AT_FDCWD, s->propagation.flags & recursive ? AT_RECURSIVE : 0,
				   &attr);
	if (r < 0)
		return err_sys(e, r, "set the propagation of the rootfs");

	return 0;
}
