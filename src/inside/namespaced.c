/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/namespaced.c - file systems that show a joined namespace
 *
 * The user namespace that is joined may not own the other namespaces that are joined with it. Then
 * a process in it can't mount a file system that shows one of those. So tare-init makes such file
 * systems before, while it has the rights that it started with.
 *
 * A procfs shows the pid namespace of the process that mounts it. tare-init is not in the joined
 * pid namespace, so that no process there can take it over (inside/enter.c). Since Linux 6.17 the
 * option `pidns` names another pid namespace. Before that, a child must be cloned into that
 * namespace. During the mount that child has CAP_SYS_ADMIN, which mounting takes, and nothing else:
 * no other right, no descriptor, and an empty root directory.
 */
#include "inside/inside.h"

#include "base/table.h"
#include "kernel/mount.h"
#include "kernel/namespaces.h"
#include "kernel/process.h"
#include "kernel/since.h"
#include "kernel/socket.h"
#include "wire/filesystem.h"
#include "wire/wire.h"

#include <linux/capability.h>

#define NOBODY 65534

/* The older way has two processes, which run in copies of our memory; both get this. */
struct maker {
	struct inside *in;
	const struct mount_step *m;
	int socket; /* their end of the socket */
};

/*
 * Give up all rights but CAP_SYS_ADMIN, and become a user other than root, as the host's files
 * belong to root. Where the user namespace has no other user, root stays. Where there are no
 * detached mounts root stays too: the stage belongs to root.
 */
static int give_up_rights(void)
{
	const uint64_t admin = (uint64_t) 1 << CAP_SYS_ADMIN;

	sys_prctl(PR_SET_KEEPCAPS, 1, 0);
	if (sys_mounts_detached() && sys_setgid(NOBODY) == 0)
		sys_setuid(NOBODY);

	return sys_capset(admin, admin, 0);
}

/*
 * Make /proc/self/fdinfo our root directory: it only shows our few descriptors, and is gone with
 * this process.
 */
static int hide(const struct maker *k)
{
	autoclose int empty = sys_open_at(k->in->proc, "self/fdinfo", O_PATH | O_DIRECTORY, 0);
	int r = empty < 0 ? empty : sys_fchdir(empty);

	return r == 0 ? sys_chroot(".") : r;
}

static void close_all_but(int socket, int pids)
{
	int last = socket > pids ? socket : pids;

	for (int fd = 0; fd < last; fd++)
		if (fd != socket && fd != pids)
			sys_close(fd);
	sys_close_from(last + 1, last + 64);
}

/* In the child, which is in the pid namespace. */
static int make_inside(void *arg)
{
	const struct maker *k = arg;
	struct err e;

	autoclose int mount = filesystem_make(k->m, -1, &e);
	if (mount < 0)
		return wire_send_failure(k->socket, 0, &e, NULL) < 0;

	return wire_send(k->socket, WIRE_DESCRIPTOR, 0, mount) < 0;
}

/* setns(2) with a pid namespace changes only where this process's children are cloned. */
static int make_child(void *arg)
{
	const struct sys_clone clone = { .cgroup = -1 };
	struct maker *k = arg;
	int status, r = 0;

	/*
	 * Without detached mounts the stage and the host's procfs are needed until the mount is
	 * made.
	 */
	if (sys_mounts_detached()) {
		r = hide(k);
		close_all_but(k->socket, k->in->pids);
	}
	if (r == 0)
		r = give_up_rights();
	if (r == 0)
		r = sys_setns(k->in->pids, CLONE_NEWPID);
	sys_close(k->in->pids);

	pid_t pid = r < 0 ? r : sys_clone_call(&clone, NULL, make_inside, k);
	if (pid < 0) {
		struct err e;

		(void) err_sys(&e, pid, "start a process in the pid namespace");
		if (pid == -ENOMEM)
			err_hint(&e, PID_NAMESPACE_ENDED);
		/*
		 * EPERM: the joined user namespace does not own the pid namespace, and without
		 * detached mounts mounts_make_early() could not mount the procfs before.
		 */
		if (pid == -EPERM && !sys_mounts_detached())
			err_lacks(&e, SINCE_EARLY_PROCFS);
		return wire_send_failure(k->socket, 0, &e, NULL) < 0;
	}

	return sys_wait(pid, &status, 0) < 0;
}

static int receive(int socket, struct err *e)
{
	struct wire_message m;
	int fd, r = wire_receive(socket, &m, &fd);

	if (r > 0 && m.kind == WIRE_DESCRIPTOR && fd >= 0)
		return fd;
	fd_close(&fd);
	if (r <= 0 || m.kind != WIRE_FAILED)
		return err_msg(e, "the process that was to make the procfs was killed");
	*e = m.error;

	return -1;
}

/*
 * The child may be taken over from within the pid namespace, and send any descriptor: so check that
 * it is a procfs.
 */
static int check(int mount, struct err *e)
{
	const long proc_magic = 0x9fa0; /* PROC_SUPER_MAGIC */
	struct statfs fs;

	return sys_statfs(mount, &fs) == 0 && fs.f_type == proc_magic
		       ? 0
		       : err_msg(e, "what came from the pid namespace is no procfs");
}

static int make_by_child(struct inside *in, const struct mount_step *m, struct err *e)
{
	const struct sys_clone clone = { .cgroup = -1 };
	int ends[2], status, r = sys_stage_lend();

	if (r == 0)
		r = sys_socket_pair(ends);
	if (r < 0)
		return err_sys(e, r, "prepare a process for the procfs");

	autoclose int ours = ends[0];
	struct maker k = { .in = in, .m = m, .socket = ends[1] };
	pid_t pid = sys_clone_call(&clone, NULL, make_child, &k);
	sys_close(ends[1]);
	if (pid < 0)
		return err_sys(e, pid, "start a process for the procfs");

	autoclose int mount = receive(ours, e);
	sys_wait(pid, &status, 0);
	sys_stage_return();

	return mount >= 0 && check(mount, e) == 0 ? take_fd(&mount) : -1;
}

static int make(struct inside *in, const struct mount_step *m, struct err *e)
{
	if (in->pids < 0 || strcmp(m->type, "proc") != 0)
		return filesystem_make(m, -1, e);

	return sys_proc_takes_pids(in->pids) ? filesystem_make(m, in->pids, e)
					     : make_by_child(in, m, e);
}

int mounts_make(struct inside *in, const struct mount_step *m, struct err *e)
{
	for (size_t i = 0; i < in->early_count; i++)
		if (in->early[i].step == in->step)
			return take_fd(&in->early[i].mount);

	return make(in, m, e);
}

/* ---- before a user namespace is joined ---- */

/*
 * File systems that show a namespace: mounting them takes CAP_SYS_ADMIN in its owning user
 * namespace.
 */
static const struct {
	const char *type;
	uint64_t namespace;
} shows[] = {
	{ "proc", CLONE_NEWPID },
	{ "mqueue", CLONE_NEWIPC },
	{ "sysfs", CLONE_NEWNET },
};

static bool shows_one_of(const struct mount_step *m, uint64_t joined)
{
	for (size_t i = 0; i < ARRAY_SIZE(shows); i++)
		if (strcmp(m->type, shows[i].type) == 0)
			return joined & shows[i].namespace;

	return false;
}

void mounts_make_early(struct inside *in, uint64_t joined)
{
	for (size_t i = in->step; i < in->plan->step_count && in->early_count < EARLY_MOUNTS; i++) {
		const struct step *s = &in->plan->steps[i];
		struct err ignored;

		if (s->op != OP_MOUNT || !s->mount.type || s->mount.bind || s->mount.remount ||
		    s->mount.source_from_host || !shows_one_of(&s->mount, joined))
			continue;

		int mount = make(in, &s->mount, &ignored);
		if (mount >= 0) {
			in->early[in->early_count].step = i;
			in->early[in->early_count++].mount = mount;
		}
	}
}
