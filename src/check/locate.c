/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check/locate.c - the file that a path of the container leads to
 *
 * The container's mounts do not exist yet. A path leads through the links of the rootfs until it
 * ends, or comes to a directory that a mount will cover. Of the files in such a mount only those of
 * procfs are known: proc(5).
 */
#include "check/check.h"

#include "base/fmt.h"
#include "base/path.h"
#include "kernel/fd.h"
#include "kernel/mount.h"
#include "kernel/sys.h"

#include <string.h>

#define MOST_LINKS 40 /* MAXSYMLINKS of the kernel */

/* ---- the links of the rootfs ---- */

bool check_path_of(const struct check *c, int fd, char path[PATH_MAX])
{
	char root[PATH_MAX];

	if (sys_path_of(c->rootfs, root, sizeof(root)) < 0 || sys_path_of(fd, path, PATH_MAX) < 0)
		return false;

	const char *below = path_below(path, root);
	if (!below)
		return false;
	memmove(path, below, strlen(below) + 1);

	return true;
}

/* Open the longest part of @path that there is. @rest: the part behind it, "" or with a slash. */
static int open_part(const struct check *c, const char *path, char rest[PATH_MAX])
{
	char part[PATH_MAX];

	for (size_t end = strlen(path);; end--) {
		while (end > 0 && path[end] != '\0' && path[end] != '/')
			end--;
		fmt_text(part, sizeof(part), "%.*s", (int) end, path);
		fmt_text(rest, PATH_MAX, "%s", path + end);

		int fd = sys_open_in_root(c->rootfs, end > 0 ? part : "/", O_PATH);
		if (fd >= 0 || end == 0)
			return fd;
	}
}

/*
 * If @path goes on with a link, whose target is missing, put that target in its place. False: it
 * does not.
 */
static bool follow_link(int fd, char path[PATH_MAX], const char *rest)
{
	char name[NAME_MAX + 1], target[PATH_MAX], whole[PATH_MAX];
	const char *at = rest + strspn(rest, "/");
	size_t length = strcspn(at, "/");

	if (length == 0 || length > NAME_MAX)
		return false;
	fmt_text(name, sizeof(name), "%.*s", (int) length, at);

	ssize_t n = sys_read_link_at(fd, name, target, sizeof(target) - 1);
	if (n <= 0)
		return false;
	target[n] = '\0';

	bool absolute = target[0] == '/';
	if (fmt_text(whole, sizeof(whole), "%s%s%s%s", absolute ? "" : path, absolute ? "" : "/",
		     target, at + length) >= sizeof(whole))
		return false;
	fmt_text(path, PATH_MAX, "%s", whole);

	return true;
}

/*
 * The path, without links, that @from leads to in the rootfs; missing components stay as they are.
 * False where it is not known.
 */
static bool resolve(const struct check *c, const char *from, char path[PATH_MAX])
{
	char rest[PATH_MAX];

	fmt_text(path, PATH_MAX, "%s", from);
	for (int links = 0; links <= MOST_LINKS; links++) {
		autoclose int fd = open_part(c, path, rest);

		if (fd < 0 || !check_path_of(c, fd, path))
			return false;
		if (follow_link(fd, path, rest))
			continue;

		size_t length = strcmp(path, "/") == 0 ? 0 : strlen(path);
		return rest[0] == '\0' ||
		       fmt_text(path + length, PATH_MAX - length, "%s", rest) < PATH_MAX - length;
	}

	return false;
}

/* ---- mounts ---- */

static bool is_new_mount(const struct step *s)
{
	return s->op == OP_MOUNT && !s->mount.remount && strcmp(s->mount.target, "/") != 0;
}

const char *check_covering_mount(const struct check *c, const char *path, size_t before_step)
{
	for (size_t i = 0; i < before_step; i++) {
		const struct step *s = &c->plan->steps[i];

		if (is_new_mount(s) && path_below(path, s->mount.target))
			return s->mount.target;
	}

	return NULL;
}

/*
 * The last mount at or above @path, which may be reached by links, and the part of @path below its
 * target; NULL: there is none.
 */
static const struct mount_step *find_mount(const struct check *c, const char *path,
					   const char **below)
{
	char target[PATH_MAX];

	for (size_t i = c->plan->step_count; i-- > 0;) {
		const struct step *s = &c->plan->steps[i];

		if (is_new_mount(s) && resolve(c, s->mount.target, target) &&
		    (*below = path_below(path, target)))
			return &s->mount;
	}

	return NULL;
}

/* Other mounts below a recursive bind keep their own flags. */
static bool is_noexec(const struct mount_step *m)
{
	return (m->recursive ? m->recursive_attrs : m->attrs).set & MOUNT_ATTR_NOEXEC;
}

/* ---- procfs ---- */

/* If @path begins with the component @name, the part behind it; else NULL. */
static const char *behind(const char *path, const char *name)
{
	return path_below(path, name) ? path + strlen(name) : NULL;
}

/* Follow @path, of the root of a procfs, by the links of the program's own directory. */
static enum check_file follow_procfs(const char *cwd, const char *path, char to[PATH_MAX])
{
	const char *own = behind(path, "/self"), *at;

	own = own ? own : behind(path, "/thread-self");
	if (strstr(path, "/.") || (path[1] >= '0' && path[1] <= '9'))
		return CHECK_UNREAD;
	if (!own)
		return CHECK_NO_PROGRAM;
	if (strcmp(own, "/exe") == 0)
		return CHECK_TARE_INIT;
	if ((at = behind(own, "/root")))
		fmt_text(to, PATH_MAX, "%s", at[0] != '\0' ? at : "/");
	else if ((at = behind(own, "/cwd")))
		fmt_text(to, PATH_MAX, "%s%s", cwd, at);
	else
		return CHECK_UNREAD;

	return CHECK_IN_ROOTFS;
}

enum check_file check_locate(const struct check *c, const char *cwd, const char *from,
			     char path[PATH_MAX], const char **mount)
{
	bool absolute = from[0] == '/';
	char whole[PATH_MAX];
	const char *below;

	*mount = NULL;
	fmt_text(path, PATH_MAX, "%s", from);
	if (c->of_host || fmt_text(whole, sizeof(whole), "%s%s%s", absolute ? "" : cwd,
				   absolute ? "" : "/", from) >= sizeof(whole))
		return CHECK_IN_ROOTFS;
	for (int links = 0; links < MOST_LINKS; links++) {
		char place[PATH_MAX];
		const struct mount_step *m =
			resolve(c, whole, place) ? find_mount(c, place, &below) : NULL;

		if (!m)
			return CHECK_IN_ROOTFS;
		*mount = m->target;
		if (!m->type || strcmp(m->type, "proc") != 0)
			return is_noexec(m) ? CHECK_ON_NOEXEC : CHECK_UNREAD;

		enum check_file file = follow_procfs(cwd, below, whole);
		if (file != CHECK_IN_ROOTFS)
			return file;
		*mount = NULL;
		fmt_text(path, PATH_MAX, "%s", whole);
	}

	return CHECK_UNREAD;
}
