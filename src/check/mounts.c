/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check/mounts.c - are file systems known, and sources there and of the right kind?
 *
 * No module is loaded by a question: what /proc/filesystems has not is looked for in the list of
 * modules. What lies in an earlier mount of the container is not there yet.
 */
#include "check/check.h"

#include "base/fmt.h"
#include "base/path.h"
#include "kernel/fd.h"
#include "kernel/process.h"

#include <linux/limits.h>
#include <string.h>

/* ---- targets ---- */

/*
 * 1: a directory; 0: another file; -1: not known, as a link or an earlier mount decides it, or it
 * is missing.
 */
static int kind_of_target(const struct check *c, const struct step *s)
{
	size_t index = (size_t) (s - c->plan->steps);
	struct stat st;

	if (c->rootfs < 0 || check_covering_mount(c, s->mount.target, index))
		return -1;

	autoclose int fd = sys_open_in_root_unlinked(c->rootfs, s->mount.target, O_PATH);
	if (fd < 0 || sys_stat(fd, &st) < 0 || S_ISLNK(st.st_mode))
		return -1;

	return S_ISDIR(st.st_mode);
}

/* ---- types ---- */

/* Has the file @path, of any size, a line that ends in @line? */
static bool has_line(const char *path, const char *line)
{
	char room[8192];
	size_t length = strlen(line), kept = 0;

	autoclose int fd = sys_open(path, O_RDONLY);
	if (fd < 0)
		return false;
	for (;;) {
		ssize_t n = sys_read(fd, room + kept, sizeof(room) - 1 - kept);

		if (n <= 0)
			return false;
		kept += (size_t) n;
		room[kept] = '\0';
		if (strstr(room, line))
			return true;
		/* The last line read may be incomplete: it is kept for the next read. */
		size_t rest = kept < length ? kept : length;
		memmove(room, room + kept - rest, rest);
		kept = rest;
	}
}

/* "fuse.sshfs" is fuse, mount(8). */
static void check_type(const struct check *c, const struct step *s, struct check_demand *d)
{
	const struct mount_step *m = &s->mount;
	char line[PATH_MAX], path[128];
	struct utsname kernel;
	int length = (int) strcspn(m->type, ".");

	if (kind_of_target(c, s) == 0) {
		check_answer(c, CHECK_NO, d, "a file system is a directory, the target is none");
		return;
	}
	fmt_text(line, sizeof(line), "\t%.*s\n", length, m->type);
	if (has_line("/proc/filesystems", line)) {
		check_answer(c, CHECK_OK, d, "this kernel has it");
		return;
	}
	sys_uname(&kernel);
	fmt_text(path, sizeof(path), "/lib/modules/%s/modules.alias", kernel.release);
	fmt_text(line, sizeof(line), "alias fs-%.*s ", length, m->type);
	d->remedy = "load its module, or boot a kernel that has it";
	if (has_line(path, line))
		check_answer(c, CHECK_OK, d, "a module has it, which mount(2) loads");
	else
		check_answer(c, CHECK_NO, d, "this kernel has no such file system");
}

/* ---- binds ---- */

static void check_bind(const struct check *c, const struct step *s, const struct check_demand *d)
{
	const struct mount_step *m = &s->mount;
	struct stat st;

	autoclose int fd = sys_open(m->source, O_PATH | (m->source_nofollow ? O_NOFOLLOW : 0));
	int r = fd < 0 ? fd : sys_stat_cached(fd, &st);
	if (r < 0 && path_below(m->source, c->plan->rootfs)) {
		check_answer(c, CHECK_WEAKER, d,
			     "not read: \"%s\" may be in an earlier mount of the container",
			     m->source);
		return;
	}
	if (r < 0) {
		check_answer(c, CHECK_NO, d, "the source \"%s\": %s", m->source, errno_text(-r));
		return;
	}

	int target = kind_of_target(c, s);
	if (target >= 0 && target != S_ISDIR(st.st_mode))
		check_answer(c, CHECK_NO, d, "the source \"%s\" is %s directory, the target is %s",
			     m->source, S_ISDIR(st.st_mode) ? "a" : "no", target ? "one" : "none");
	else
		check_answer(c, CHECK_OK, d, "the source \"%s\" is there", m->source);
}

/* ---- all ---- */

/* A cgroup mount shows the container's own cgroups, which do not exist yet. */
static bool is_own_cgroup(const struct check *c, const struct mount_step *m)
{
	for (size_t i = 0; i < c->plan->spawn && !m->type; i++)
		if (c->plan->steps[i].op == OP_MAKE_CGROUP &&
		    path_below(m->source, c->plan->steps[i].cgroup.path))
			return true;

	return false;
}

void check_mounts(const struct check *c)
{
	char what[256];

	for (size_t i = 0; i < c->plan->step_count; i++) {
		const struct step *s = &c->plan->steps[i];
		const struct mount_step *m = &s->mount;
		struct check_demand d = { .place = s->place, .what = what };

		if (s->op != OP_MOUNT || m->remount || s->place[0] == '\0' || is_own_cgroup(c, m))
			continue;
		fmt_text(what, sizeof(what), "%s on \"%s\"", m->type ? m->type : "bind", m->target);
		if (m->type)
			check_type(c, s, &d);
		else
			check_bind(c, s, &d);
	}
}
