/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/enter.c - join namespaces that exist; host/create/enter.c has the reason
 *
 * tare-init was executed outside, and joins namespaces here: those of a running container (exec),
 * by a pidfd of its first process, or those that config.json names by path. A joined user namespace
 * has no rights over this process's memory, which belongs to the user namespace of its exec. A
 * joined pid namespace is only that of later children.
 *
 * So no joined pid namespace can see this process, which goes on with the steps until none is left
 * that needs rights (inside/clone.c). Without a pid namespace to join, it clones a sibling into the
 * new namespaces and ends; the sibling goes on.
 */
#include "inside/inside.h"

#include "kernel/process.h"
#include "wire/wire.h"

#include <linux/nsfs.h>
#include <signal.h>

/*
 * Become root of the user namespace, or where its map has no root take the IDs of the plan. Joining
 * gave all capabilities in there, whatever the IDs. exec goes on without: OP_SET_USER names the ID
 * that is not mapped.
 */
static int take_ids(const struct spawn_step *spawn, struct err *e)
{
	int r = sys_setgid(0);

	if (r == -EINVAL)
		r = sys_setgid(spawn->gid);
	if (r == 0)
		r = sys_setuid(0);
	if (r == -EINVAL)
		r = sys_setuid(spawn->uid);
	if (r == 0 || (r == -EINVAL && spawn->enter_pid > 0))
		return 0;

	(void) err_sys(e, r, "become root of the container's user namespace");
	if (r == -EINVAL)
		(void) err_hint(e, "it maps no root: give its mappings, too");

	return -1;
}

/* setns(2) of a pidfd, Linux 5.8: joins all of @types, or none. */
static int join_at_once(const struct spawn_step *spawn, int process)
{
	uint64_t types = spawn->join_user ? CLONE_NEWUSER : 0;

	for (size_t i = 0; i < spawn->join_count; i++)
		types |= spawn->joins[i].type;

	return types != 0 ? sys_setns(process, types) : 0;
}

static int open_namespace(const char *path, const char *name, struct err *e)
{
	int fd = sys_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);

	return fd < 0 ? err_sys(e, fd, "open %s namespace \"%s\"", name, path) : fd;
}

static int join(int fd, const struct ns_join *join, struct err *e)
{
	int r = sys_setns(fd, join->type);

	if (r == -EINVAL)
		return err_msg(e, "\"%s\" is no %s namespace", join->path, join->name);

	return r < 0 ? err_sys(e, r, "join %s namespace \"%s\"", join->name, join->path) : 0;
}

/* user_namespaces(7): setns(2) refuses the user namespace that the caller is in. */
static bool is_our_own(const struct inside *in, int user)
{
	struct stat own, other;

	return in->proc >= 0 && sys_stat_at(in->proc, "self/ns/user", 0, &own) == 0 &&
	       sys_stat(user, &other) == 0 && own.st_dev == other.st_dev &&
	       own.st_ino == other.st_ino;
}

static int join_user(const struct inside *in, int user, const struct spawn_step *spawn,
		     struct err *e)
{
	const struct ns_join as_any = { CLONE_NEWUSER, "user", spawn->join_user, "", false };

	if (!is_our_own(in, user) && join(user, &as_any, e) < 0)
		return err_at(e, spawn->join_user_place);

	return take_ids(spawn, e);
}

/* Descriptors of the namespaces; -1: joined. */
struct join_fds {
	int user, fds[SPAWN_JOINS_MAX];
};

static int open_joins(struct join_fds *d, const struct spawn_step *spawn, struct err *e)
{
	d->user = spawn->join_user ? open_namespace(spawn->join_user, "user", e) : -1;
	if (spawn->join_user && d->user < 0)
		return err_at(e, spawn->join_user_place);
	for (size_t i = 0; i < spawn->join_count; i++) {
		d->fds[i] = open_namespace(spawn->joins[i].path, spawn->joins[i].name, e);
		if (d->fds[i] < 0)
			return err_at(e, spawn->joins[i].place);
	}

	return 0;
}

static void close_joins(const struct join_fds *d, size_t count)
{
	fd_close(&(int) { d->user });
	for (size_t i = 0; i < count; i++)
		fd_close(&(int) { d->fds[i] });
}

/*
 * Try every namespace before and after the user namespace. Those of the host can only be joined
 * before; an ordinary user can join those of the container's user namespace only after.
 */
static int join_one_by_one(struct inside *in, const struct spawn_step *spawn,
			   const struct join_fds *d, struct err *e)
{
	bool joined[SPAWN_JOINS_MAX] = { false };
	uint64_t types = 0;

	for (size_t i = 0; d->user >= 0 && i < spawn->join_count; i++) {
		joined[i] = sys_setns(d->fds[i], spawn->joins[i].type) == 0;
		types |= joined[i] ? spawn->joins[i].type : 0;
	}
	if (spawn->enter_pid == 0 && d->user >= 0)
		mounts_make_early(in, types);
	if (d->user >= 0 && join_user(in, d->user, spawn, e) < 0)
		return -1;
	for (size_t i = 0; i < spawn->join_count; i++) {
		const struct ns_join *next = &spawn->joins[i];

		if (!joined[i] && !next->later && join(d->fds[i], next, e) < 0)
			return err_at(e, next->place);
		types |= next->type;
	}
	/* A new user namespace is made later. */
	if (spawn->held)
		mounts_make_early(in, types);

	return 0;
}

/*
 * Is @fd a pid namespace? By ioctl_nsfs(2), Linux 4.11. On an older kernel only the file system
 * shows that it is a namespace: nsfs, or procfs before Linux 3.19.
 */
static bool is_pid_namespace(int fd)
{
	const long nsfs_magic = 0x6e736673, proc_magic = 0x9fa0;
	struct statfs fs;
	int type = sys_ioctl(fd, NS_GET_NSTYPE, NULL);

	if (type >= 0)
		return type == CLONE_NEWPID;

	return sys_statfs(fd, &fs) == 0 && (fs.f_type == nsfs_magic || fs.f_type == proc_magic);
}

/* Keep the descriptor of the pid namespace, for OP_JOIN_NAMESPACE and for mounting its procfs. */
static int keep_pids(struct inside *in, const struct spawn_step *spawn, struct join_fds *d,
		     struct err *e)
{
	for (size_t i = 0; i < spawn->join_count; i++) {
		const struct ns_join *join = &spawn->joins[i];

		if (join->type != CLONE_NEWPID)
			continue;
		if (!is_pid_namespace(d->fds[i])) {
			(void) err_msg(e, "\"%s\" is no pid namespace", join->path);
			return err_at(e, join->place);
		}
		in->pids = sys_dup(d->fds[i], in->control);
		if (in->pids < 0)
			return err_sys(e, in->pids, "keep the pid namespace open");
	}

	return 0;
}

static int join_by_paths(struct inside *in, const struct spawn_step *spawn, int process,
			 struct err *e)
{
	struct join_fds d;
	int r = open_joins(&d, spawn, e);

	if (r < 0)
		return -1;
	/*
	 * exec: /proc/PID/ns was opened by the pid. If the process of the pidfd still runs now, no
	 * other process can have had that pid meanwhile.
	 */
	if (process >= 0 && sys_pidfd_signal(process, 0) == -ESRCH)
		return err_stopped(e);
	if (process < 0 && keep_pids(in, spawn, &d, e) < 0)
		return -1;
	r = join_one_by_one(in, spawn, &d, e);
	close_joins(&d, spawn->join_count);

	return r;
}

static int join_container(struct inside *in, const struct spawn_step *spawn, int process,
			  struct err *e)
{
	int r = join_at_once(spawn, process);

	if (r == -ESRCH)
		return err_stopped(e);
	/*
	 * setns(2) of a pidfd may fail for many reasons. The older way fails for the same reasons,
	 * and its error names the namespace.
	 */
	if (r < 0)
		return join_by_paths(in, spawn, process, e);

	return spawn->join_user ? take_ids(spawn, e) : 0;
}

/*
 * setns(2) into a mount namespace also changes the root directory. Without a mount namespace to
 * join, the root is changed here.
 */
static int enter_root(int root)
{
	int r = sys_fchdir(root);

	return r == 0 ? sys_chroot(".") : r;
}

static int enter_container_of(struct inside *in, const struct spawn_step *spawn, int first,
			      struct err *e)
{
	if (join_container(in, spawn, first + WIRE_ENTER_PROCESS, e) < 0)
		return -1;

	int r = spawn->root ? enter_root(first + WIRE_ENTER_ROOT) : 0;
	if (r < 0)
		return err_sys(e, r, "enter the container's root");
	for (int fd = first + WIRE_FD_COUNT; fd < first + WIRE_ENTER_END; fd++)
		sys_close(fd);

	return 0;
}

void wait_for_go(const struct inside *in)
{
	struct wire_message m;
	int fd;

	if (wire_receive(in->control, &m, &fd) <= 0 || m.kind != WIRE_GO)
		sys_exit(EXIT_ABANDONED);
}

struct clone_call {
	struct inside *in;
	void (*begin)(struct inside *in);
	bool held;
};

/* In the sibling: tare must know its pid before the first step, and its id maps must be written. */
static int go_on(void *arg)
{
	const struct clone_call *b = arg;
	struct err e;

	stay_with_parent(b->in->control);
	wait_for_go(b->in);
	if (b->held && take_ids(&b->in->plan->steps[b->in->plan->spawn].spawn, &e) < 0)
		filter_report_and_end(b->in, &e);
	sys_use_proc(-1);
	b->begin(b->in);
	sys_exit(EXIT_ABANDONED);
}

int report_clone(const struct inside *in, pid_t pid, struct err *e)
{
	int r = wire_send(in->control, WIRE_CLONED, (size_t) pid, -1);

	if (r == 0)
		sys_exit(0);
	/*
	 * Kill the sibling: it waits for GO with our socket open, so tare would get no end of file,
	 * and wait for ever.
	 */
	sys_kill(pid, SIGKILL);

	return err_sys(e, r, "tell tare of the container's process");
}

static int make_sibling(const struct spawn_step *spawn, struct clone_call *b, struct err *e)
{
	const struct sys_clone clone = { .flags = spawn->namespaces | CLONE_PARENT, .cgroup = -1 };
	pid_t pid = sys_clone_call(&clone, NULL, go_on, b);

	if (pid < 0)
		return err_sys(e, pid, "make the container's process and namespaces");

	return report_clone(b->in, pid, e);
}

/* unshare(2), not clone(2): the new process would be in the joined pid namespace. */
static int go_on_ourselves(const struct spawn_step *spawn, struct clone_call *b, struct err *e)
{
	int r = spawn->namespaces != 0 ? sys_unshare(spawn->namespaces) : 0;

	if (r < 0)
		return err_sys(e, r, "make the container's namespaces");
	r = wire_send(b->in->control, WIRE_CLONED, (size_t) sys_pid(), -1);
	if (r < 0)
		sys_exit(EXIT_ABANDONED);
	if (b->held) {
		wait_for_go(b->in);
		if (take_ids(spawn, e) < 0)
			return -1;
	}
	b->begin(b->in);

	return -1;
}

int enter_container(struct inside *in, int first, void (*begin)(struct inside *in), struct err *e)
{
	const struct spawn_step *spawn = &in->plan->steps[in->plan->spawn].spawn;
	struct clone_call clone_call = { .in = in, .begin = begin, .held = spawn->held };
	bool running = spawn->enter_pid > 0;

	in->step = in->plan->spawn;
	sys_use_proc(in->proc);
	/* Not dumpable: root of a user namespace that we join must not trace this process. */
	sys_prctl(PR_SET_DUMPABLE, 0, 0);
	if (running ? enter_container_of(in, spawn, first, e) < 0
		    : join_by_paths(in, spawn, -1, e) < 0)
		return -1;

	return spawn->late ? go_on_ourselves(spawn, &clone_call, e)
			   : make_sibling(spawn, &clone_call, e);
}
