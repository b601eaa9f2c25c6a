/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/enter.c - into a running container (exec); host/enter.c says why so
 *
 * A pid namespace that is joined is that of children to come. So everything is joined here, mount last, so that root
 * and working directory are the container's, and given up; then a child is cloned, which is in sight in there from
 * its first moment on, and has nothing of the host. It is a child of tare's, as we are, and we end.
 */
#include "inside/inside.h"

#include "kernel/process.h"
#include "wire/wire.h"

#include <signal.h>

/* Root of the user namespace, if it has one: its rights are there whoever we are. */
static int join_user(int fd)
{
	int r = sys_setns(fd, CLONE_NEWUSER);

	if (r == 0)
		r = sys_setgid(0);

	return r == 0 ? sys_setuid(0) : r;
}

static int join_all(const struct spawn_step *spawn, int first, struct err *e)
{
	int r = spawn->join_user ? join_user(first + WIRE_ENTER_USER) : 0;

	if (r < 0)
		return err_sys(e, r, "join the container's user namespace");
	for (size_t i = 0; i < spawn->join_count; i++) {
		r = sys_setns(first + WIRE_ENTER_JOINS + (int) i, spawn->joins[i].type);
		if (r < 0)
			return err_sys(e, r, "join the container's %s namespace",
				       spawn->joins[i].name);
	}

	return 0;
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
	if (join_all(spawn, first, e) < 0)
		return -1;

	int r = spawn->root ? enter_root(first + WIRE_ENTER_ROOT) : 0;
	if (r < 0)
		return err_sys(e, r, "enter the container's root");
	r = sys_close_from(first + WIRE_FD_COUNT);
	if (r < 0)
		return err_sys(e, r, "give up descriptors");

	pid_t pid = sys_clone_call(&clone, NULL, go_on, &birth);
	if (pid < 0)
		return err_sys(e, pid, "start a process in the container");
	sys_exit(wire_send(in->control, WIRE_BORN, (size_t) pid, -1) < 0 ? EXIT_ABANDONED : 0);
}
