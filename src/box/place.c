/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * box/place.c - the file system that ROOT lies on: the kernel's own, nosuid, noexec, read-only
 */
#include "box/box.h"

#include "base/fmt.h"
#include "base/table.h"
#include "heap/log.h"
#include "kernel/fd.h"
#include "kernel/mount.h"
#include "kernel/mountinfo.h"
#include "kernel/sys.h"

#include <errno.h>
#include <linux/magic.h>

/* File systems of the kernel's that have no programs in them. */
static const struct {
	uint32_t magic;
	const char *type;
} kernel_types[] = {
	{ PROC_SUPER_MAGIC, "proc" },	  { SYSFS_MAGIC, "sysfs" },
	{ CGROUP_SUPER_MAGIC, "cgroup" }, { CGROUP2_SUPER_MAGIC, "cgroup2" },
	{ DEVPTS_SUPER_MAGIC, "devpts" },
};

/* NULL: ROOT is on none of them. */
static const char *find_kernel_type(const struct box *b)
{
	struct statfs fs;
	struct stat st, dev;

	if (sys_statfs(b->dir, &fs) < 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(kernel_types); i++)
		if ((uint32_t) fs.f_type == kernel_types[i].magic)
			return kernel_types[i].type;
	/* A devtmpfs has the magic number of a tmpfs, which may have a root file system in it. */
	if (sys_stat(b->dir, &st) == 0 && sys_stat_at(AT_FDCWD, "/dev", 0, &dev) == 0 &&
	    st.st_dev == dev.st_dev && st.st_ino == dev.st_ino)
		return "device nodes";

	return NULL;
}

int box_check_place(const struct box *b, struct err *e)
{
	const char *type = b->dir < 0 ? NULL : find_kernel_type(b);

	return type ? err_msg(e, "\"%s\" is a file system of the kernel's (%s), not one for a root",
			      b->root, type)
		    : 0;
}

static bool has_flag(const struct box *b, long flag)
{
	struct statfs fs;

	return b->dir >= 0 && sys_statfs(b->dir, &fs) == 0 && (fs.f_flags & flag);
}

/* The mount point that ROOT is below; ROOT's own path where that can't be found. */
static const char *mount_point(const struct box *b)
{
	autoclose int file = sys_open("/proc/self/mountinfo", O_RDONLY);
	struct mountinfo m = { .fd = file };
	struct mountinfo_line line;
	int64_t id = sys_mount_id(b->dir);

	while (mountinfo_next(&m, &line) > 0)
		if ((int64_t) line.id == id)
			return arena_strdup(b->arena, line.point);

	return b->root;
}

/* A set-uid program, which is without effect on a nosuid mount; NULL: none. */
static const char *find_powerless(const struct box *b)
{
	static const char *const programs[] = { "/bin/su", "/usr/bin/su", "/usr/bin/sudo" };

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		autoclose int fd = sys_open_in_root(b->dir, programs[i], O_PATH);
		struct stat st;

		if (fd >= 0 && sys_stat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
		    (st.st_mode & S_ISUID))
			return programs[i];
	}

	return NULL;
}

void box_note_nosuid(const struct box *b)
{
	if (b->quiet || b->whole || !has_flag(b, STATFS_NOSUID))
		return;

	const char *program = find_powerless(b);
	if (!program)
		return;

	const char *point = mount_point(b);
	log_notice(
		"box \"%s\": \"%s\" is mounted nosuid: %s has no effect (mount -o remount,suid %s)",
		b->id, point, program, point);
}

void box_explain_noexec(const struct box *b, struct err *e)
{
	if (e->code != EACCES || !has_flag(b, STATFS_NOEXEC))
		return;

	const char *point = mount_point(b);

	fmt_text(e->hint, sizeof(e->hint), "\"%s\" is mounted noexec: mount -o remount,exec %s",
		 point, point);
}

/*
 * Would an overlay's upper layer, which is the caller's, get what is missing? Not in a directory
 * that ROOT has, as that keeps its owner; nor if the caller may not search ROOT at all.
 */
static bool is_made_in_root(const struct box *b, const struct err *e)
{
	const struct oci_mount *m = box_mount_at(b, e->place);

	if (!m || sys_access_at(b->dir, ".", X_OK) < 0)
		return false;

	const char *name = m->destination + strspn(m->destination, "/");
	const char *first = arena_memdup(b->arena, name, strcspn(name, "/"));
	autoclose int fd = sys_open_in_root(b->dir, first, O_PATH);

	return fd == -ENOENT;
}

void box_explain_mount_point(const struct box *b, struct err *e)
{
	struct stat st;

	/* Over a layer of the box's own what is missing can be made. */
	if (!e->from_image || b->layered || b->dir < 0 || sys_stat(b->dir, &st) < 0)
		return;
	if (e->code == EROFS && b->whole)
		fmt_text(
			e->hint, sizeof(e->hint),
			"the host has no such path, and is read-only: take a path that is there, or "
			"one below /tmp, /run or /home%s",
			b->facts->euid == 0 ? ", or give --ephemeral" : "");
	else if (e->code == EROFS && has_flag(b, STATFS_READONLY))
		fmt_text(e->hint, sizeof(e->hint),
			 "ROOT is read-only: with --ephemeral, what it lacks is made in memory");
	else if (e->code == EACCES && b->facts->euid != 0 && st.st_uid != b->facts->euid &&
		 is_made_in_root(b, e))
		fmt_text(
			e->hint, sizeof(e->hint),
			"ROOT belongs to uid %u: with --ephemeral, what it lacks is made in memory",
			st.st_uid);
}
