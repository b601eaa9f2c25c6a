/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/mounts.c - the mounts of config.json, in their order
 *
 * A mount is made detached, with all its attributes, and only then attached to the descriptor of
 * its place: no process sees it half configured. Filesystems with options that only mount(2) takes
 * (plan/mounts/mounts.c decides) are first mounted on the stage (kernel/mount.c).
 */
#include "inside/inside.h"

#include "base/fmt.h"
#include "base/table.h"
#include "kernel/fallback.h"
#include "kernel/mount.h"
#include "kernel/mountinfo.h"
#include "kernel/process.h"
#include "kernel/since.h"
#include "wire/filesystem.h"
#include "wire/wire.h"

#include <linux/magic.h>
#include <linux/mount.h>

static bool in_user_namespace(const struct inside *in)
{
	const struct spawn_step *spawn = &in->plan->steps[in->plan->spawn].spawn;

	return spawn->join_user || spawn->namespaces & CLONE_NEWUSER;
}

static int clone_failed(const struct inside *in, const struct mount_step *m, int r, struct err *e)
{
	(void) err_sys(e, r, "bind \"%s\"", m->source);
	if (r == -EINVAL && !m->recursive && in_user_namespace(in))
		err_hint(
			e,
			"what is mounted below it can't be left out in a user namespace: bind it with rbind");

	return -1;
}

/*
 * tare opened the source in our own mount namespace. Only we can copy it (open_tree(2) takes mounts
 * of the caller's namespace), and only tare may map its owners.
 */
static int copy_source(struct inside *in, const struct mount_step *m, int source, struct err *e)
{
	struct wire_message answer;

	autoclose int tree = sys_clone_mount(source, m->recursive ? AT_RECURSIVE : 0);
	if (tree < 0)
		return clone_failed(in, m, tree, e);
	if (m->idmap.way == MOUNT_IDMAP_NONE)
		return take_fd(&tree);

	autoclose int unwanted = source_ask(in, tree, &answer);
	if (unwanted >= 0 || answer.kind != WIRE_MAPPED)
		return err_msg(e, "the host side did not map the owners of \"%s\"", m->source);

	return take_fd(&tree);
}

static int receive_source(struct inside *in, const struct mount_step *m, struct err *e)
{
	struct wire_message message;

	autoclose int source = source_receive(in, &message);
	if (source < 0)
		return err_msg(e, "source \"%s\" did not arrive from the host side", m->source);
	if (message.kind != WIRE_DESCRIPTOR)
		return copy_source(in, m, source, e);

	int tree = sys_take_tree(source);

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
	if ((r == -EINVAL || r == -EOPNOTSUPP) && attrs->set & MOUNT_ATTR_NOSYMFOLLOW) {
		(void) err_sys(e, r, "set mount attributes");
		return err_lacks(e, r == -EINVAL ? SINCE_NOSYMFOLLOW : SINCE_NOSYMFOLLOW_OLD);
	}

	return r < 0 ? err_sys(e, r, "set mount attributes") : 0;
}

/* A detached copy of a mount that exists already. */
static int clone_source(struct inside *in, const struct mount_step *m, struct err *e)
{
	unsigned flags =
		(m->recursive ? AT_RECURSIVE : 0) | (m->source_nofollow ? AT_SYMLINK_NOFOLLOW : 0);
	int tree = sys_clone_tree(m->source, flags);

	return tree < 0 ? clone_failed(in, m, tree, e) : tree;
}

/*
 * mount(2) with MS_REMOUNT and MS_BIND clears each flag of the source that is not named. runc and
 * crun do so where a flag other than "ro" is named. With "ro" crun keeps the others, as mount(8)
 * does, and so does tare: clearing them would protect less. In a user namespace flags that lock a
 * mount (mount_namespaces(7)) stay unless they are named.
 */
static uint64_t flags_not_named(const struct inside *in, const struct mount_attrs *named)
{
	uint64_t flags = MOUNT_ATTR_NOSYMFOLLOW;

	if ((named->set | named->clear) == 0 || named->set & MOUNT_ATTR_RDONLY)
		return 0;
	if (named->clear & MOUNT_ATTR__ATIME)
		flags |= MOUNT_ATTR_NODIRATIME;
	if (!in_user_namespace(in))
		flags |= MOUNT_ATTRS_OF_A_KIND;

	return flags & ~named->set;
}

static int set_bind_attrs(struct inside *in, int tree, const struct mount_attrs *named,
			  struct err *e)
{
	struct mount_attrs attrs = *named;

	attrs.clear |= flags_not_named(in, named);
	if (attrs.clear != named->clear) {
		struct mount_attr attr = { .attr_set = attrs.set, .attr_clr = attrs.clear };
		int r = sys_set_mount_attr(tree, 0, &attr);

		if (r == 0)
			return 0;
		/*
		 * mount_setattr(2) does not know nosymfollow before Linux 5.14: the mount keeps the
		 * source's.
		 */
		if (r == -EINVAL || r == -EOPNOTSUPP)
			attrs.clear &= ~(uint64_t) MOUNT_ATTR_NOSYMFOLLOW | named->clear;
	}

	return set_attrs(tree, &attrs, 0, e);
}

static int make_bind(struct inside *in, const struct mount_step *m, struct err *e)
{
	autoclose int tree =
		m->source_from_host ? receive_source(in, m, e) : clone_source(in, m, e);

	if (tree < 0 || set_bind_attrs(in, tree, &m->attrs, e) < 0)
		return -1;

	return take_fd(&tree);
}

/* By /proc/self/fd, as the descriptor of fsmount(2) is O_PATH. */
static int set_label(int mount, const char *label, struct err *e)
{
	char path[64];

	fmt_text(path, sizeof(path), "/proc/self/fd/%d", mount);

	int r = sys_set_xattr(path, "security.selinux", label, strlen(label) + 1);

	return r < 0 ? err_sys(e, r, "label it \"%s\"", label) : 0;
}

/*
 * Directories of procfs that only serve as mount points, and are empty otherwise: a mount on them
 * hides nothing.
 */
static bool is_for_mounts(const char *point)
{
	return strcmp(point, "/proc/sys/fs/binfmt_misc") == 0 ||
	       strcmp(point, "/proc/fs/nfsd") == 0;
}

/*
 * mount_namespaces(7): in a user namespace a procfs can only be mounted where a whole one is
 * visible. A security module or a filter may return EPERM, too.
 */
static int explain_proc(struct err *e)
{
	struct mountinfo m = { .fd = sys_open("/proc/self/mountinfo", O_RDONLY) };
	autoclose int fd = m.fd;
	struct mountinfo_line line;
	bool whole = false, covered = false;

	while (fd >= 0 && mountinfo_next(&m, &line) > 0) {
		whole |= line.whole && strcmp(line.point, "/proc") == 0;
		covered |= strncmp(line.point, "/proc/", 6) == 0 && !is_for_mounts(line.point);
	}
	if (fd < 0 || (whole && !covered))
		return -1;

	return err_hint(e, "an outer container hides parts of /proc: start that one with an "
			   "unmasked /proc, or bind /proc with rbind, which shows its processes");
}

/*
 * In a user namespace the kernel may refuse a new filesystem (EPERM): then the fallback of the plan
 * is bound.
 */
static int make_filesystem(struct inside *in, const struct mount_step *m, struct err *e)
{
	if (m->source_from_host)
		return receive_source(in, m, e);

	autoclose int mount = mounts_make(in, m, e);
	if (mount >= 0 && m->label && set_label(mount, m->label, e) < 0)
		return -1;
	if (mount >= 0 || e->code != EPERM)
		return take_fd(&mount);
	if (!m->fallback)
		return strcmp(m->type, "proc") == 0 ? explain_proc(e) : -1;

	const struct mount_attrs below = { .set = m->attrs.set & MOUNT_ATTRS_OF_A_KIND };

	fallback_took("the host's, bound, for a new file system");

	autoclose int tree = sys_clone_tree(m->fallback, AT_RECURSIVE);
	if (tree < 0)
		return err_in(e, "no \"%s\" to bind instead", m->fallback);
	if (set_attrs(tree, &m->attrs, 0, e) < 0 || set_attrs(tree, &below, AT_RECURSIVE, e) < 0)
		return -1;

	return take_fd(&tree);
}

/*
 * The propagation is set once the mount is attached: attaching it to a shared parent would change
 * it.
 */
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

/* "proc" or "sysfs", for a new one or a bind of the host's; else NULL. */
static const char *trusted_kind(const struct mount_step *m)
{
	const char *what = m->bind ? m->source : m->type;

	if (strcmp(what, m->bind ? "/proc" : "proc") == 0)
		return "proc";

	return strcmp(what, m->bind ? "/sys" : "sysfs") == 0 ? "sysfs" : NULL;
}

/*
 * Later steps trust procfs and sysfs, so their mount point must be a real directory, and no link of
 * the image. The descriptor that is checked is the one they are attached to: a second look-up may
 * find another directory.
 */
static int make_trusted_place(struct inside *in, const struct mount_step *m, const char *kind,
			      struct err *e)
{
	struct stat st;

	autoclose int place = target_make_itself(in, m->target, TARGET_DIRECTORY, e);
	if (place < 0)
		return -1;

	int r = sys_stat(place, &st);
	if (r < 0)
		return err_sys(e, r, "stat \"%s\" in the rootfs", m->target);
	if (!S_ISDIR(st.st_mode))
		return err_msg(
			e,
			"\"%s\" is not a directory of the rootfs: %s must be mounted on ordinary directory, "
			"it goes only onto a real one",
			m->target, kind);

	return take_fd(&place);
}

static int make_place(struct inside *in, const struct mount_step *m, enum target_kind kind,
		      struct err *e)
{
	const char *trusted = trusted_kind(m);

	if (trusted)
		return make_trusted_place(in, m, trusted, e);

	return m->target_nofollow ? target_make_itself(in, m->target, kind, e)
				  : target_make(in, m->target, kind, e);
}

/*
 * plan/mounts/mounts.c checks destinations below /proc; but a link of the image may lead there from
 * elsewhere. A procfs that the container mounts elsewhere may be covered.
 */
static int check_procfs(struct inside *in, const struct mount_step *m, struct err *e)
{
	if (paths_below_top(m->target, "proc"))
		return 0;

	autoclose int unlinked = sys_open_in_root_unlinked(in->rootfs, m->target, O_PATH);
	if (unlinked < 0)
		return err_msg(e, "by a link \"%s\" leads into procfs", m->target);

	return 0;
}

/*
 * May the mount cover this place? *@name: the path that paths_trust() is to take it for. A link of
 * the image may lead to the /sys in which masked paths are looked up.
 */
static int check_place(struct inside *in, const struct mount_step *m, int target, const char **name,
		       struct err *e)
{
	struct statfs fs;
	int r = sys_statfs(target, &fs);

	if (r < 0)
		return err_sys(e, r, "stat the file system of \"%s\"", m->target);
	*name = fs.f_type == SYSFS_MAGIC && paths_is_root(in->sys_mount, target) ? "/sys"
										 : m->target;

	return fs.f_type == PROC_SUPER_MAGIC ? check_procfs(in, m, e) : 0;
}

/*
 * mount(2) returns ENOTDIR where one of the two is a directory, move_mount(2) EINVAL. Engines and
 * users know mount(2)'s text.
 */
static int attach_failed(int r, int target, int directory, const struct mount_step *m,
			 struct err *e)
{
	int there = is_directory(target, e);

	if (there < 0 || there == directory || (r != -ENOTDIR && r != -EINVAL))
		return err_sys(e, r, "attach to \"%s\"", m->target);
	(void) err_sys(e, -ENOTDIR, "attach to \"%s\"", m->target);

	return err_hint(e, "\"%s\" is a %s, \"%s\" in the rootfs a %s",
			m->source ? m->source : m->type, directory ? "directory" : "file",
			m->target, there ? "directory" : "file");
}

static int attach(struct inside *in, int mount, const struct mount_step *m, struct err *e)
{
	/* The root of a new filesystem is a directory. */
	int directory = m->bind ? is_directory(mount, e) : 1;
	if (directory < 0)
		return -1;

	autoclose int target = make_place(in, m, directory ? TARGET_DIRECTORY : TARGET_FILE, e);
	const char *name = m->target;
	if (target < 0 || check_place(in, m, target, &name, e) < 0) {
		e->from_image = true;
		return -1;
	}

	int r = sys_attach_mount(mount, target);
	if (r < 0)
		return attach_failed(r, target, directory, m, e);

	return paths_trust(in, trusted_kind(m) ? mount : -1, name, e);
}

/* The directory that a tmpfs covers: a descriptor, -ENOENT, or -1 with the error. */
static int open_covered(struct inside *in, const struct mount_step *m, int flags, struct err *e)
{
	int place = sys_open_in_root(in->rootfs, m->target, flags | O_DIRECTORY);

	if (place >= 0 || place == -ENOENT)
		return place;
	(void) err_sys(e, place, "open \"%s\" in the rootfs", m->target);
	e->from_image = true;

	return -1;
}

/* tmpcopyup: the tmpfs is filled while it is detached, so that no process sees it half filled. */
static int fill(struct inside *in, int mount, const struct mount_step *m, struct err *e)
{
	struct stat st;

	autoclose int place = open_covered(in, m, m->copy_up ? O_RDONLY : O_PATH, e);
	if (place == -ENOENT)
		return set_attrs(mount, &m->attrs, 0, e);
	if (place < 0 || (m->copy_up && copy_directory(place, mount, m->own_mode, e) < 0))
		return -1;
	if (!m->copy_up) {
		int r = sys_stat(place, &st);

		if (r == 0)
			r = sys_chmod_at(mount, ".", st.st_mode & 07777);
		if (r < 0)
			return err_sys(e, r, "take over the mode of \"%s\"", m->target);
	}

	return set_attrs(mount, &m->attrs, 0, e);
}

struct inherited {
	struct mount_step step;
	struct mount_parameter mode;
	char digits[8];
};

/*
 * A new tmpfs has mode 1777, which would let all users write to a directory of the image: without
 * mode= it gets the mode of that directory. The mode is given as a mount option, so that mountinfo
 * shows it; a tmpfs that tare makes, or that is filled with a copy, gets the mode later. *@m
 * becomes the step in @i.
 */
static int inherit_mode(struct inside *in, const struct mount_step **m, struct inherited *i,
			struct err *e)
{
	struct stat st;

	if (!(*m)->own_mode || (*m)->copy_up || (*m)->source_from_host)
		return 0;
	i->step = **m;
	i->step.own_mode = false;
	*m = &i->step;

	autoclose int place = open_covered(in, *m, O_PATH, e);
	if (place < 0)
		return place == -ENOENT ? 0 : -1;

	int r = sys_stat(place, &st);
	if (r < 0)
		return err_sys(e, r, "look at the mode of \"%s\"", (*m)->target);
	fmt_text(i->digits, sizeof(i->digits), "%o", st.st_mode & 07777);
	i->mode = (struct mount_parameter) { "mode", i->digits };
	i->step.mode = &i->mode;

	return 0;
}

/* Keep a descriptor for OP_PROTECT_MOUNT: another mount may cover this one by then. */
static int keep_for_later(struct inside *in, int mount, const struct mount_step *m, struct err *e)
{
	if (m->readonly_later == 0)
		return 0;

	int kept = in->readonly_later[m->readonly_later - 1] = sys_dup(mount, 0);

	return kept < 0 ? err_sys(e, kept, "keep it to be made read-only later") : 0;
}

/* For parameters that only mount(2) takes. */
static int mount_classic(struct inside *in, const struct mount_step *m, struct err *e)
{
	if (in->pids >= 0 && strcmp(m->type, "proc") == 0)
		return err_msg(e, "the procfs of a pid namespace that is joined takes no options "
				  "but its own");

	bool later = m->copy_up || m->own_mode;
	unsigned long flags = later ? m->flags & ~(unsigned long) MS_RDONLY : m->flags;

	autoclose int mount = filesystem_make_at_once(m, flags, 0, e);
	if (mount < 0 || (later && fill(in, mount, m, e) < 0) ||
	    set_attrs(mount, &m->attrs, 0, e) < 0 ||
	    set_attrs(mount, &m->recursive_attrs, AT_RECURSIVE, e) < 0)
		return -1;
	if (attach(in, mount, m, e) < 0 || keep_for_later(in, mount, m, e) < 0)
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

int mounts_protect(struct inside *in, const struct step *s, struct err *e)
{
	const struct mount_attrs readonly = { .set = MOUNT_ATTR_RDONLY };
	autoclose int mount = in->readonly_later[s->index];

	return set_attrs(mount, &readonly, 0, e) < 0 ? err_in(e, "make it read-only") : 0;
}

static int mount_new(struct inside *in, const struct mount_step *m, struct err *e)
{
	autoclose int mount = m->bind ? make_bind(in, m, e) : make_filesystem(in, m, e);
	if (mount < 0 || set_attrs(mount, &m->recursive_attrs, AT_RECURSIVE, e) < 0)
		return -1;
	if ((m->copy_up || m->own_mode) && fill(in, mount, m, e) < 0)
		return -1;
	if (attach(in, mount, m, e) < 0 || keep_for_later(in, mount, m, e) < 0)
		return -1;

	return finish(mount, m, e);
}

int mounts_attach(struct inside *in, const struct step *s, struct err *e)
{
	const struct mount_step *m = &s->mount;
	struct inherited inherited;
	int r;

	target_forget_parent(in);
	if (m->remount)
		r = remount(in, m, e);
	else if (inherit_mode(in, &m, &inherited, e) < 0)
		r = -1;
	else if (m->classic)
		r = mount_classic(in, m, e);
	else
		r = mount_new(in, m, e);
	if (r < 0)
		return err_in(e, "mount on \"%s\"", m->target);

	return 0;
}
