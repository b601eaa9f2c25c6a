/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/target.c - places in the rootfs, found and made without ever leaving it
 *
 * Each look-up starts at the rootfs' descriptor and has it as its root, whatever text it is given:
 * so a path put together from links of the image can at worst be a wrong place inside. What is made
 * is made in a descriptor of its parent, by its bare name, and never through a link.
 */
#include "inside/inside.h"

#include <linux/limits.h>

#define MAX_LINKS 40 /* as the kernel's own limit, MAXSYMLINKS */

/* A path that is being looked up, and how often a link has replaced a part of it. */
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
 * The component at @start..@end of the path is a link that leads nowhere: put what it says in its
 * place. An absolute target begins at the rootfs again.
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

static int make_entry(int parent, const char *name, enum target_kind kind)
{
	if (kind == TARGET_DIRECTORY)
		return sys_mkdir_at(parent, name, 0755);

	int fd = sys_open_at(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0644);

	return fd < 0 ? fd : sys_close(fd);
}

/* Make the last component of @w's path up to @end in @parent. 1: it is a link that leads nowhere.
 */
static int make_one(struct walk *w, int parent, size_t start, size_t end, enum target_kind kind,
		    struct err *e)
{
	char name[NAME_MAX + 1];

	if (end - start > NAME_MAX)
		return too_long(e, w->path);
	memcpy(name, w->path + start, end - start);
	name[end - start] = '\0';

	int r = make_entry(parent, name, kind);
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
static int open_prefix(struct inside *in, struct walk *w, size_t end)
{
	char after = w->path[end];

	w->path[end] = '\0';

	int fd = sys_open_in_root(in->rootfs, end > 0 ? w->path : "/", O_PATH);

	w->path[end] = after;

	return fd;
}

/*
 * Go down from the root, making what is missing. The descriptor of all of it, or -1.
 */
static int walk_and_make(struct inside *in, struct walk *w, enum target_kind kind, struct err *e)
{
	int parent = open_prefix(in, w, 0);
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

		parent = open_prefix(in, w, end);
		if (parent == -ENOENT) {
			int r = make_one(w, above, start, end, last ? kind : TARGET_DIRECTORY, e);

			if (r < 0 || (r > 0 && walk_replace_link(w, above, start, end, e) < 0))
				return -1;
			/* A link was replaced: begin again; else open what was made. */
			end = r > 0 ? 0 : end;
			parent = open_prefix(in, w, end);
		}
		start = end;
	}
}

/*
 * The usual case: all but the last component is there. The descriptor, or -ENOENT where only going down from
 * the root can tell.
 */
static int make_last(struct inside *in, struct walk *w, enum target_kind kind)
{
	char *slash = strrchr(w->path, '/');
	const char *name = slash ? slash + 1 : w->path;

	if (!slash || *name == '\0' || strcmp(name, "..") == 0)
		return -ENOENT;

	autoclose int parent = open_prefix(in, w, (size_t) (slash - w->path));
	if (parent < 0 || make_entry(parent, name, kind) < 0)
		return -ENOENT;

	return sys_open_at(parent, name, O_PATH | O_NOFOLLOW, 0);
}

/* What the image has at a place is its own doing: no answer of the kernel to a mount or a device. */
static int blame_image(struct err *e)
{
	e->from_image = true;

	return -1;
}

static int make_target(struct inside *in, const char *path, enum target_kind kind, struct err *e)
{
	struct walk w;
	int fd = sys_open_in_root(in->rootfs, path, O_PATH);

	if (fd >= 0)
		return fd;
	if (fd != -ENOENT)
		return err_sys(e, fd, "open \"%s\" in the rootfs", path);
	if (walk_begin(&w, path, e) < 0)
		return -1;
	fd = make_last(in, &w, kind);

	return fd >= 0 ? fd : walk_and_make(in, &w, kind, e);
}

int target_make(struct inside *in, const char *path, enum target_kind kind, struct err *e)
{
	int fd = make_target(in, path, kind, e);

	return fd < 0 ? blame_image(e) : fd;
}

void target_forget_parent(struct inside *in)
{
	fd_close(&in->parent);
	in->parent = -1;
}

int target_make_parent(struct inside *in, const char *path, const char **name, struct err *e)
{
	const char *slash = strrchr(path, '/');
	struct walk w;

	*name = slash ? slash + 1 : path;
	if (**name == '\0' || strcmp(*name, ".") == 0 || strcmp(*name, "..") == 0)
		return err_msg(e, "\"%s\" names no file", path);

	size_t length = (size_t) (*name - path);
	/* Most are of /dev, one after the other. */
	if (in->parent >= 0 && length == in->parent_length &&
	    memcmp(path, in->parent_path, length) == 0)
		return in->parent;
	target_forget_parent(in);
	if (walk_begin(&w, path, e) < 0)
		return -1;
	w.path[length] = '\0';
	in->parent = target_make(in, length > 0 ? w.path : "/", TARGET_DIRECTORY, e);
	in->parent_path = path;
	in->parent_length = length;

	return in->parent;
}

int target_make_itself(struct inside *in, const char *path, enum target_kind kind, struct err *e)
{
	const char *name;

	int parent = target_make_parent(in, path, &name, e);
	if (parent < 0)
		return -1;

	int fd = sys_open_at(parent, name, O_PATH | O_NOFOLLOW, 0);
	if (fd == -ENOENT) {
		int r = make_entry(parent, name, kind);

		if (r < 0 && r != -EEXIST) {
			(void) err_sys(e, r, "make \"%s\" in the rootfs", path);
			return blame_image(e);
		}
		fd = sys_open_at(parent, name, O_PATH | O_NOFOLLOW, 0);
	}

	if (fd < 0) {
		(void) err_sys(e, fd, "open \"%s\" in the rootfs", path);
		return blame_image(e);
	}

	return fd;
}
