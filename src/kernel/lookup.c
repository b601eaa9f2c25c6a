/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/lookup.c - look paths up without leaving a directory
 *
 * openat2(2), Linux 5.6, looks a path up with a directory as its root. Where the kernel, or an
 * outer container's filter, does not have it, a walk does the same, component by component. Each
 * component is opened by its bare name in the descriptor of its parent and never followed; the text
 * of a link is put in front of the rest of the path. `..` is never opened, as the current directory
 * may be moved out of the root meanwhile. Instead, the path so far, which has no links any more, is
 * cut and walked again from the root.
 */
#include "kernel/sys.h"

#include "base/fmt.h"
#include "kernel/fallback.h"
#include "kernel/fd.h"
#include "kernel/mount.h"
#include "kernel/process.h"
#include "kernel/time.h"

#include <linux/limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>

#define MAX_LINKS	40 /* MAXSYMLINKS of the kernel */
#define PROC_ROOT_INODE 1  /* fs/proc/root.c of the kernel */

#define LOOKUP_TIMEOUT_MS 1000

/* openat2(2); -ENOSYS where the walk is needed. */
static int open_how(int dir, const char *path, int flags, uint64_t resolve)
{
	static bool missing;
	struct open_how how = {
		.flags = (uint64_t) (flags | O_CLOEXEC),
		.resolve = resolve,
	};
	int64_t deadline = 0;
	int fd = -ENOSYS;

	/*
	 * EAGAIN: a concurrent rename or mount made a `..` unsafe, so try again, up to a deadline:
	 * another process may rename all the time.
	 */
	while (!missing) {
		fd = (int) SYS_CALL(openat2, dir, path, &how, sizeof(how), 0, 0);
		if (fd != -EAGAIN && fd != -EINTR)
			break;
		if (deadline == 0)
			deadline = sys_clock_ms() + LOOKUP_TIMEOUT_MS;
		else if (sys_clock_ms() >= deadline)
			break;
	}
	missing |= fd == -ENOSYS;
	if (fd == -ENOSYS || fd == -EPERM)
		fallback_took("a walk for openat2");

	/*
	 * EPERM may come from a filter; then the walk is needed. If the file system returned EPERM,
	 * the walk gets EPERM, too.
	 */
	return fd == -EPERM ? -ENOSYS : fd;
}

/* ---- without openat2(2) ---- */

enum kind { DIRECTORY, LINK, OTHER };

struct lookup {
	int root, flags;
	int at;		     /* descriptor of the current directory */
	int links;	     /* number of links followed so far */
	bool own_only;	     /* a link that belongs neither to root nor to us is -EPERM */
	char done[PATH_MAX]; /* the path from the root to @at, without links; "": the root itself */
	char left[PATH_MAX]; /* the part that is still to be looked up */
};

/* Open @name, which has no slash, without following it. */
static int open_name(int parent, const char *name, enum kind *kind)
{
	struct stat st;

	*kind = DIRECTORY;
	/* O_DIRECTORY makes autofs mount the directory. */
	int fd = sys_open_at(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
	if (fd != -ENOTDIR && fd != -ELOOP)
		return fd;

	autoclose int other = sys_open_at(parent, name, O_PATH | O_NOFOLLOW, 0);
	int r = other < 0 ? other : sys_stat(other, &st);
	if (r < 0)
		return r;
	*kind = S_ISLNK(st.st_mode) ? LINK : S_ISDIR(st.st_mode) ? DIRECTORY : OTHER;

	return take_fd(&other);
}

/* Take the next component off @text: its length, 0 where there is none; or -ENAMETOOLONG. */
static int take_name(const char **text, char name[NAME_MAX + 1])
{
	*text += strspn(*text, "/");

	size_t length = strcspn(*text, "/");
	if (length > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, *text, length);
	name[length] = '\0';
	*text += length;

	return (int) length;
}

static int set_current(struct lookup *l, int fd)
{
	if (fd < 0)
		return fd;
	sys_close(l->at);
	l->at = fd;

	return 0;
}

static int go_to_root(struct lookup *l)
{
	l->done[0] = '\0';

	return set_current(l, sys_dup(l->root, 0));
}

/*
 * `..` never leads above the root. The path so far is walked again; a link that has replaced a part
 * of the path meanwhile is an error.
 */
static int go_up(struct lookup *l)
{
	char name[NAME_MAX + 1], *slash = strrchr(l->done, '/');
	const char *path = l->done;

	if (slash)
		*slash = '\0';

	int r = set_current(l, sys_dup(l->root, 0));
	while (r == 0 && (r = take_name(&path, name)) > 0)
		r = set_current(l, sys_open_at(l->at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0));

	return r;
}

static int go_down(struct lookup *l, const char *name, int fd)
{
	size_t length = strlen(l->done), more = strlen(name);

	if (length + 1 + more >= sizeof(l->done))
		return -ENAMETOOLONG;
	l->done[length] = '/';
	memcpy(l->done + length + 1, name, more + 1);

	return set_current(l, fd);
}

/*
 * Magic links of procfs (fd/3, cwd, ns/net) lead straight to an open file, whatever their text is.
 * The links in the root of procfs (self, mounts) are ordinary ones.
 */
static bool is_magic(int parent, int link)
{
	struct statfs fs;
	struct stat st;

	return sys_statfs(link, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC &&
	       !(sys_stat(parent, &st) == 0 && st.st_ino == PROC_ROOT_INODE);
}

static bool is_foreign(int link)
{
	struct stat st;

	return sys_stat(link, &st) < 0 || (st.st_uid != 0 && st.st_uid != sys_euid());
}

static int follow(struct lookup *l, int link)
{
	char target[PATH_MAX];
	size_t rest = strlen(l->left);

	/* With own_only a magic link is followed by its text, like any other. */
	if (++l->links > MAX_LINKS || (!l->own_only && is_magic(l->at, link)))
		return -ELOOP;
	if (l->own_only && is_foreign(link))
		return -EPERM;

	ssize_t n = sys_read_link_at(link, "", target, sizeof(target));
	if (n <= 0)
		return n < 0 ? (int) n : -ENOENT;
	if ((size_t) n + rest >= sizeof(l->left))
		return -ENAMETOOLONG;
	memmove(l->left + n, l->left, rest + 1);
	memcpy(l->left, target, (size_t) n);

	return target[0] == '/' ? go_to_root(l) : 0;
}

/*
 * Open the last component as the caller wants it. A link that replaced it meanwhile is not
 * followed.
 */
static int open_last(const struct lookup *l, const char *name, int found, enum kind kind)
{
	bool directory = l->left[0] == '/' || l->flags & O_DIRECTORY;

	if (directory && kind != DIRECTORY)
		return -ENOTDIR;
	if (kind == LINK && !(l->flags & O_PATH))
		return -ELOOP;
	if (l->flags & O_PATH)
		return sys_dup(found, 0);

	return sys_open_at(l->at, name, l->flags | O_NOFOLLOW, 0);
}

/* Look up one component. @end: the descriptor, if it was the last. */
static int step(struct lookup *l, const char *name, int *end)
{
	enum kind kind;

	if (strcmp(name, ".") == 0)
		return 0;
	if (strcmp(name, "..") == 0)
		return go_up(l);

	autoclose int fd = open_name(l->at, name, &kind);
	if (fd < 0)
		return fd;

	bool last = l->left[strspn(l->left, "/")] == '\0';
	bool itself = last && l->left[0] != '/' && l->flags & O_NOFOLLOW;
	if (kind == LINK && !itself)
		return follow(l, fd);
	if (last) {
		*end = open_last(l, name, fd, kind);
		return *end < 0 ? *end : 0;
	}

	return kind == DIRECTORY ? go_down(l, name, take_fd(&fd)) : -ENOTDIR;
}

static int walk(struct lookup *l)
{
	char name[NAME_MAX + 1];
	int end = -1;

	for (;;) {
		const char *left = l->left;
		int r = take_name(&left, name);

		if (r < 0)
			return r;
		memmove(l->left, left, strlen(left) + 1);
		if (r == 0) /* the root itself, `.` or `..` */
			return l->flags & O_PATH
				       ? sys_dup(l->at, 0)
				       : sys_open_at(l->at, ".", l->flags & ~O_NOFOLLOW, 0);
		r = step(l, name, &end);
		if (r < 0 || end >= 0)
			return r < 0 ? r : end;
	}
}

/* Walk from the root of @l; its options are set. */
static int walk_from_root(struct lookup *l, const char *path)
{
	size_t length = strlen(path);

	if (length >= sizeof(l->left))
		return -ENAMETOOLONG;
	if (length == 0)
		return -ENOENT;
	memcpy(l->left, path, length + 1);
	l->done[0] = '\0';
	l->at = sys_dup(l->root, 0);
	if (l->at < 0)
		return l->at;

	int fd = walk(l);

	sys_close(l->at);

	return fd;
}

/* @links: the number of links that count as followed already. */
static int walk_in_root(int root, const char *path, int flags, int links)
{
	struct lookup l;

	l.root = root;
	l.flags = flags;
	l.links = links;
	l.own_only = false;

	return walk_from_root(&l, path);
}

int sys_open_in_root(int root, const char *path, int flags)
{
	int fd = open_how(root, path, flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);

	return fd == -ENOSYS ? walk_in_root(root, path, flags, 0) : fd;
}

int sys_open_in_root_unlinked(int root, const char *path, int flags)
{
	int fd = open_how(root, path, flags, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);

	return fd == -ENOSYS ? walk_in_root(root, path, flags, MAX_LINKS) : fd;
}

static int walk_by_own_links(const char *path, int flags)
{
	char whole[PATH_MAX];
	struct lookup l;

	if (path[0] != '/') {
		int r = sys_getcwd(whole, sizeof(whole));

		if (r < 0)
			return r;

		size_t length = strlen(whole);
		if (fmt_text(whole + length, sizeof(whole) - length, "/%s", path) >=
		    sizeof(whole) - length)
			return -ENAMETOOLONG;
		path = whole;
	}

	autoclose int root = sys_open("/", O_PATH | O_DIRECTORY);
	if (root < 0)
		return root;
	l.root = root;
	l.flags = flags;
	l.links = 0;
	l.own_only = true;

	return walk_from_root(&l, path);
}

int sys_open_by_own_links(const char *path, int flags)
{
	int fd = open_how(AT_FDCWD, path, flags, RESOLVE_NO_SYMLINKS);

	return fd == -ELOOP || fd == -ENOSYS ? walk_by_own_links(path, flags) : fd;
}

/* Without links, and without leaving the file system and the mount of @proc. */
static int walk_in_mount(int proc, const char *path, int flags)
{
	char name[NAME_MAX + 1];
	int64_t mount = sys_mount_id(proc);
	/*
	 * Before Linux 3.15 the mount ID is not known: then no path is opened that another mount
	 * could cover.
	 */
	autoclose int at = mount < 0 ? (int) mount : sys_dup(proc, 0);

	for (;;) {
		if (at < 0)
			return at;
		if (sys_mount_id(at) != mount)
			return -EXDEV;

		int r = take_name(&path, name);
		if (r <= 0)
			return r < 0 ? r : take_fd(&at);

		bool last = path[strspn(path, "/")] == '\0';
		int next = strcmp(name, "..") == 0
				   ? -EXDEV
				   : sys_open_at(at, name,
						 (last ? flags : O_PATH | O_DIRECTORY) | O_NOFOLLOW,
						 0);
		sys_close(at);
		at = next;
	}
}

int sys_open_proc(int proc, const char *path, int flags)
{
	const uint64_t resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS;
	int fd = open_how(proc, path, flags, resolve);

	return fd == -ENOSYS ? walk_in_mount(proc, path, flags) : fd;
}
