/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/create/enter.c - clone a tare-init that joins namespaces, for exec and create
 *
 * A process that is visible in a pid namespace can be traced by root of that namespace
 * (CAP_SYS_PTRACE). The tracer can use its descriptors, root directory, memory and rights, and
 * write to the file that it executes (CVE-2016-9962, CVE-2019-5736). And a process that has joined
 * a namespace may have no right to come back. So tare itself joins no namespace. tare-init is
 * executed outside, and joins. Then tare-init goes on, not visible in the pid namespace yet, or
 * clones a sibling (inside/enter.c, inside/clone.c). Both are children of tare.
 */
#include "host/create/clone.h"

#include "base/table.h"
#include "cgroup/cgroup.h"
#include "host/watchdog.h"
#include "kernel/fallback.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "wire/wire.h"

#define ENTER_FDS (WIRE_ENTER_END - WIRE_FD_COUNT)

/* The open descriptors in the order of enum wire_enter_fd; -1: none. */
struct join_call {
	const struct clone_call *clone_call;
	int fds[ENTER_FDS];
};

/*
 * Move all descriptors of @in to the numbers where tare-init expects them: first out of the way, as
 * the numbers may overlap.
 */
static int arrange(const struct join_call *in, int *image)
{
	int first = in->clone_call->create->plan->first_fd + WIRE_FD_COUNT;
	int moved[ENTER_FDS], r = 0;

	for (int i = 0; i < ENTER_FDS; i++) {
		moved[i] = in->fds[i] >= 0 ? sys_dup(in->fds[i], first + ENTER_FDS + 1) : -1;
		if (in->fds[i] >= 0 && moved[i] < 0)
			return moved[i];
	}
	r = clone_arrange(in->clone_call, ENTER_FDS, image);
	for (int i = 0; i < ENTER_FDS && r >= 0; i++)
		if (moved[i] >= 0)
			r = sys_dup_keep(moved[i], first + i);

	return r < 0 ? r : 0;
}

/* For kernels without CLONE_INTO_CGROUP (Linux before 5.7). */
static int join_cgroup(const struct clone_call *b)
{
	autoclose int procs =
		b->cgroup < 0 ? -1 : sys_open_at(b->cgroup, "cgroup.procs", O_WRONLY, 0);

	if (b->cgroup < 0)
		return 0;

	return procs < 0 ? procs : sys_write_all(procs, "0", 1);
}

/* In the child that will be tare-init. It may run in our memory. */
static int become_init(void *arg)
{
	const struct join_call *in = arg;
	const struct clone_call *b = in->clone_call;
	int image = b->image;

	int r = b->move ? join_cgroup(b) : 0;
	if (r < 0)
		clone_fails(b, b->control, r, "join the container's cgroup");
	r = arrange(in, &image);
	if (r < 0)
		clone_fails(b, b->control, r, "hand descriptors to tare-init");
	/* clone_arrange() has moved the socket. */
	clone_fails(b, b->create->plan->first_fd + WIRE_CONTROL, clone_exec(b, image),
		    "execute tare-init");
}

/*
 * The pidfd is opened last: if the pid still has the recorded start time then, it was that process
 * all the time, and /proc/PID/root was its root.
 */
static int open_target(struct join_call *in, const struct spawn_step *spawn, struct err *e)
{
	int *process = &in->fds[WIRE_ENTER_PROCESS - WIRE_FD_COUNT];
	int *root = &in->fds[WIRE_ENTER_ROOT - WIRE_FD_COUNT];

	if (spawn->root) {
		*root = sys_open(spawn->root, O_PATH | O_DIRECTORY);
		if (*root < 0)
			return err_sys(e, *root, "open the container's root");
	}
	*process = proc_open_exactly(spawn->enter_pid, spawn->enter_start);
	if (*process == -ESRCH)
		return err_stopped(e);

	return *process < 0 ? err_sys(e, *process, "open process %d", spawn->enter_pid) : 0;
}

/*
 * SIGKILL ends the helper even in a frozen cgroup. The helper may run in our memory until its end,
 * so wait for that.
 */
static int give_up(pid_t helper, struct err *e)
{
	char where[PROC_WHERE];
	int status;

	proc_describe(helper, where);
	sys_kill(helper, SIGKILL);
	sys_wait(helper, &status, 0);
	(void) err_msg(e, "the process that was to join the container is %s", where);

	return err_hint(e, "is the container paused, or a cgroup above it frozen?");
}

/* The first message: the pid of the process that goes on; -1 with the failure. */
static pid_t receive_pid(const struct clone_call *b, struct err *e)
{
	struct wire_message m;
	int fd, r = wire_receive(b->create->control, &m, &fd);

	if (fd >= 0)
		sys_close(fd);
	if (r > 0 && m.kind == WIRE_CLONED && fd < 0)
		return (pid_t) m.step;
	if (r > 0 && m.kind == WIRE_FAILED) {
		*e = m.error;
		return -1;
	}

	return err_msg(e, "the process that was to join the container talks nonsense");
}

/* Wait until @helper has joined; b->pidfd is the helper's. */
static pid_t wait_for_clone(const struct clone_call *b, pid_t helper, struct err *e)
{
	struct pollfd fds[] = {
		{ .fd = b->pidfd, .events = POLLIN },
		{ .fd = b->create->control, .events = POLLIN },
	};
	int status, r;

	do
		r = sys_pidfd_poll(fds, ARRAY_SIZE(fds), CHILD_TIMEOUT_MS);
	while (r == -EINTR);
	if (r <= 0)
		return give_up(helper, e);
	/*
	 * The end of the helper may be seen first, although a message was sent before: look again.
	 */
	if (fds[1].revents == 0)
		sys_poll(&fds[1], 1, 0);

	pid_t pid = fds[1].revents != 0 ? receive_pid(b, e) : 0;
	if (pid == helper && b->spawn->late)
		return pid;
	if (sys_wait_within(helper, &status, CHILD_TIMEOUT_MS) < 0)
		return give_up(helper, e);

	return pid != 0 ? pid : err_msg(e, "the process that was to join the container was killed");
}

/*
 * Take over the sibling that @helper has cloned. It is our child and not reaped yet, so its pid
 * can't be reused before sys_pidfd_open().
 */
static int take_over(struct clone_call *b, pid_t pid, struct err *e)
{
	int status;

	sys_close(b->pidfd);
	b->pidfd = -1;
	if (!sys_is_child(pid))
		return err_msg(e, "the process that was to join the container talks nonsense");
	b->pidfd = sys_pidfd_open(pid);

	int r = b->pidfd < 0 ? b->pidfd : 0;
	/*
	 * With new id maps the sibling waits for OP_RELEASE. If it has ended meanwhile, the
	 * socket's end reports that.
	 */
	if (r == 0 && !b->spawn->held)
		r = wire_send(b->create->control, WIRE_GO, b->create->plan->spawn, -1);
	if (r == 0 || r == -EPIPE || r == -ECONNRESET)
		return 0;
	sys_kill(pid, SIGKILL);
	sys_wait(pid, &status, 0);

	return err_sys(e, r, "open process %d", pid);
}

static pid_t clone_helper(struct join_call *in, struct clone_call *b, struct err *e)
{
	struct sys_clone clone = {
		.cgroup = b->cgroup,
		.share_memory = true,
		/* In a frozen cgroup the child does not run, and CLONE_VFORK has no timeout. */
		.go_on = true,
	};
	pid_t helper = sys_clone_call(&clone, &b->pidfd, become_init, in);

	if (helper == -ENOSYS) { /* no CLONE_INTO_CGROUP: the child joins the cgroup itself */
		fallback_took("cgroup.procs for CLONE_INTO_CGROUP");
		clone.cgroup = -1;
		b->move = true;
		helper = sys_clone_call(&clone, &b->pidfd, become_init, in);
	}
	if (helper < 0)
		return err_sys(e, helper, "start a process for the container");

	pid_t pid = wait_for_clone(b, helper, e);

	if (pid < 0)
		fd_close(&b->pidfd);
	else if (pid != helper && take_over(b, pid, e) < 0)
		return -1;

	return pid;
}

/* The plan's answer where its first choice of a v2 cgroup takes no process (EBUSY). */
static pid_t clone_below(struct join_call *in, struct clone_call *b, struct err *e)
{
	const char *below = b->spawn->cgroup_below;

	autoclose int dir = below ? sys_open(below, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) : -ENOENT;
	if (dir < 0)
		return err_hint(e, "cgroup \"%s\" has given its controllers to those below",
				b->spawn->cgroup);
	b->cgroup = dir;

	pid_t pid = clone_helper(in, b, e);

	b->cgroup = -1;

	return pid;
}

pid_t clone_enter(struct clone_call *b, struct err *e)
{
	const char *cgroup = b->spawn->cgroup;
	struct join_call in = { .clone_call = b };
	bool running = b->spawn->enter_pid > 0;
	pid_t pid = -1;

	for (int i = 0; i < ENTER_FDS; i++)
		in.fds[i] = -1;

	autoclose int dir = clone_open_cgroup(b->spawn, e);
	if (cgroup && dir < 0)
		return -1;
	b->cgroup = dir;
	if (!running || open_target(&in, b->spawn, e) == 0)
		pid = clone_helper(&in, b, e);
	if (pid < 0 && running && cgroup && e->code == EBUSY)
		pid = clone_below(&in, b, e);
	for (int i = 0; i < ENTER_FDS; i++)
		fd_close(&in.fds[i]);

	return pid;
}
