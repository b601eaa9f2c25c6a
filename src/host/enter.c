/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/enter.c - the birth of tare-init in a running container (exec)
 *
 * From the moment a process is visible in the container's pid namespace, a root in there with
 * CAP_SYS_PTRACE may look at its descriptors, its root and its memory (CVE-2016-9962). So a helper,
 * which is not visible yet, goes first: it joins every namespace, mount last, so that root and
 * working directory are the container's; it closes every descriptor but stdio and tare-init's own;
 * and only then it clones, without sharing memory. Its child is our child, and the helper ends.
 */
#include "host/birth.h"

#include "base/fd.h"
#include "kernel/memory.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "wire/wire.h"

/* In memory that the helper shares, also where it can't share all of ours. */
struct entrance {
	struct birth *birth;
	pid_t pid;		      /* of tare-init; -errno; 0: not yet */
	int targets[SPAWN_JOINS_MAX]; /* open namespaces, beside spawn->joins */
	size_t count;
	int user, root;	    /* -1: none */
	const char *failed; /* what could not be joined */
	int image;
};

static int become_init(void *arg)
{
	const struct entrance *in = arg;

	/* It is not where it was: birth_arrange(). */
	int control = in->birth->create->plan->first_fd + WIRE_CONTROL;

	birth_fails(in->birth, control, birth_exec(in->birth, in->image), "execute tare-init");
}

/* Root of the user namespace, if it has one: its rights are there whoever we are. */
static int join_user(const struct entrance *in)
{
	if (in->user < 0)
		return 0;

	int r = sys_setns(in->user, CLONE_NEWUSER);
	if (r == 0)
		r = sys_setgid(0);

	return r == 0 ? sys_setuid(0) : r;
}

static int join_all(struct entrance *in)
{
	const struct ns_join *joins = in->birth->spawn->joins;

	in->failed = "user";
	int r = join_user(in);

	for (size_t i = 0; r == 0 && i < in->count; i++) {
		in->failed = joins[i].name;
		r = sys_setns(in->targets[i], joins[i].type);
	}

	return r;
}

/* What joining a mount namespace does on its own. */
static int enter_root(const struct entrance *in)
{
	if (in->root < 0)
		return 0;

	int r = sys_fchdir(in->root);

	return r == 0 ? sys_chroot(".") : r;
}

/*
 * Nothing stays open but stdio, what the program is to get, tare-init's descriptors and the image
 * right behind them. Among the numbers for the program there may be some of ours, where its own are
 * missing.
 */
static int close_others(struct entrance *in)
{
	int first = in->birth->create->plan->first_fd, last = first + WIRE_FD_COUNT;
	int r = birth_arrange(in->birth, &in->image);

	if (r < 0)
		return r;
	r = sys_dup_cloexec(in->image, last);
	if (r < 0)
		return r;
	in->image = last;
	for (int fd = 3; fd < first; fd++)
		if (sys_fd_flags(fd) == FD_CLOEXEC)
			sys_close(fd);

	return sys_close_from(last + 1);
}

/* In the helper. */
static int enter_and_clone(void *arg)
{
	struct entrance *in = arg;
	const struct sys_clone clone = { .flags = CLONE_PARENT, .cgroup = -1 };

	/* Until it is there, in->pid says that there is none: we may be killed at any moment. */
	int r = in->birth->move ? birth_join_cgroup(in->birth) : 0;
	if (r == 0)
		r = join_all(in);
	if (r == 0)
		in->failed = NULL;
	if (r == 0)
		r = enter_root(in);
	if (r == 0)
		r = close_others(in);
	in->pid = r < 0 ? r : sys_clone_call(&clone, NULL, become_init, in);

	return in->pid < 0;
}

static int open_target(const char *path, const char *name, struct err *e)
{
	int fd = sys_open(path, O_RDONLY | O_NONBLOCK);

	return fd < 0 ? err_sys(e, fd, "open the container's %s namespace", name) : fd;
}

static int open_targets(struct entrance *in, const struct spawn_step *spawn, struct err *e)
{
	if (spawn->root) {
		in->root = sys_open(spawn->root, O_PATH | O_DIRECTORY);
		if (in->root < 0)
			return err_sys(e, in->root, "open the container's root");
	}
	if (spawn->join_user) {
		in->user = open_target(spawn->join_user, "user", e);
		if (in->user < 0)
			return -1;
	}
	for (; in->count < spawn->join_count; in->count++) {
		const struct ns_join *join = &spawn->joins[in->count];
		int fd = open_target(join->path, join->name, e);

		if (fd < 0)
			return -1;
		in->targets[in->count] = fd;
	}

	return 0;
}

/* setns(2): a time namespace can't be joined with memory that others use too. */
static bool joins_time(const struct spawn_step *spawn)
{
	for (size_t i = 0; i < spawn->join_count; i++)
		if (spawn->joins[i].type == CLONE_NEWTIME)
			return true;

	return false;
}

#define HELPER_PATIENCE_MS 8000

/* It shares our memory: nothing goes on before it has ended, which it does as soon as it is killed, frozen or not. */
static void tell_stuck(pid_t helper, struct err *e)
{
	char where[PROC_WHERE];
	int status;

	proc_describe(helper, where);
	(void) err_msg(e, "the process that was to join the container is %s", where);
	err_hint(e, "is the container paused, or a cgroup above it frozen?");
	sys_kill(helper, SIGKILL);
	sys_wait(helper, &status, 0);
}

static pid_t clone_helper(struct entrance *in, struct err *e)
{
	struct birth *b = in->birth;
	struct sys_clone clone = {
		.cgroup = b->cgroup,
		.share_memory = !joins_time(b->spawn),
		/* In a frozen cgroup it gets nowhere, and CLONE_VFORK has no time-out. */
		.go_on = true,
	};
	int status, ended = 0;

	in->pid = 0;
	sys_prctl(PR_SET_DUMPABLE, 0, 0); /* is of the memory, which the helper may share */
	pid_t helper = sys_clone_call(&clone, NULL, enter_and_clone, in);
	if (helper == -ENOSYS) { /* nobody is born in a cgroup: then it goes there */
		clone.cgroup = -1;
		b->move = true;
		helper = sys_clone_call(&clone, NULL, enter_and_clone, in);
	}
	if (helper > 0)
		ended = sys_wait_within(helper, &status, HELPER_PATIENCE_MS);
	if (ended < 0)
		tell_stuck(helper, e);
	sys_prctl(PR_SET_DUMPABLE, 1, 0);
	if (helper < 0)
		return err_sys(e, helper, "start a process for the container");
	if (ended < 0)
		return -1;
	if (in->pid == 0)
		return err_msg(e, "the process that was to join the container was killed");
	if (in->pid < 0 && in->failed)
		return err_sys(e, in->pid, "join the container's %s namespace", in->failed);
	if (in->pid < 0)
		return err_sys(e, in->pid, "start a process in the container");
	b->pidfd = sys_pidfd_open(in->pid);
	if (b->pidfd >= 0)
		return in->pid;

	/* Our own child: the number is its own until we have waited for it. */
	sys_kill(in->pid, SIGKILL);
	sys_wait(in->pid, &status, 0);

	return err_sys(e, b->pidfd, "open process %d", in->pid);
}

/* All that was opened by its pid: is that still the process it was? */
static int check_target(const struct spawn_step *spawn, struct err *e)
{
	struct proc_stat stat;
	int r = proc_stat_read(spawn->enter_pid, &stat);

	if (r < 0 || stat.start_time != spawn->enter_start)
		return err_msg(e, "the container has stopped meanwhile");

	return 0;
}

static pid_t enter(struct entrance *in, struct err *e)
{
	const struct spawn_step *spawn = in->birth->spawn;

	if (open_targets(in, spawn, e) < 0 || check_target(spawn, e) < 0)
		return -1;

	return clone_helper(in, e);
}

pid_t birth_enter(struct birth *b, struct err *e)
{
	const char *cgroup = b->spawn->cgroup;
	struct entrance *in = sys_map_common(sizeof(*in));

	if (!in)
		return err_sys(e, -ENOMEM, "share memory with a helper");
	*in = (struct entrance) { .birth = b, .user = -1, .root = -1, .image = b->image };

	autoclose int dir = cgroup ? sys_open(cgroup, O_RDONLY | O_DIRECTORY) : -1;
	if (cgroup && dir < 0)
		return err_sys(e, dir, "open cgroup \"%s\"", cgroup);
	b->cgroup = dir;

	pid_t pid = enter(in, e);

	fd_close(&in->user);
	fd_close(&in->root);
	while (in->count > 0)
		sys_close(in->targets[--in->count]);
	sys_unmap(in, sizeof(*in));

	return pid;
}
