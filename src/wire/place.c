/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wire/place.c - places in the rootfs, found and made without ever leaving it
 */
#include "wire/place.h"

#include "kernel/fd.h"
#include "kernel/sys.h"

#include <linux/limits.h>

#define MAX_LINKS 40 /* as the kernel's own limit, MAXSYMLINKS */

/* A path that is being looked up; @links counts the links that were replaced. */
struct walk {
	char path[PATH_MAX];
	unsigned links;
};

static int too_long(struct err *e, const char *path)
{
	return err_sys(e, -ENAMETOOLONG, "path \"%.*s...\"", 80, path);
}

static int walk_begin(struct walk *w, const char *path, struct err *e)
{
	size_t length = strlen(path);

	w->links = 0;
	if (length >= sizeof(w->path))
		return too_long(e, path);
	memcpy(w->path, path, length + 1);

	return 0;
}

/*
 * The component at @start..@end of the path is a dangling link: replace it by its target. An
 * absolute target begins at the rootfs again.
 */
static int walk_replace_link(struct walk *w, int parent, size_t start, size_t end, struct err *e)
{
	char name[NAME_MAX + 1], target[PATH_MAX];
	size_t length = end - start, rest = strlen(w->path + end);

	if (++w->links > MAX_LINKS || length > NAME_MAX)
		return err_sys(e, -ELOOP, "look up \"%s\"", w->path);
	memcpy(name, w->path + start, length);
	name[length] = '\0';

	ssize_t n = sys_read_link_at(parent, name, target, sizeof(target));
	if (n < 0)
		return err_sys(e, (int) n, "read link \"%s\"", w->path);
	if (n > 0 && target[0] == '/')
		start = 0;
	if (start + (size_t) n + rest >= sizeof(w->path))
		return too_long(e, w->path);
	memmove(w->path + start + n, w->path + end, rest + 1);
	memcpy(w->path + start, target, (size_t) n);

	return 0;
}

int place_make_entry(int parent, const char *name, enum target_kind kind)
{
	if (kind == TARGET_DIRECTORY)
		return sys_mkdir_at(parent, name, 0755);

	int fd = sys_open_at(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0644);

	return fd < 0 ? fd : sys_close(fd);
}

/*
 * Make the last component of @w's path up to @end in @parent. 1: the component is a dangling link.
 */
static int make_one(struct walk *w, int parent, size_t start, size_t end, enum target_kind kind,
		    struct err *e)
{
	char name[NAME_MAX + 1];

	if (end - start > NAME_MAX)
		return too_long(e, w->path);
	memcpy(name, w->path + start, end - start);
	name[end - start] = '\0';

	int r = place_make_entry(parent, name, kind);
	if (r == -EEXIST)
		return 1;
	if (r < 0)
		return err_sys(e, r, "make \"%s\" in the rootfs", w->path);

	return 0;
}

static size_t component_end(const char *path, size_t start)
{
	while (path[start] != '\0' && path[start] != '/')
		start++;

	return start;
}

/* Open the path up to @end. */
static int open_prefix(int rootfs, struct walk *w, size_t end)
{
	char after = w->path[end];

	w->path[end] = '\0';

	int fd = sys_open_in_root(rootfs, end > 0 ? w->path : "/", O_PATH);

	w->path[end] = after;

	return fd;
}

/* Walk down from the root and make what is missing. The descriptor of the whole path, or -1. */
static int walk_and_make(int rootfs, struct walk *w, enum target_kind kind, struct err *e)
{
	int parent = open_prefix(rootfs, w, 0);
	size_t start = 0;

	for (;;) {
		while (w->path[start] == '/')
			start++;
		if (parent < 0)
			return err_sys(e, parent, "open \"%s\" in the rootfs", w->path);
		if (w->path[start] == '\0')
			return parent;

		autoclose int above = take_fd(&parent);
		size_t end = component_end(w->path, start);
		bool last = w->path[end + strspn(w->path + end, "/")] == '\0';

		parent = open_prefix(rootfs, w, end);
		if (parent == -ENOENT) {
			int r = make_one(w, above, start, end, last ? kind : TARGET_DIRECTORY, e);

			if (r < 0 || (r > 0 && walk_replace_link(w, above, start, end, e) < 0))
				return -1;
			/* A link was replaced: begin again; else open the new component. */
			end = r > 0 ? 0 : end;
			parent = open_prefix(rootfs, w, end);
		}
		start = end;
	}
}

/*
 * The usual case: only the last component is missing. The descriptor, or -ENOENT where
 * walk_and_make() is needed.
 */
static int make_last(int rootfs, struct walk *w, enum target_kind kind)
{
	char *slash = strrchr(w->path, '/');
	const char *name = slash ? slash + 1 : w->path;

	if (!slash || *name == '\0' || strcmp(name, "..") == 0)
		return -ENOENT;

	autoclose int parent = open_prefix(rootfs, w, (size_t) (slash - w->path));
	if (parent < 0 || place_make_entry(parent, name, kind) < 0)
		return -ENOENT;

	return sys_open_at(parent, name, O_PATH | O_NOFOLLOW, 0);
}

int place_make(int rootfs, const char *path, enum target_kind kind, struct err *e)
{
	struct walk w;
	int fd = sys_open_in_root(rootfs, path, O_PATH);

	if (fd >= 0)
		return fd;
	if (fd != -ENOENT)
		return err_sys(e, fd, "open \"%s\" in the rootfs", path);
	if (walk_begin(&w, path, e) < 0)
		return -1;
	fd = make_last(rootfs, &w, kind);

	return fd >= 0 ? fd : walk_and_make(rootfs, &w, kind, e);
}
