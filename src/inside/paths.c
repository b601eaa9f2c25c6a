/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/paths.c - hide and write-protect paths of the container
 *
 * Applies linux.maskedPaths and linux.readonlyPaths, after the mounts of config.json and before
 * pivot_root(2).
 *
 * Each path is looked up once, with the rootfs as its root, and then only the descriptor is used. A
 * second look-up of the name could lead elsewhere: another container may share the rootfs and
 * replace directories by links at this moment.
 */
#include "inside/inside.h"

#include "base/path.h"
#include "base/table.h"
#include "kernel/mount.h"
#include "wire/filesystem.h"

/* The smallest tmpfs: its one inode is the root, so it can't hold anything. */
static const struct mount_parameter empty_parameters[] = {
	{ "nr_blocks", "1" },
	{ "nr_inodes", "1" },
	{ "mode", "0555" },
};

static const struct mount_step empty_tmpfs = {
	.type = "tmpfs",
	.parameters = empty_parameters,
	.parameter_count = ARRAY_SIZE(empty_parameters),
	.data = "nr_blocks=1,nr_inodes=1,mode=0555",
	.attrs.set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
};

/*
 * For a kernel or a policy that refuses tmpfs. A ramfs has no such limits, but the mount is
 * read-only.
 */
static const struct mount_step empty_ramfs = {
	.type = "ramfs",
	.parameters = &empty_parameters[2],
	.parameter_count = 1,
	.data = "mode=0555",
	.attrs.set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
};

static int make_empty(struct err *e)
{
	struct err ignored;
	int mount = filesystem_make(&empty_tmpfs, -1, e);

	/* After any other failure the kernel may well have tmpfs, so the failure is reported. */
	return mount < 0 && (e->code == ENODEV || e->code == EPERM || e->code == EACCES)
		       ? filesystem_make(&empty_ramfs, -1, &ignored)
		       : mount;
}

/*
 * Attach a mount that hides @target. All masks of a kind share one: @make makes it for the first,
 * which leaves it in *@mask, and the others attach copies. A tmpfs for each directory would make
 * the end of the container slow on large hosts.
 */
static int cover(int *mask, int (*make)(struct err *e), int target, const char *what, struct err *e)
{
	autoclose int mount = *mask >= 0 ? sys_clone_mount(*mask, 0) : make(e);
	if (mount < 0)
		return *mask >= 0 ? err_sys(e, mount, "copy %s", what) : -1;

	int r = sys_attach_mount(mount, target);
	if (r < 0)
		return err_sys(e, r, "cover with %s", what);
	if (*mask < 0)
		*mask = take_fd(&mount);

	return 0;
}

/* A masked directory is empty and stays so; a masked file reads as empty and takes any write. */
static int mask(struct inside *in, int target, struct err *e)
{
	struct stat st;
	int r = sys_stat(target, &st);

	if (r < 0)
		return err_sys(e, r, "stat");

	return S_ISDIR(st.st_mode)
		       ? cover(&in->empty_mount, make_empty, target, "an empty directory", e)
		       : cover(&in->null_mount, devices_clone_null, target, "/dev/null", e);
}

/*
 * Cover the path with a read-only copy of itself: a descriptor of the copy, or -1. The copy is
 * write-protected while it is still detached: at no moment is there a writable second mount.
 */
static int cover_readonly(int target, struct err *e)
{
	struct mount_attr readonly = { .attr_set = MOUNT_ATTR_RDONLY };
	autoclose int copy = sys_clone_mount(target, AT_RECURSIVE);
	if (copy < 0)
		return err_sys(e, copy, "clone the mount");

	int r = sys_set_mount_attr(copy, AT_RECURSIVE, &readonly);
	if (r < 0)
		return err_sys(e, r, "make the copy read-only");
	r = sys_attach_mount(copy, target);

	return r < 0 ? err_sys(e, r, "cover with the read-only copy") : take_fd(&copy);
}

static int protect(struct inside *in, int target, struct err *e)
{
	autoclose int copy = cover_readonly(target, e);

	(void) in;

	return copy < 0 ? -1 : 0;
}

bool paths_is_root(int mount, int target)
{
	struct stat root, st;

	return mount >= 0 && sys_stat(target, &st) == 0 && sys_stat(mount, &root) == 0 &&
	       st.st_dev == root.st_dev && st.st_ino == root.st_ino &&
	       sys_mount_id(target) == sys_mount_id(mount);
}

/* The copy may cover all of procfs or sysfs: then the masks have to be in the copy. */
static int protect_mount(struct inside *in, int target, struct err *e)
{
	int *trusted = paths_is_root(in->proc_mount, target)  ? &in->proc_mount
		       : paths_is_root(in->sys_mount, target) ? &in->sys_mount
							      : NULL;
	autoclose int copy = cover_readonly(target, e);

	if (copy < 0)
		return -1;
	if (trusted) {
		fd_close(trusted);
		*trusted = take_fd(&copy);
	}

	return 0;
}

const char *paths_below_top(const char *path, const char *name)
{
	size_t length = strlen(name);

	path += strspn(path, "/");
	if (strncmp(path, name, length) != 0 || (path[length] != '/' && path[length] != '\0'))
		return NULL;
	path += length;

	return path + strspn(path, "/");
}

static bool is_in_own_procfs(const char *path)
{
	static const char *const places[] = { "/proc/self", "/proc/thread-self", "/dev/fd" };
	bool found = false;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		found |= path_below(path, places[i]) != NULL;

	return found;
}

const char *paths_in_own_procfs(const char *path, char target[PATH_MAX])
{
	ssize_t n = sys_read_link_at(AT_FDCWD, path, target, PATH_MAX - 1);

	target[n > 0 ? n : 0] = '\0';
	if (is_in_own_procfs(path))
		return path;

	return is_in_own_procfs(target) ? target : NULL;
}

int paths_trust(struct inside *in, int mount, const char *target, struct err *e)
{
	static const char *const names[] = { "proc", "sys" };
	int *const mounts[] = { &in->proc_mount, &in->sys_mount };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *rest = paths_below_top(target, names[i]);

		if (!rest || *rest != '\0')
			continue;
		fd_close(mounts[i]);
		*mounts[i] = mount < 0 ? -1 : sys_dup(mount, 0);
		if (mount >= 0 && *mounts[i] < 0)
			return err_sys(e, *mounts[i], "keep \"%s\" for the paths in it", target);
	}

	return 0;
}

static bool has_dots(const char *path)
{
	for (; *path != '\0'; path++)
		if (path[0] == '.' && path[1] == '.')
			return true;

	return false;
}

/*
 * The part of @path behind the top directory @name of the rootfs; NULL: there is none, or `..` may
 * lead out of the directory.
 */
static const char *path_inside(const char *path, const char *name)
{
	const char *rest = has_dots(path) ? NULL : paths_below_top(path, name);

	return rest && *rest != '\0' ? rest : NULL;
}

/*
 * Another container with the same rootfs may rename /proc during the look-up: the path would be
 * missing and left unmasked, and /proc be back a moment later. So paths below our own procfs or
 * sysfs are looked up from the descriptor of that mount.
 */
static int open_path(const struct inside *in, const char *path)
{
	const char *in_proc = in->proc_mount >= 0 ? path_inside(path, "proc") : NULL;
	const char *in_sys = in->sys_mount >= 0 ? path_inside(path, "sys") : NULL;

	if (in_proc)
		return sys_open_in_root(in->proc_mount, in_proc, O_PATH);
	if (in_sys)
		return sys_open_in_root(in->sys_mount, in_sys, O_PATH);

	return sys_open_in_root(in->rootfs, path, O_PATH);
}

static int apply(struct inside *in, const char *path, const char *verb,
		 int (*action)(struct inside *in, int target, struct err *e), struct err *e)
{
	/*
	 * Most config.json list files of /proc that not every kernel has: a missing file needs no
	 * mask. Any other failure ends the container, as the path would stay readable.
	 */
	autoclose int target = open_path(in, path);
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
	/* Most paths lie below /proc: such a path is no root of a mount, so none is compared. */
	bool below = path_inside(s->path, "proc") || path_inside(s->path, "sys");

	return apply(in, s->path, "make read-only", below ? protect : protect_mount, e);
}
