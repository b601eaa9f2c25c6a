/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/layers.c - an overlay over the rootfs, for changes
 *
 * The rootfs is mounted already, and is the topmost read-only layer. At the same place a tmpfs is
 * mounted over it, where changes are not kept, and then the overlay: rootfs and tmpfs go with the
 * host's tree after pivot_root(2).
 *
 * overlayfs takes its directories by path. /proc/self/fd/N is given, so that each directory is
 * looked up once, and a colon or comma in its path needs no escape.
 * Documentation/filesystems/overlayfs.rst.
 */
#include "inside/inside.h"

#include "base/fmt.h"
#include "kernel/mount.h"
#include "wire/filesystem.h"

#define FD_NAME 32 /* "/proc/self/fd/2147483647" */

struct layers {
	int upper, work;
	char lower_text[ROOTFS_LAYERS * FD_NAME], upper_text[FD_NAME], work_text[FD_NAME];
	char data[(ROOTFS_LAYERS + 5) * FD_NAME]; /* the three lists as mount(2) takes them */
};

static void name_fd(char *buf, int fd)
{
	fmt_text(buf, FD_NAME, "/proc/self/fd/%d", fd);
}

/* ---- the upper directory ---- */

static int set_rights(int dir, const struct stat *like)
{
	int r = sys_chown_at(dir, "", like->st_uid, like->st_gid, AT_EMPTY_PATH);

	/*
	 * EINVAL: the owner is not mapped in this user namespace, so root of the box stays the
	 * owner.
	 */
	if (r == -EINVAL)
		r = 0;

	return r == 0 ? sys_chmod_at(dir, ".", like->st_mode & 07777) : r;
}

/*
 * Open @name in @parent, made where it is missing, with owner and mode of @like: the upper
 * directory's are those of the overlay's root. Others may write to @parent, so the opened
 * descriptor is changed, and no link is followed.
 */
static int open_directory(int parent, const char *name, const struct stat *like, struct err *e)
{
	int made = sys_mkdir_at(parent, name, 0700);
	autoclose int dir =
		made == 0 || made == -EEXIST
			? sys_open_at(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0)
			: made;
	int r = dir < 0 ? dir : 0;

	if (r == 0 && made == 0 && like)
		r = set_rights(dir, like);

	return r < 0 ? err_sys(e, r, "make \"%s\" for the changes", name) : take_fd(&dir);
}

/* Mount a tmpfs over the rootfs; the overlay covers it. */
static int mount_memory(const struct inside *in, const char *size, struct err *e)
{
	const struct mount_parameter parameters[] = { { "mode", "0755" }, { "size", size } };
	char data[64];

	fmt_text(data, sizeof(data), size ? "mode=0755,size=%s" : "mode=0755", size);

	const struct mount_step tmpfs = {
		.source = "tmpfs",
		.type = "tmpfs",
		.parameters = parameters,
		.parameter_count = size ? 2 : 1,
		.data = data,
	};

	autoclose int mount = filesystem_make(&tmpfs, -1, e);
	if (mount < 0)
		return -1;

	int r = sys_attach_mount(mount, in->rootfs);

	return r < 0 ? err_sys(e, r, "attach the place for changes") : take_fd(&mount);
}

static int open_changes(const struct inside *in, const struct layers_step *s, struct err *e)
{
	if (!s->directory)
		return mount_memory(in, s->size, e);

	int dir = sys_open(s->directory, O_PATH | O_DIRECTORY);

	return dir < 0 ? err_sys(e, dir, "open \"%s\"", s->directory) : dir;
}

static int open_upper(const struct inside *in, const struct layers_step *s, struct layers *l,
		      struct err *e)
{
	struct stat root;

	autoclose int changes = open_changes(in, s, e);
	int r = changes < 0 ? 0 : sys_stat(in->rootfs, &root);
	if (changes < 0)
		return -1;
	if (r < 0)
		return err_sys(e, r, "stat the rootfs");
	l->upper = open_directory(changes, "upper", &root, e);
	l->work = l->upper < 0 ? -1 : open_directory(changes, "work", NULL, e);
	if (l->work < 0)
		return -1;
	name_fd(l->upper_text, l->upper);
	name_fd(l->work_text, l->work);

	return 0;
}

/* ---- the overlay ---- */

/* "ROOTFS:LOWER:..." of open descriptors, which the exec closes. */
static int open_lowers(const struct inside *in, const struct layers_step *s, struct layers *l,
		       struct err *e)
{
	size_t used;

	name_fd(l->lower_text, in->rootfs);
	for (size_t i = 0; i < s->count; i++) {
		int fd = sys_open(s->lowers[i], O_PATH | O_DIRECTORY);

		if (fd < 0)
			return err_sys(e, fd, "open layer \"%s\"", s->lowers[i]);
		used = strlen(l->lower_text);
		fmt_text(l->lower_text + used, sizeof(l->lower_text) - used, ":/proc/self/fd/%d",
			 fd);
	}

	return 0;
}

/*
 * The overlay is a mount of its own. Without the restrictions of the rootfs's mount, set-user-ID
 * programs and device nodes of an image that is not trusted would have effect.
 */
static int read_restrictions(const struct inside *in, uint64_t *attrs, struct err *e)
{
	int r = sys_mount_attrs(in->rootfs, attrs);

	if (r < 0)
		return err_sys(e, r, "statfs the rootfs");
	*attrs &= MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

	return 0;
}

static int make_overlay(const struct inside *in, const struct layers_step *s, struct layers *l,
			struct err *e)
{
	const struct mount_parameter parameters[] = {
		{ "lowerdir", l->lower_text },
		{ "upperdir", l->upper_text },
		{ "workdir", l->work_text },
		{ "userxattr", NULL },
	};
	struct mount_step overlay = {
		.source = "overlay",
		.type = "overlay",
		.parameters = parameters,
		.parameter_count = s->user_namespace ? 4 : 3,
		.data = l->data,
	};

	fmt_text(l->data, sizeof(l->data), "lowerdir=%s,upperdir=%s,workdir=%s%s", l->lower_text,
		 l->upper_text, l->work_text, s->user_namespace ? ",userxattr" : "");
	if (read_restrictions(in, &overlay.attrs.set, e) < 0)
		return -1;

	return filesystem_make(&overlay, -1, e);
}

int layers_mount(struct inside *in, const struct step *s, struct err *e)
{
	struct layers l = { .upper = -1, .work = -1 };

	if (open_lowers(in, &s->layers, &l, e) < 0 || open_upper(in, &s->layers, &l, e) < 0)
		return -1;

	autoclose int overlay = make_overlay(in, &s->layers, &l, e);
	if (overlay < 0)
		return -1;

	/* Over the tmpfs, where there is one. */
	int r = sys_attach_mount(overlay, in->rootfs);
	if (r < 0)
		return err_sys(e, r, "attach the overlay");
	in->rootfs = take_fd(&overlay);
	target_forget_parent(in);

	return 0;
}
