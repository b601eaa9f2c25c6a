/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * heap/output_file.c - files that tare's caller names: --log, --pid-file, those of `box`
 *
 * Runs in tare. The directory is opened and checked by its descriptor, and the file is made in that
 * descriptor: so the checked directory is the one that is written to.
 */
#include "heap/output_file.h"

#include "base/fmt.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "kernel/sys.h"

#include <linux/limits.h>
#include <string.h>

#define APPEND (O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_NONBLOCK)

/* In a user namespace the host's own files belong to unmapped users, and can't be overwritten. */
static bool is_root(void)
{
	return sys_euid() == 0 &&
	       sys_in_first_namespace("/proc/self/ns/user", FIRST_USER_NAMESPACE);
}

static bool is_ours(const struct stat *st)
{
	return st->st_uid == 0 || st->st_uid == sys_euid();
}

static int refuse(const char *path, const char *what, const char *why, struct err *e)
{
	(void) err_msg(e, "%s \"%s\": %s", what, path, why);

	return err_hint(e,
			"they could have root write elsewhere: give a directory that only root may "
			"write to");
}

/*
 * A directory that belongs to one other user is allowed: with a user namespace, podman gives its
 * directory to the container's root. That user could put a link, a second name, or a file of their
 * own in our way: check_last() and check_file() refuse those.
 */
static int check_directory(int dir, const char *path, const char *what, struct err *e)
{
	struct stat st;
	int r = sys_stat(dir, &st);

	if (r < 0)
		return err_sys(e, r, "%s \"%s\"", what, path);
	if (st.st_mode & (S_IWGRP | S_IWOTH) && !(st.st_mode & S_ISVTX))
		return refuse(path, what, "others may write in its directory", e);

	return 0;
}

int output_directory(const char *path, const char *what, const char **name, struct err *e)
{
	const char *slash = strrchr(path, '/');
	char front[PATH_MAX];

	*name = slash ? slash + 1 : path;
	if (strlen(path) >= sizeof(front))
		return err_sys(e, -ENAMETOOLONG, "%s", what);
	fmt_text(front, sizeof(front), "%.*s", slash ? (int) (slash - path) + 1 : 1,
		 slash ? path : ".");

	bool root = is_root();
	autoclose int dir = root ? sys_open_by_own_links(front, O_PATH | O_DIRECTORY)
				 : sys_open(front, O_PATH | O_DIRECTORY);
	/* A link of another user on the way could lead anywhere. */
	if (root && dir == -EPERM)
		return refuse(path, what, "the way leads through a link of another user's", e);
	if (dir < 0)
		return err_sys(e, dir, "%s \"%s\"", what, path);
	if (root && check_directory(dir, path, what, e) < 0)
		return -1;

	return take_fd(&dir);
}

/* Is @dir /proc/self/fd, as /dev/fd leads to, and a shell's process substitution names? */
static bool is_own_descriptors(int dir)
{
	struct stat st, own;

	return sys_stat(dir, &st) == 0 && sys_stat_at(AT_FDCWD, "/proc/self/fd", 0, &own) == 0 &&
	       st.st_dev == own.st_dev && st.st_ino == own.st_ino;
}

/*
 * Does the link @name in @dir, with this @target, lead to a descriptor of ours? A link of another
 * user's does not count: that user would choose which of tare's files is opened anew and written.
 */
static bool leads_to_own(int dir, const char *name, const char *target)
{
	static const char own[] = "/proc/self/fd/";
	const size_t length = sizeof(own) - 1;
	struct stat st;

	if (is_own_descriptors(dir))
		return true;

	return strncmp(target, own, length) == 0 && !strchr(target + length, '/') &&
	       sys_stat_at(dir, name, AT_SYMLINK_NOFOLLOW, &st) == 0 && is_ours(&st);
}

enum last { LAST_FILE, LAST_LINK, LAST_OWN };

static enum last classify(int dir, const char *name)
{
	char target[24];
	ssize_t n = sys_read_link_at(dir, name, target, sizeof(target) - 1);

	if (n < 0)
		return LAST_FILE;
	target[n] = '\0';

	return leads_to_own(dir, name, target) ? LAST_OWN : LAST_LINK;
}

/* 0 where @name in @dir is no link; 1 where it leads to a descriptor of ours; -1. */
static int check_last(int dir, const char *name, const char *path, const char *what, struct err *e)
{
	enum last last = classify(dir, name);

	return last == LAST_LINK ? refuse(path, what, "it is a link", e) : last == LAST_OWN;
}

bool output_is_special(int dir, const char *name)
{
	enum last last = classify(dir, name);
	struct stat st;

	if (last != LAST_FILE)
		return last == LAST_OWN;

	return sys_stat_at(dir, name, AT_SYMLINK_NOFOLLOW, &st) == 0 && !S_ISREG(st.st_mode) &&
	       !S_ISDIR(st.st_mode);
}

/* Check an existing file, which others may have put there (sticky directory). */
static int check_file(int fd, const char *path, const char *what, struct err *e)
{
	struct stat st;

	if (sys_stat(fd, &st) == 0 && !is_ours(&st))
		return refuse(path, what, "it belongs to another user", e);
	if (sys_stat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink > 1)
		return refuse(path, what, "it has another name, too", e);

	return 0;
}

int output_open(const char *path, const char *what, mode_t mode, struct err *e)
{
	const char *name;
	bool root = is_root();

	autoclose int dir = output_directory(path, what, &name, e);
	if (dir < 0)
		return -1;

	int link = root ? check_last(dir, name, path, what, e) : 0;
	if (link < 0)
		return -1;

	autoclose int fd =
		sys_open_at(dir, name, APPEND | (root && link == 0 ? O_NOFOLLOW : 0), mode);
	if (fd < 0)
		return err_sys(e, fd, "%s \"%s\"", what, path);
	if (root && link == 0 && check_file(fd, path, what, e) < 0)
		return -1;

	return take_fd(&fd);
}

int output_replace(const char *path, const char *what, mode_t mode, struct err *e)
{
	struct stat st;

	autoclose int fd = output_open(path, what, mode, e);
	if (fd < 0)
		return -1;

	int r = sys_stat(fd, &st);
	if (r == 0 && S_ISREG(st.st_mode))
		r = sys_truncate(fd, 0);

	return r < 0 ? err_sys(e, r, "%s \"%s\"", what, path) : take_fd(&fd);
}
