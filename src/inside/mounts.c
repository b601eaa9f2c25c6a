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
#include "kernel/process.h"
#include "wire/filesystem.h"
#include "wire/wire.h"

#include <linux/mount.h>

static int receive_source(struct inside *in, const struct mount_step *m, struct err *e)
{
	struct wire_message message;
	int tree = -1;

	if (wire_receive(in->control, &message, &tree) <= 0 || tree < 0)
		return err_msg(e, "source \"%s\" did not arrive from the host side", m->source);

	autoclose int source = tree;
	tree = message.kind == WIRE_DESCRIPTOR
		       ? sys_take_tree(source)
		       : sys_clone_mount(source, m->recursive ? AT_RECURSIVE : 0);

	return tree < 0 ? err_sys(e, tree, "bind \"%s\"", m->source) : tree;
}

static int set_attrs(int mount, const struct mount_attrs *attrs, unsigned flags, struct err *e)
{
	struct mount_attr attr = { .attr_set = attrs->set, .attr_clr = attrs->clear };

	if (attrs->set == 0 && attrs->clear == 0)
		return 0;

	int r = sys_set_mount_attr(mount, flags, &attr);
	if (r == -EPERM) {
		(void) err_sys(e, r, "set mount attributes");
		return err_hint(e, "what the mount's owner has set can't be taken away in a user "
				   "namespace, nor its times of access changed");
	}

	return r < 0 ? err_sys(e, r, "set mount attributes") : 0;
}

static bool in_user_namespace(const struct inside *in)
{
	const struct spawn_step *spawn = &in->plan->steps[in->plan->spawn].spawn;

	return spawn->join_user || spawn->namespaces & CLONE_NEWUSER;
}

/* A copy of what is already mounted elsewhere, detached. */
static int clone_source(struct inside *in, const struct mount_step *m, struct err *e)
{
	unsigned flags =
		(m->recursive ? AT_RECURSIVE : 0) | (m->source_nofollow ? AT_SYMLINK_NOFOLLOW : 0);

	for (size_t i = 0; i < in->host_count; i++)
		if (in->hosts[i].step == in->step)
			return take_fd(&in->hosts[i].tree);

	int tree = sys_clone_tree(m->source, flags);
	if (tree == -EINVAL && !m->recursive && in_user_namespace(in)) {
		(void) err_sys(e, tree, "bind \"%s\"", m->source);
		return err_hint(e, "what is mounted below it can't be left out in a user "
				   "namespace: bind it with rbind");
	}

	return tree < 0 ? err_sys(e, tree, "bind \"%s\"", m->source) : tree;
}

static int make_bind(struct inside *in, const struct mount_step *m, struct err *e)
{
	autoclose int tree =
		m->source_from_host ? receive_source(in, m, e) : clone_source(in, m, e);

	if (tree < 0 || set_attrs(tree, &m->attrs, 0, e) < 0)
		return -1;

	return take_fd(&tree);
}

/* By its place in procfs: what fsmount(2) gives is for paths only. */
static int set_label(int mount, const char *label, struct err *e)
{
	char path[64];

	fmt_text(path, sizeof(path), "/proc/self/fd/%d", mount);

	int r = sys_set_xattr(path, "security.selinux", label, strlen(label) + 1);

	return r < 0 ? err_sys(e, r, "label it \"%s\"", label) : 0;
}

static int proc_is_hidden(struct err *e)
{
	return err_hint(e, "an outer container hides parts of /proc: start that one with an "
			   "unmasked /proc, or bind /proc with rbind, which shows its processes");
}

/* The kernel lets a user namespace not have every filesystem anew, and the plan knows another way. */
static int make_filesystem(struct inside *in, const struct mount_step *m, struct err *e)
{
	if (m->source_from_host)
		return receive_source(in, m, e);

	autoclose int mount = filesystem_make(m, e);
	if (mount >= 0 && m->label && set_label(mount, m->label, e) < 0)
		return -1;
	if (mount >= 0 || e->code != EPERM)
		return take_fd(&mount);
	if (!m->fallback)
		return strcmp(m->type, "proc") == 0 ? proc_is_hidden(e) : -1;

	autoclose int tree = sys_clone_tree(m->fallback, AT_RECURSIVE);
	if (tree < 0)
		return err_in(e, "no \"%s\" to bind instead", m->fallback);
	if (set_attrs(tree, &m->attrs, 0, e) < 0)
		return -1;

	return take_fd(&tree);
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

/* A new procfs or sysfs, or the host's where there can be no new one. */
static const char *trusted_kind(const struct mount_step *m)
{
	const char *what = m->bind ? m->source : m->type;

	if (strcmp(what, m->bind ? "/proc" : "proc") == 0)
		return "proc";

	return strcmp(what, m->bind ? "/sys" : "sysfs") == 0 ? "sysfs" : NULL;
}

/* procfs and sysfs are trusted by all that follows, so their place must be a real directory, not a
 * link of the image. */
static int check_trusted_place(struct inside *in, const struct mount_step *m, struct err *e)
{
	const char *kind = trusted_kind(m);
	struct stat st;

	if (!kind)
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
			m->target, kind);

	return 0;
}

static int attach(struct inside *in, int mount, const struct mount_step *m, struct err *e)
{
	int directory = is_directory(mount, e);
	if (directory < 0)
		return -1;

	enum target_kind kind = directory ? TARGET_DIRECTORY : TARGET_FILE;
	autoclose int target = m->target_nofollow ? target_make_itself(in, m->target, kind, e)
						  : target_make(in, m->target, kind, e);
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

static int remount(struct inside *in, const struct mount_step *m, struct err *e)
{
	autoclose int target = sys_open_in_root(in->rootfs, m->target, O_PATH);
	if (target < 0)
		return err_sys(e, target, "open \"%s\" in the rootfs", m->target);
	if (!m->bind && filesystem_reconfigure(target, m, e) < 0)
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
	if (check_trusted_place(in, m, e) < 0)
		return -1;

	autoclose int mount = m->bind ? make_bind(in, m, e) : make_filesystem(in, m, e);
	if (mount < 0 || set_attrs(mount, &m->recursive_attrs, AT_RECURSIVE, e) < 0)
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
