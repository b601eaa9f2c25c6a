/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check/idmap.c - can the owners of a mount be mapped?
 *
 * As in create, a detached copy of the source, or a new file system, is mapped by a user namespace
 * that is made for this purpose. Both disappear when they are closed. Whether a file system can be
 * mapped does not depend on the ids.
 */
#include "check/check.h"

#include "base/fmt.h"
#include "base/table.h"
#include "kernel/fd.h"
#include "kernel/mount.h"
#include "kernel/namespaces.h"
#include "kernel/process.h"
#include "kernel/since.h"

#include <string.h>

static int write_maps(pid_t pid)
{
	static const char *const files[] = { "uid_map", "gid_map" };
	static const char map[] = "0 0 1";
	char path[64];

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		fmt_text(path, sizeof(path), "/proc/%d/%s", pid, files[i]);

		autoclose int fd = sys_open(path, O_WRONLY);
		int r = fd < 0 ? fd : sys_write_all(fd, map, strlen(map));
		if (r < 0)
			return r;
	}

	return 0;
}

/* A user namespace that maps root to root, or -errno. */
static int make_namespace(void)
{
	char path[64];
	int ends[2], status;
	int r = sys_pipe(ends);

	if (r < 0)
		return r;

	pid_t pid = sys_hold_namespaces(CLONE_NEWUSER, ends);
	r = pid < 0 ? pid : write_maps(pid);
	fmt_text(path, sizeof(path), "/proc/%d/ns/user", pid);

	int fd = r < 0 ? r : sys_open(path, O_RDONLY);
	sys_close(ends[1]);
	if (pid > 0)
		sys_wait(pid, &status, 0);

	return fd;
}

/* A new file system without options, which ends with its descriptor; not of a block device. */
static int make_file_system(const struct mount_step *m)
{
	autoclose int fs = sys_fsopen(m->type);
	int r = fs < 0 ? fs : sys_fs_create(fs);

	return r < 0 ? r : sys_fsmount(fs, 0);
}

static int open_tree(const struct mount_step *m)
{
	unsigned flags =
		(m->recursive ? AT_RECURSIVE : 0) | (m->source_nofollow ? AT_SYMLINK_NOFOLLOW : 0);

	return m->bind ? sys_clone_tree(m->source, flags) : make_file_system(m);
}

bool check_idmap(const struct check *c, const struct step *s, struct check_demand *d)
{
	const struct mount_step *m = &s->mount;

	/* An ordinary user may not map a mount, so nothing can be tried. */
	if (m->idmap.way == MOUNT_IDMAP_NONE || sys_euid() != 0)
		return true;

	autoclose int tree = open_tree(m);
	autoclose int users = tree < 0 ? -1 : make_namespace();
	if (tree < 0 || users < 0)
		return true;

	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t) users };
	int r = sys_set_mount_attr(tree, m->idmap.recursive ? AT_RECURSIVE : 0, &attr);
	d->since = since_rows[SINCE_IDMAPPED].version;
	d->remedy = "chown its files, or map the container's own users";
	if (r == -EINVAL && !m->bind)
		check_answer(c, CHECK_NO, d, "a file system of type %s can't be id-mapped",
			     m->type);
	else if (r == -EINVAL)
		check_answer(c, CHECK_NO, d,
			     "the file system of \"%s\", or one below it, can't be id-mapped",
			     m->source);
	else if (r < 0)
		check_answer(c, CHECK_NO, d, "id-map \"%s\": %s", m->source, errno_text(-r));

	return r >= 0;
}
