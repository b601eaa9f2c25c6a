/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/enter.c - into a running container (exec); host/enter.c says why so
 *
 * A pid namespace that is joined is that of children to come. So everything is joined here, with the mount namespace root
 * and working directory become the container's, and what led there is given up; then a child is cloned, which is in sight in there from
 * its first moment on, and has nothing of the host. It is a child of tare's, as we are, and we end.
 */
#include "inside/inside.h"

#include "kernel/process.h"
#include "wire/wire.h"

#include <signal.h>

/* Of the user namespace: its rights are there whoever we are. */
static int become_root(struct err *e)
{
	int r = sys_setgid(0);

	if (r == 0)
		r = sys_setuid(0);

	return r < 0 ? err_sys(e, r, "become root of the container's user namespace") : 0;
}

/* setns(2) of a pidfd, Linux 5.8: all, or none. */
static int join_at_once(const struct spawn_step *spawn, int process)
{
	uint64_t types = spawn->join_user ? CLONE_NEWUSER : 0;

	for (size_t i = 0; i < spawn->join_count; i++)
		types |= spawn->joins[i].type;

	return types != 0 ? sys_setns(process, types) : 0;
}

static int open_namespace(const char *path, const char *name, struct err *e)
{
	int fd = sys_open(path, O_RDONLY | O_NONBLOCK);

	return fd < 0 ? err_sys(e, fd, "open the container's %s namespace", name) : fd;
}

static int join(int fd, const char *name, uint64_t type, struct err *e)
{
	int r = sys_setns(fd, type);

	sys_close(fd);

	return r < 0 ? err_sys(e, r, "join the container's %s namespace", name) : 0;
}

/*
 * By the number of the process: its own, if it is still alive once all are open. What belongs to the host can be joined
 * before the user namespace only, what belongs to that one perhaps only after it.
 */
static int join_one_by_one(const struct spawn_step *spawn, int process, struct err *e)
{
	int user = -1, fds[SPAWN_JOINS_MAX];
	bool joined[SPAWN_JOINS_MAX] = { false };

	if (spawn->join_user && (user = open_namespace(spawn->join_user, "user", e)) < 0)
		return -1;
	for (size_t i = 0; i < spawn->join_count; i++) {
		fds[i] = open_namespace(spawn->joins[i].path, spawn->joins[i].name, e);
		if (fds[i] < 0)
			return -1;
	}
	if (sys_pidfd_signal(process, 0) == -ESRCH)
		return err_msg(e, "the container has stopped meanwhile");
	for (size_t i = 0; user >= 0 && i < spawn->join_count; i++) {
		joined[i] = sys_setns(fds[i], spawn->joins[i].type) == 0;
		if (joined[i])
			sys_close(fds[i]);
	}
	if (user >= 0 && (join(user, "user", CLONE_NEWUSER, e) < 0 || become_root(e) < 0))
		return -1;
	for (size_t i = 0; i < spawn->join_count; i++)
		if (!joined[i] && join(fds[i], spawn->joins[i].name, spawn->joins[i].type, e) < 0)
			return -1;

	return 0;
}

static int join_all(const struct spawn_step *spawn, int process, struct err *e)
{
	int r = join_at_once(spawn, process);

	if (r == -ESRCH)
		return err_msg(e, "the container has stopped meanwhile");
	/* Whatever it is that it can't do: what fails the other way, too, is told there. */
	if (r < 0)
		return join_one_by_one(spawn, process, e);

	return spawn->join_user ? become_root(e) : 0;
}

/* What joining a mount namespace does on its own. */
static int enter_root(int root)
{
	int r = sys_fchdir(root);

	return r == 0 ? sys_chroot(".") : r;
}

struct birth {
	struct inside *in;
	void (*begin)(struct inside *in);
};

/* In the child, which has to be known to tare before it does anything. */
static int go_on(void *arg)
{
	const struct birth *b = arg;
	struct wire_message m;
	int fd;

	stay_with_parent(b->in->control);
	if (wire_receive(b->in->control, &m, &fd) <= 0 || m.kind != WIRE_GO)
		sys_exit(EXIT_ABANDONED);
	b->begin(b->in);
	sys_exit(EXIT_ABANDONED);
}

int enter_container(struct inside *in, int first, void (*begin)(struct inside *in), struct err *e)
{
	const struct spawn_step *spawn = &in->plan->steps[in->plan->spawn].spawn;
	const struct sys_clone clone = { .flags = CLONE_PARENT, .cgroup = -1 };
	struct birth birth = { .in = in, .begin = begin };

	in->step = in->plan->spawn;
	sys_prctl(PR_SET_DUMPABLE, 0, 0);
	if (join_all(spawn, first + WIRE_ENTER_PROCESS, e) < 0)
		return -1;

	int r = spawn->root ? enter_root(first + WIRE_ENTER_ROOT) : 0;
	if (r < 0)
		return err_sys(e, r, "enter the container's root");
	for (int fd = first + WIRE_FD_COUNT; fd < first + WIRE_ENTER_END; fd++)
		sys_close(fd);

	pid_t pid = sys_clone_call(&clone, NULL, go_on, &birth);
	if (pid < 0)
		return err_sys(e, pid, "start a process in the container");
	sys_exit(wire_send(in->control, WIRE_BORN, (size_t) pid, -1) < 0 ? EXIT_ABANDONED : 0);
}
