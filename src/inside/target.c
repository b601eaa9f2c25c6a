/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/target.c - places of mounts, devices and links in the rootfs
 */
#include "inside/inside.h"

#include <linux/limits.h>

/*
 * The failure comes from a file of the image, not from the kernel's refusal of a mount or a device.
 */
static int blame_image(struct err *e)
{
	e->from_image = true;

	return -1;
}

int target_make(struct inside *in, const char *path, enum target_kind kind, struct err *e)
{
	int fd = place_make(in->rootfs, path, kind, e);

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
	char parent_path[PATH_MAX];

	*name = slash ? slash + 1 : path;
	if (**name == '\0' || strcmp(*name, ".") == 0 || strcmp(*name, "..") == 0)
		return err_msg(e, "\"%s\" names no file", path);

	size_t length = (size_t) (*name - path);
	/* Most places are in /dev, one after the other. */
	if (in->parent >= 0 && length == in->parent_length &&
	    memcmp(path, in->parent_path, length) == 0)
		return in->parent;
	target_forget_parent(in);
	if (length >= sizeof(parent_path))
		return err_sys(e, -ENAMETOOLONG, "path \"%.*s...\"", 80, path);
	memcpy(parent_path, path, length);
	parent_path[length] = '\0';
	in->parent = target_make(in, length > 0 ? parent_path : "/", TARGET_DIRECTORY, e);
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
		int r = place_make_entry(parent, name, kind);

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
