/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/helper.c - tare's helper programs: where they are, and a run of one
 *
 * The output of the helper, or of the dynamic linker if a library is missing, comes by a pipe. The
 * end of file is the end of the program. The helper is killed with tare: after that tare's PIDs may
 * belong to other processes.
 */
#include "kernel/helper.h"

#include "base/fmt.h"
#include "base/table.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "kernel/time.h"

#include <string.h>

static int find_beside_us(const char *name, char *path, size_t size)
{
	ssize_t n = sys_read_link_at(AT_FDCWD, "/proc/self/exe", path, size - strlen(name) - 1);

	while (n > 0 && path[n - 1] != '/')
		n--;
	if (n <= 0)
		return n < 0 ? (int) n : -ENOENT;
	fmt_text(path + n, size - (size_t) n, "%s", name);

	return sys_access_at(AT_FDCWD, path, X_OK);
}

int helper_find(const char *name, const char *installed, char *path, size_t size)
{
	fmt_text(path, size, "%s", installed);

	return sys_access_at(AT_FDCWD, path, X_OK) == 0 ? 0 : find_beside_us(name, path, size);
}

/* ---- the process of a helper ---- */

struct child {
	const struct helper_call *call;
	int output;
};

static int become_helper(void *arg)
{
	const struct child *child = arg;
	const struct helper_call *c = child->call;
	const char *const argv[] = { c->name, c->verb, NULL }, *const envp[] = { NULL };
	char failed[64];

	sys_reset_signals();
	sys_prctl(PR_SET_PDEATHSIG, SIGKILL, 0);
	sys_cloexec_from(3);
	sys_dup_keep(c->input, 0);
	sys_dup_keep(child->output, 1);
	sys_dup_keep(child->output, 2);
	(void) sys_exec(c->path, argv, envp);
	fmt_text(failed, sizeof(failed), "%s can't be executed", c->name);
	sys_write_all(2, failed, strlen(failed));

	return 1;
}

/* Read what the helper prints, until it closes the pipe. 0, or -errno. */
static int listen_to(const struct helper_call *c, int64_t deadline, int pipe, char *said,
		     size_t size)
{
	struct pollfd fds[] = {
		{ .fd = pipe, .events = POLLIN },
		{ .fd = c->interrupt, .events = POLLIN },
	};
	size_t length = 0;

	for (;;) {
		int64_t left = deadline - sys_clock_ms();
		int r = left > 0 ? sys_poll(fds, ARRAY_SIZE(fds), (int) left) : 0;

		if (r == 0)
			return -ETIMEDOUT;
		if (r < 0 && r != -EINTR)
			return r;
		if (r > 0 && fds[1].revents != 0)
			return -ECANCELED;
		if (r <= 0)
			continue;

		char block[256];
		ssize_t n = sys_read(pipe, block, sizeof(block));
		if (n <= 0)
			return (int) n;

		size_t room = size - 1 - length;
		size_t kept = (size_t) n < room ? (size_t) n : room;
		memcpy(said + length, block, kept);
		length += kept;
		said[length] = '\0';
	}
}

static int wait_until(int64_t deadline, pid_t pid, int *status)
{
	int64_t left = deadline - sys_clock_ms();
	pid_t r = sys_wait_within(pid, status, left > 0 ? (int) left : 0);

	return r < 0 ? r : 0;
}

int helper_run(const struct helper_call *call, char *said, size_t size, int *status)
{
	const struct sys_clone clone = { .cgroup = -1 };
	int ends[2], r = sys_pipe(ends);

	*status = -1;
	said[0] = '\0';
	if (r < 0)
		return r;

	autoclose int ours = ends[0];
	struct child child = { .call = call, .output = ends[1] };
	pid_t pid = sys_clone_call(&clone, NULL, become_helper, &child);
	sys_close(ends[1]);
	if (pid < 0)
		return pid;

	const int64_t deadline = sys_clock_ms() + call->timeout_ms;
	r = listen_to(call, deadline, ours, said, size);
	/* The helper may still run after it has closed its output. */
	if (r == 0)
		r = wait_until(deadline, pid, status);
	if (r < 0) {
		sys_kill(pid, SIGKILL);
		sys_wait(pid, status, 0);
	}

	return r;
}
