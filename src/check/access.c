/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check/access.c - may the program's user execute a file?
 *
 * A child takes the ids that the user has outside of the container, and opens the file as the
 * kernel does for execve(2). Only root can try that. A user that may override the modes of files,
 * by a capability, is not tried.
 */
#include "check/check.h"

#include "base/fmt.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "program/program.h"

#include <linux/capability.h>
#include <string.h>

#define OVERRIDES (1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_DAC_READ_SEARCH)

struct trial {
	const struct check *c;
	int root;	  /* O_PATH: a directory, or the file itself */
	const char *path; /* below @root; "/": @root */
};

/* 0: the user may execute the file; 1: not; 2: it can't be known. */
static int try_as_user(void *arg)
{
	const struct trial *t = arg;
	const struct check *c = t->c;
	const struct step *user = plan_find_step(c->plan, OP_SET_USER);
	gid_t groups[64];
	struct statfs fs;
	char link[64];
	size_t count = 0;

	for (; user->user.set_groups && count < user->user.group_count && count < 64; count++)
		groups[count] = check_outer_id(c, true, user->user.groups[count]);
	if (sys_setgroups(count, groups) < 0 ||
	    sys_setgid(check_outer_id(c, true, user->user.gid)) < 0 ||
	    sys_setuid(check_outer_id(c, false, user->user.uid)) < 0 || sys_capset(0, 0, 0) < 0)
		return 2;

	autoclose int fd = strcmp(t->path, "/") == 0 ? sys_dup(t->root, 0)
						     : sys_open_in_root(t->root, t->path, O_PATH);
	if (fd < 0)
		return fd == -EACCES;
	/* Nobody may execute a file on such a mount, which has a row of its own. */
	if (sys_statfs(fd, &fs) == 0 && fs.f_flags & STATFS_NOEXEC)
		return 0;
	fmt_text(link, sizeof(link), "/proc/self/fd/%d", fd);

	return sys_access_at(AT_FDCWD, link, X_OK) == -EACCES;
}

bool check_user_may_execute(const struct check *c, const char *path,
			    const struct check_found *in_bind)
{
	const struct step *caps = plan_find_step(c->plan, OP_SET_CAPS);
	const struct sys_clone clone = { .cgroup = -1 };
	struct trial t = { c, c->rootfs, path };
	int status = 0;

	if (c->of_host || sys_euid() != 0 || path[0] != '/' ||
	    !plan_find_step(c->plan, OP_SET_USER) || !caps || caps->caps.effective & OVERRIDES)
		return true;

	/* With an id map of the mount the owners are others. */
	autoclose int source = in_bind && in_bind->mount->idmap.way == MOUNT_IDMAP_NONE
				       ? sys_open(in_bind->mount->source, O_PATH)
				       : -1;
	if (in_bind && source < 0)
		return true;
	if (in_bind) {
		t.root = source;
		t.path = in_bind->below;
	}

	pid_t pid = sys_clone_call(&clone, NULL, try_as_user, &t);

	return pid < 0 || sys_wait(pid, &status, 0) != pid || status >> 8 != 1;
}

bool check_capabilities_of(const struct check *c, int fd)
{
	const struct step *s = plan_find_step(c->plan, OP_DROP_BOUNDING);
	struct statfs fs;

	/* capabilities(7): those of a file count for nothing on a mount with nosuid. */
	if (c->of_host || !s || (sys_statfs(fd, &fs) == 0 && fs.f_flags & STATFS_NOSUID))
		return true;

	return (program_capabilities(fd) & ~s->caps.bounding) == 0;
}
