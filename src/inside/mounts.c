/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/mounts.c - the mounts of config.json, in its order
 *
 * A mount is made detached, with all its attributes, and only then attached onto the descriptor of
 * its place: it is never there half-configured. Filesystems that take options only mount(2) can
 * say (plan/mounts.c decides) are mounted through /proc/self/fd of that descriptor.
 */
#include "inside/inside.h"

#include "base/fmt.h"
#include "base/table.h"
#include "kernel/mount.h"
#include "wire/wire.h"

#include <linux/mount.h>

/* What the file system itself said: fsopen(2) keeps its messages in the context, as "e text". */
static void explain(int fs, struct err *e)
{
	char message[160];
	ssize_t n = sys_read(fs, message, sizeof(message) - 1);

	if (n < 3)
		return;
	message[n] = '\0';
	message[strcspn(message, "\n")] = '\0';
	err_hint(e, "the kernel says: %s", message + 2);
}

/* Flags of the filesystem, as fsconfig(2) knows them. The other MS_ flags go by mount attributes or
 * need mount(2). */
static const struct {
	unsigned long flag;
	const char *key;
} fs_flags[] = {
	{ MS_RDONLY, "ro" },	 { MS_SYNCHRONOUS, "sync" },  { MS_DIRSYNC, "dirsync" },
	{ MS_MANDLOCK, "mand" }, { MS_LAZYTIME, "lazytime" },
};

static int configure(int fs, const struct mount_step *m, struct err *e)
{
	unsigned long flags = m->copy_up ? m->flags & ~(unsigned long) MS_RDONLY : m->flags;

	for (size_t i = 0; i < ARRAY_SIZE(fs_flags); i++) {
		int r = flags & fs_flags[i].flag ? sys_fs_set(fs, fs_flags[i].key, NULL) : 0;

		if (r < 0)
			return err_sys(e, r, "set \"%s\"", fs_flags[i].key);
	}
	for (size_t i = 0; i < m->parameter_count; i++) {
		const struct mount_parameter *p = &m->parameters[i];
		int r = sys_fs_set(fs, p->key, p->value);

		if (r < 0) {
			(void) err_sys(e, r, "mount option \"%s%s%s\"", p->key, p->value ? "=" : "",
				       p->value ? p->value : "");
			explain(fs, e);
			return -1;
		}
	}

	return 0;
}

/* A new filesystem, detached. */
static int make_filesystem(const struct mount_step *m, struct err *e)
{
	autoclose int fs = sys_fsopen(m->type);
	if (fs < 0)
		return err_sys(e, fs, "mount type \"%s\"", m->type);

	int r = m->source ? sys_fs_set(fs, "source", m->source) : 0;
	if (r < 0)
		return err_sys(e, r, "mount source \"%s\"", m->source);
	if (configure(fs, m, e) < 0)
		return -1;

	r = sys_fs_create(fs);
	if (r < 0) {
		(void) err_sys(e, r, "mount \"%s\" of type %s", m->source ? m->source : m->type,
			       m->type);
		explain(fs, e);
		return -1;
	}

	/* Only what is in it makes it read-only, where something is to be copied into it. */
	uint64_t later = m->copy_up ? MOUNT_ATTR_RDONLY : 0;
	int mount = sys_fsmount(fs, (unsigned) (m->attrs.set & ~later));

	return mount < 0 ? err_sys(e, mount, "mount of type %s", m->type) : mount;
}

static int receive_source(struct inside *in, const struct mount_step *m, struct err *e)
{
	struct wire_message message;
	int tree = -1;

	if (wire_receive(in->control, &message, &tree) <= 0 || tree < 0)
		return err_msg(e, "source \"%s\" did not arrive from the host side", m->source);

	return tree;
}

static int set_attrs(int mount, const struct mount_attrs *attrs, unsigned flags, struct err *e)
{
	struct mount_attr attr = { .attr_set = attrs->set, .attr_clr = attrs->clear };

	if (attrs->set == 0 && attrs->clear == 0)
		return 0;

	int r = sys_set_mount_attr(mount, flags, &attr);

	return r < 0 ? err_sys(e, r, "set mount attributes") : 0;
}

/* A copy of what is already mounted elsewhere, detached. */
static int make_bind(struct inside *in, const struct mount_step *m, struct err *e)
{
	unsigned recursive = m->recursive ? AT_RECURSIVE : 0;
	int tree = m->source_from_host ? receive_source(in, m, e)
				       : sys_clone_tree(AT_FDCWD, m->source, recursive);

	if (tree < 0 && m->source_from_host)
		return -1;
	if (tree < 0)
		return err_sys(e, tree, "bind \"%s\"", m->source);

	return tree;
}

/* Propagation can only be set where a mount is attached: propagation goes through its parent. */
static int finish(int mount, const struct mount_step *m, struct err *e)
{
	for (size_t i = 0; i < m->propagation_count; i++) {
		struct mount_attr attr = { .propagation =
						   m->propagation[i] & ~(unsigned long) MS_REC };
		unsigned flags = m->propagation[i] & MS_REC ? AT_RECURSIVE : 0;
		int r = sys_set_mount_attr(mount, flags, &attr);

		if (r < 0)
			return err_sys(e, r, "set the propagation");
	}

	return 0;
}

static int is_directory(int fd, struct err *e)
{
	struct stat st;
	int r = sys_stat(fd, &st);

	return r < 0 ? err_sys(e, r, "stat the source") : S_ISDIR(st.st_mode);
}

/* procfs and sysfs are trusted by all that follows, so their place must be a real directory, not a
 * link of the image. */
static int check_trusted_place(struct inside *in, const struct mount_step *m, struct err *e)
{
	struct stat st;

	if (strcmp(m->type, "proc") != 0 && strcmp(m->type, "sysfs") != 0)
		return 0;

	autoclose int place = sys_open_in_root(in->rootfs, m->target, O_PATH | O_NOFOLLOW);
	if (place == -ENOENT)
		return 0;
	if (place < 0)
		return err_sys(e, place, "open \"%s\" in the rootfs", m->target);

	int r = sys_stat(place, &st);
	if (r < 0)
		return err_sys(e, r, "stat \"%s\" in the rootfs", m->target);
	if (!S_ISDIR(st.st_mode))
		return err_msg(
			e, "\"%s\" is not a directory of the rootfs: %s goes only onto a real one",
			m->target, m->type);

	return 0;
}

static int attach(struct inside *in, int mount, const struct mount_step *m, struct err *e)
{
	int directory = is_directory(mount, e);
	if (directory < 0)
		return -1;

	autoclose int target =
		target_make(in, m->target, directory ? TARGET_DIRECTORY : TARGET_FILE, e);
	if (target < 0)
		return -1;

	int r = sys_attach_mount(mount, target);
	if (r == -ENOTDIR)
		return err_msg(e, "\"%s\" is a %s, \"%s\" in the rootfs is not", m->source,
			       directory ? "directory" : "file", m->target);
	if (r < 0)
		return err_sys(e, r, "attach to \"%s\"", m->target);

	return 0;
}

/* mount(2) onto a place that is already looked up: what it can say and fsconfig(2) can't. */
static int mount_classic(struct inside *in, const struct mount_step *m, struct err *e)
{
	char place[64];

	autoclose int target = target_make(in, m->target, TARGET_DIRECTORY, e);
	if (target < 0)
		return -1;
	fmt_text(place, sizeof(place), "/proc/self/fd/%d", target);

	int r = sys_mount(m->source, place, m->type, m->flags, m->data);
	if (r < 0)
		return err_sys(e, r, "mount \"%s\" of type %s", m->source ? m->source : m->type,
			       m->type);

	autoclose int mount = sys_open_in_root(in->rootfs, m->target, O_PATH);
	if (mount < 0)
		return err_sys(e, mount, "open \"%s\" in the rootfs", m->target);
	if (set_attrs(mount, &m->attrs, 0, e) < 0 ||
	    set_attrs(mount, &m->recursive_attrs, AT_RECURSIVE, e) < 0)
		return -1;

	return finish(mount, m, e);
}

/* Options of the filesystem change for all its mounts; attributes for this one. */
static int remount_filesystem(int target, const struct mount_step *m, struct err *e)
{
	autoclose int fs = sys_fspick(target);
	if (fs < 0)
		return err_sys(e, fs, "remount \"%s\"", m->target);
	if (configure(fs, m, e) < 0)
		return -1;

	int r = m->attrs.clear & MOUNT_ATTR_RDONLY ? sys_fs_set(fs, "rw", NULL) : 0;
	if (r == 0)
		r = sys_fs_reconfigure(fs);
	if (r < 0) {
		(void) err_sys(e, r, "remount \"%s\"", m->target);
		explain(fs, e);
		return -1;
	}

	return 0;
}

static int remount(struct inside *in, const struct mount_step *m, struct err *e)
{
	autoclose int target = sys_open_in_root(in->rootfs, m->target, O_PATH);
	if (target < 0)
		return err_sys(e, target, "open \"%s\" in the rootfs", m->target);
	if (!m->bind && remount_filesystem(target, m, e) < 0)
		return -1;
	if (set_attrs(target, &m->attrs, 0, e) < 0 ||
	    set_attrs(target, &m->recursive_attrs, AT_RECURSIVE, e) < 0)
		return -1;

	return finish(target, m, e);
}

static bool has_parameter(const struct mount_step *m, const char *key)
{
	for (size_t i = 0; i < m->parameter_count; i++)
		if (strcmp(m->parameters[i].key, key) == 0)
			return true;

	return false;
}

/* tmpcopyup: while it is still detached, so that nobody ever sees it half filled. */
static int copy_up(struct inside *in, int mount, const struct mount_step *m, struct err *e)
{
	autoclose int place = sys_open_in_root(in->rootfs, m->target, O_RDONLY | O_DIRECTORY);
	if (place == -ENOENT)
		return set_attrs(mount, &m->attrs, 0, e);
	if (place < 0)
		return err_sys(e, place, "open \"%s\" in the rootfs", m->target);
	if (copy_directory(place, mount, !has_parameter(m, "mode"), e) < 0)
		return -1;

	return set_attrs(mount, &m->attrs, 0, e);
}

static int mount_new(struct inside *in, const struct mount_step *m, struct err *e)
{
	if (!m->bind && check_trusted_place(in, m, e) < 0)
		return -1;

	autoclose int mount = m->bind ? make_bind(in, m, e) : make_filesystem(m, e);
	if (mount < 0)
		return -1;
	if ((m->bind && set_attrs(mount, &m->attrs, 0, e) < 0) ||
	    set_attrs(mount, &m->recursive_attrs, AT_RECURSIVE, e) < 0)
		return -1;
	if (m->copy_up && copy_up(in, mount, m, e) < 0)
		return -1;
	if (attach(in, mount, m, e) < 0)
		return -1;

	return finish(mount, m, e);
}

int mounts_attach(struct inside *in, const struct step *s, struct err *e)
{
	const struct mount_step *m = &s->mount;
	int r;

	if (m->remount)
		r = remount(in, m, e);
	else if (m->classic)
		r = mount_classic(in, m, e);
	else
		r = mount_new(in, m, e);
	if (r < 0)
		return err_in(e, "mount on \"%s\"", m->target);

	return 0;
}
