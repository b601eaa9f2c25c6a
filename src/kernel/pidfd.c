/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/pidfd.c - processes by descriptor
 *
 * Linux 5.3 has pidfds. Before that, the directory of a process in procfs replaces one: it always
 * belongs to that process, and reading in it fails once the process has ended. Two things are
 * worse. Between the check and kill(2) the process may end, and its pid be reused; that also holds
 * where a filter refuses pidfd_send_signal(2) alone. And no event reports the end of the process:
 * the directory is checked again and again.
 */
#include "kernel/process.h"

#include "base/fmt.h"
#include "kernel/fallback.h"
#include "kernel/fd.h"
#include "kernel/procfs.h"
#include "kernel/time.h"

#include <sys/wait.h>

#define LONGEST_NAP 100 /* ms */

int sys_pidfd_open(pid_t pid)
{
	char path[32];
	int fd = (int) SYS_CALL(pidfd_open, pid, 0, 0, 0, 0, 0);

	if (fd != -ENOSYS && fd != -EPERM)
		return fd;
	fallback_took("/proc/PID for pidfd_open");
	fmt_text(path, sizeof(path), "/proc/%d", pid);
	fd = sys_open(path, O_RDONLY | O_DIRECTORY);

	return fd == -ENOENT ? -ESRCH : fd;
}

bool sys_pidfd_is_real(int pidfd)
{
	struct stat st;

	return sys_stat(pidfd, &st) == 0 && !S_ISDIR(st.st_mode);
}

/* The pid, or -ESRCH once the process has ended. */
static pid_t pid_of(int dir)
{
	struct proc_stat stat;
	int r = proc_stat_read_at(dir, &stat);

	if (r == -ENOENT || r == -ESRCH || (r == 0 && (stat.state == 'Z' || stat.state == 'X')))
		return -ESRCH;

	return r < 0 ? r : stat.pid;
}

/*
 * The pid of the process that @fd, a pidfd or a directory in procfs, is of. 0: a process in a pid
 * namespace that is not below ours.
 */
static pid_t pid_to_kill(int fd)
{
	if (!sys_pidfd_is_real(fd))
		return pid_of(fd);

	return (pid_t) proc_descriptor_number(fd, "Pid");
}

int sys_pidfd_signal(int pidfd, int signal)
{
	/* From Linux 5.1 on pidfd_send_signal(2) also takes the directory. */
	int r = (int) SYS_CALL(pidfd_send_signal, pidfd, signal, NULL, 0, 0, 0);

	/* An outer filter may refuse this call and allow pidfd_open(2), which is newer. */
	if (r != -ENOSYS && r != -EPERM)
		return r;

	pid_t pid = pid_to_kill(pidfd);
	if (pid <= 0)
		return pid < 0 ? pid : r;
	fallback_took("kill for pidfd_send_signal");

	return sys_kill(pid, signal);
}

bool sys_is_child(pid_t pid)
{
	siginfo_t info;

	return pid > 0 &&
	       SYS_CALL(waitid, P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT, NULL, 0) == 0;
}

/* ---- waiting for an end ---- */

bool sys_child_can_be_waited_for(pid_t pid)
{
	siginfo_t info = { .si_pid = 0 };

	return SYS_CALL(waitid, P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT, NULL, 0) == 0 &&
	       info.si_pid == pid;
}

/*
 * A process whose end is awaited: seen by its directory in procfs, or, for a child of ours, by
 * wait(2).
 */
struct awaited {
	int dir;
	pid_t child; /* 0: none */
};

static bool has_ended(const struct awaited *m)
{
	return m->child == 0 ? pid_of(m->dir) == -ESRCH : sys_child_can_be_waited_for(m->child);
}

/* poll(2) all but the first descriptor for a while, then look at the process. */
static int poll_and_look(const struct awaited *m, struct pollfd *fds, unsigned count, int nap)
{
	int first = fds[0].fd;

	fds[0].fd = -1;

	int r = sys_poll(fds, count, nap);

	fds[0].fd = first;
	fds[0].revents = 0;
	if (r >= 0 && has_ended(m)) {
		fds[0].revents = POLLIN;
		r++;
	}

	return r;
}

static int poll_in_turns(const struct awaited *m, struct pollfd *fds, unsigned count,
			 int timeout_ms)
{
	int64_t end = sys_clock_ms() + timeout_ms;

	for (int nap = 1;; nap = nap * 2 < LONGEST_NAP ? nap * 2 : LONGEST_NAP) {
		int64_t left = timeout_ms < 0 ? nap : end - sys_clock_ms();
		int r = poll_and_look(m, fds, count, left > nap ? nap : left > 0 ? (int) left : 0);

		if (r != 0 || left <= 0)
			return r;
	}
}

int sys_pidfd_poll(struct pollfd *fds, unsigned count, int timeout_ms)
{
	if (fds[0].fd < 0 || sys_pidfd_is_real(fds[0].fd))
		return sys_poll(fds, count, timeout_ms);

	return poll_in_turns(&(struct awaited) { .dir = fds[0].fd }, fds, count, timeout_ms);
}

bool sys_pidfd_ends(int pidfd, int timeout_ms)
{
	struct pollfd end = { .fd = pidfd, .events = POLLIN };

	return pidfd >= 0 && sys_pidfd_poll(&end, 1, timeout_ms) > 0;
}

int sys_child_poll(pid_t pid, struct pollfd *fds, unsigned count, int timeout_ms)
{
	int fd = (int) SYS_CALL(pidfd_open, pid, 0, 0, 0, 0, 0), r;

	if (fd < 0) /* no pidfd_open(2), or no free descriptor */
		return poll_in_turns(&(struct awaited) { .child = pid }, fds, count, timeout_ms);
	fds[0].fd = fd;
	r = sys_poll(fds, count, timeout_ms);
	sys_close(fd);

	return r;
}
