/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/create/sources.c - mounts that tare opens, or makes, for tare-init
 *
 * In a new user namespace tare-init may have no access to a source of root's, and only a process
 * with rights on a filesystem can map the owners of its files. So tare makes such mounts, detached,
 * and sends them through the socket in the order of their steps; tare-init sets attributes and
 * attaches them.
 *
 * A source in one of the container's earlier mounts exists only in tare-init's mount namespace,
 * from that mount's step on. When tare-init asks, tare opens such a source there, with tare's
 * rights, and tare-init makes the copy. Without detached mounts (Linux before 5.12) all sources are
 * opened in this way.
 */
#include "host/create/create.h"

#include "base/fmt.h"
#include "base/mount_line.h"
#include "base/path.h"
#include "heap/arena.h"
#include "host/watchdog.h"
#include "kernel/fd.h"
#include "kernel/mount.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "kernel/since.h"
#include "wire/filesystem.h"
#include "wire/wire.h"

#include <string.h>

static int open_bind(const char *path, unsigned flags, struct err *e)
{
	int tree = sys_clone_tree(path, flags);

	return tree < 0 ? err_sys(e, tree, "open \"%s\"", path) : tree;
}

/*
 * A copy that tare-init makes is a slave of the host's mount, as its whole tree is
 * (plan/mounts/rootfs.c). tare is in the host's mount namespace. There a copy of a shared mount, as
 * with systemd, is a new peer, and a mount in it would propagate to the host: so make it a slave.
 */
static int leave_peers(int tree, struct err *e)
{
	struct mount_attr slave = { .propagation = MS_SLAVE };
	int r = sys_set_mount_attr(tree, AT_RECURSIVE, &slave);

	return r < 0 ? err_sys(e, r, "keep mounts from travelling to the host") : 0;
}

static unsigned nofollow(const struct mount_step *m)
{
	return m->source_nofollow ? AT_SYMLINK_NOFOLLOW : 0;
}

/* ---- finding a source ---- */

#define PATH_SIZE 4096

/* Open @path; @found gets its path without links. The descriptor, or -errno. */
static int find(const char *path, unsigned flags, char found[PATH_SIZE])
{
	autoclose int fd = sys_open(path, O_PATH | (flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0));
	if (fd < 0)
		return fd;

	ssize_t n = sys_path_of(fd, found, PATH_SIZE);
	if (n < 0)
		return (int) n;

	return take_fd(&fd);
}

/*
 * Is the source in a mount that an earlier step makes, or a tree around one? Such a mount exists
 * only in tare-init's mount namespace, from its step on: runtime-spec, config.md#mounts, "MUST
 * mount entries in the listed order".
 */
static bool is_late(const struct create *c, const struct step *s)
{
	char source[PATH_SIZE], rootfs[PATH_SIZE];
	const struct mount_step *m = &s->mount;

	if (s->op != OP_MOUNT || !m->bind)
		return false;

	autoclose int top = find(c->plan->rootfs, 0, rootfs);
	autoclose int fd = find(m->source, nofollow(m), source);
	if (fd == -ENOENT || fd == -ENOTDIR)
		return true;
	if (fd < 0 || top < 0)
		return false;

	return path_below(source, rootfs) || (m->recursive && path_below(rootfs, source));
}

static int map_owners(int mount, int users, bool recursive)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_IDMAP,
		.userns_fd = (uint64_t) users,
	};

	return sys_set_mount_attr(mount, recursive ? AT_RECURSIVE : 0, &attr);
}

/* ---- the mount whose owners can't be mapped ---- */

#define MOUNTINFO_SIZE ((size_t) 4 << 20)

/* Does the kernel refuse to map owners for the topmost mount at @path, without those below it? */
static bool refuses(const char *path, unsigned flags, int users)
{
	autoclose int mount = sys_clone_tree(path, flags);

	return mount >= 0 && map_owners(mount, users, false) == -EINVAL;
}

/*
 * Only an error needs this, so the time does not matter. If mounts change meanwhile, no mount is
 * named.
 */
static int name_culprit(const struct mount_step *m, int users, char *mountinfo, struct err *e)
{
	char source[PATH_SIZE];
	int64_t id = -1;

	autoclose int fd = find(m->source, nofollow(m), source);
	if (fd >= 0)
		id = sys_mount_id(fd);

	for (char *line; (line = strsep(&mountinfo, "\n"));) {
		struct mount_line found;
		unsigned long long found_id;

		if (!mount_line_cut(line, &found) || fmt_parse_u64(found.id, &found_id) < 0)
			continue;
		if ((int64_t) found_id == id && refuses(m->source, nofollow(m), users))
			return err_msg(e,
				       "id-map \"%s\": a filesystem of type %s can't be id-mapped",
				       m->source, found.type);
		if (m->idmap.recursive && strcmp(found.point, source) != 0 &&
		    path_below(found.point, source) && refuses(found.point, 0, users))
			return err_msg(e,
				       "id-map \"%s\": below it, at \"%s\", is a filesystem of "
				       "type %s, which can't be id-mapped",
				       m->source, found.point, found.type);
	}

	return err_sys(e, -EINVAL, "id-map \"%s\"", m->source);
}

static int explain_bind(const struct mount_step *m, int users, struct err *e)
{
	struct arena a;

	autoclose int fd = sys_open("/proc/self/mountinfo", O_RDONLY);
	if (fd < 0)
		return err_sys(e, -EINVAL, "id-map \"%s\"", m->source);
	arena_open(&a);
	char *text = arena_alloc(&a, MOUNTINFO_SIZE);

	sys_read_all(fd, text, MOUNTINFO_SIZE - 1);
	(void) name_culprit(m, users, text, e);
	arena_close(&a);

	return -1;
}

static int explain(const struct mount_step *m, int r, int users, struct err *e)
{
	if (r == -EINVAL && m->bind)
		return explain_bind(m, users, e);
	if (r == -EINVAL)
		return err_msg(e, "a filesystem of type %s can't be id-mapped", m->type);

	(void) err_sys(e, r, "id-map \"%s\"", m->source);
	if (r == -ENOSYS)
		err_lacks(e, SINCE_IDMAPPED);
	if (r == -EPERM)
		err_hint(e, "it takes root's rights where the filesystem was mounted, and a mount "
			    "that is not id-mapped already");

	return -1;
}

/* ---- the mounts ---- */

static int map_mount(const struct create *c, int mount, const struct mount_step *m, struct err *e)
{
	autoclose int users = m->idmap.way == MOUNT_IDMAP_CONTAINER
				      ? idmap_open_namespace(c->pid, e)
				      : idmap_make_namespace(&m->idmap.uids, &m->idmap.gids, e);
	if (users < 0)
		return -1;

	int r = map_owners(mount, users, m->idmap.recursive);

	return r < 0 ? explain(m, r, users, e) : 0;
}

static int open_mount(const struct create *c, const struct mount_step *m, struct err *e)
{
	unsigned flags = (m->recursive ? AT_RECURSIVE : 0) | nofollow(m);

	autoclose int mount = m->bind ? open_bind(m->source, flags, e) : filesystem_make(m, -1, e);
	if (mount < 0 || (m->bind && !m->shared && leave_peers(mount, e) < 0))
		return -1;
	if (m->idmap.way != MOUNT_IDMAP_NONE && map_mount(c, mount, m, e) < 0)
		return -1;

	return take_fd(&mount);
}

static bool is_wanted(const struct step *s)
{
	return (s->op == OP_MOUNT_ROOTFS && s->rootfs.source_from_host) ||
	       (s->op == OP_MOUNT && s->mount.source_from_host) || s->op == OP_BRING_DEVICES;
}

int container_mount_image(const struct mount_step *m, struct err *e)
{
	if (sys_mounts_detached())
		return filesystem_make(m, -1, e);
	(void) err_sys(e, -ENOSYS, "mount an image");

	return err_lacks(e, SINCE_MOUNT_WITHOUT_PLACE);
}

static int open_rootfs(const char *path, struct err *e)
{
	autoclose int mount = open_bind(path, AT_RECURSIVE, e);
	if (mount < 0 || leave_peers(mount, e) < 0)
		return -1;

	return take_fd(&mount);
}

/* ---- sources in tare-init's mount namespace, before pivot_root(2) ---- */

/*
 * Open @path below /proc/PID/root of tare-init. -ESRCH: tare-init has ended. While a process ends,
 * the kernel may refuse its root to a tare without CAP_SYS_PTRACE (EACCES), as if it were alive and
 * could not be traced.
 */
static int open_inside(const struct create *c, const char *path, int flags, struct err *e)
{
	autoclose int root = proc_open(c->pid, "root", O_PATH | O_DIRECTORY);
	if (root == -ENOENT || root == -ESRCH ||
	    (root == -EACCES && sys_pidfd_ends(c->pidfd, EXIT_MS)))
		return -ESRCH;
	if (root < 0)
		return err_sys(e, root, "open \"/proc/%d/root\"", c->pid);

	int fd = sys_open_in_root(root, path, O_PATH | flags);

	return fd < 0 ? err_sys(e, fd, "open \"%s\"", path) : fd;
}

/* The source as tare-init sees it; tare-init makes the copy. */
static int open_for_copy(const struct create *c, const struct step *s, struct err *e)
{
	const struct mount_step *m = &s->mount;

	if (m->idmap.way != MOUNT_IDMAP_NONE && !sys_mounts_detached())
		return explain(m, -ENOSYS, -1, e);

	return open_inside(c, m->source, m->source_nofollow ? O_NOFOLLOW : 0, e);
}

/*
 * In tare-init's mount namespace all mounts are slaves: a peer of the host's must be copied here.
 */
static int open_peer(const struct mount_step *m, struct err *e)
{
	int tree = sys_lend_tree(m->source, (m->recursive ? AT_RECURSIVE : 0) | nofollow(m));

	if (tree == -ENOSYS) {
		(void) err_msg(e, "\"%s\" can't be shared with the host", m->source);
		return err_lacks(e, SINCE_MOUNT_TRAVELS);
	}

	return tree < 0 ? err_sys(e, tree, "open \"%s\"", m->source) : tree;
}

static int open_source(const struct create *c, const struct step *s, enum wire_kind *kind,
		       struct err *e)
{
	bool late = is_late(c, s);

	*kind = WIRE_DESCRIPTOR;
	if (!late && sys_mounts_detached())
		return open_mount(c, &s->mount, e);
	if (!late && s->mount.shared)
		return open_peer(&s->mount, e);
	*kind = WIRE_SOURCE;

	return open_for_copy(c, s, e);
}

/* ---- sending ---- */

/* 1: tare-init has ended; its socket has the reason. */
static int hand_over(struct create *c, size_t step, enum wire_kind kind, int fd, struct err *e)
{
	const struct step *s = &c->plan->steps[step];
	int r = fd == -ESRCH ? -EPIPE : wire_send(c->control, kind, step, fd);

	if (r == -EPIPE || r == -ECONNRESET)
		return 1;

	return r < 0 ? err_sys(e, r, "hand \"%s\" to tare-init",
			       s->op == OP_MOUNT_ROOTFS ? s->rootfs.path : s->mount.source)
		     : 0;
}

static int send_source(struct create *c, size_t step, struct err *e)
{
	enum wire_kind kind;

	autoclose int fd = open_source(c, &c->plan->steps[step], &kind, e);
	if (fd < 0 && fd != -ESRCH)
		return -1;

	return hand_over(c, step, kind, fd, e);
}

/*
 * Send the copy that is to be mounted, if it can be made here, and the mount point, which must be
 * in tare-init's mount namespace.
 */
static int send_rootfs(struct create *c, size_t step, struct err *e)
{
	const char *path = c->plan->steps[step].rootfs.path;

	if (sys_mounts_detached()) {
		const struct made_config *made = c->options->made;
		autoclose int mount = made && made->image ? container_mount_image(made->image, e)
							  : open_rootfs(path, e);
		int r = mount < 0 ? -1 : hand_over(c, step, WIRE_DESCRIPTOR, mount, e);

		if (r != 0)
			return r;
	}

	autoclose int place = open_inside(c, path, O_DIRECTORY, e);
	if (place < 0 && place != -ESRCH)
		return -1;

	return hand_over(c, step, WIRE_SOURCE, place, e);
}

static int send_devices(struct create *c, size_t step, struct err *e)
{
	int mount = nodes_make(c, step, e);
	if (mount == -ENOSYS)
		return hand_over(c, step, WIRE_NOTHING, -1, e);
	if (mount < 0)
		return -1;
	c->nodes = mount;

	return hand_over(c, step, WIRE_DESCRIPTOR, mount, e);
}

static int send_one(struct create *c, size_t step, struct err *e)
{
	const struct step *s = &c->plan->steps[step];
	int r = s->op == OP_MOUNT	   ? send_source(c, step, e)
		: s->op == OP_MOUNT_ROOTFS ? send_rootfs(c, step, e)
					   : send_devices(c, step, e);

	return r < 0 ? err_at(e, s->place) : r;
}

int sources_send(struct create *c, struct err *e)
{
	for (size_t i = c->plan->spawn; i < c->plan->step_count; i++) {
		const struct step *s = &c->plan->steps[i];
		int r;

		if (!is_wanted(s))
			continue;
		if (is_late(c, s))
			return hand_over(c, i, WIRE_LATER, -1, e) < 0 ? err_at(e, s->place) : 0;
		r = send_one(c, i, e);
		if (r != 0)
			return r < 0 ? -1 : 0;
	}

	return 0;
}

int sources_answer(struct create *c, size_t step, int tree, struct err *e)
{
	const struct step *s = &c->plan->steps[step];

	if (step >= c->plan->step_count || s->op == OP_MOUNT_ROOTFS || !is_wanted(s))
		return err_msg(e, "tare-init asks for what is none of its sources");
	if (tree < 0)
		return send_one(c, step, e) < 0 ? -1 : 0;
	if (s->op != OP_MOUNT || s->mount.idmap.way == MOUNT_IDMAP_NONE)
		return err_msg(e, "tare-init asks to map a mount that is not to be mapped");
	if (map_mount(c, tree, &s->mount, e) < 0)
		return err_at(e, s->place);

	return hand_over(c, step, WIRE_MAPPED, -1, e) < 0 ? -1 : 0;
}
