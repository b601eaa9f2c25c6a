/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/process.c - processes, signals, capabilities
 */
#include "kernel/process.h"

#include "base/fmt.h"
#include "kernel/fallback.h"
#include "kernel/time.h"

#include <sys/wait.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <sched.h>

/* The stack of a child that runs in our memory; there is one such child at a time. */
static char child_stack[32 * 1024] __attribute__((aligned(16)));

/* The first size of struct clone_args; a kernel that does not know @cgroup refuses a larger one. */
#define ARGS_WITHOUT_CGROUP 64

static pid_t clone_new(struct clone_args *args, int cgroup, int (*fn)(void *), void *arg)
{
	size_t size = ARGS_WITHOUT_CGROUP;

	if (cgroup >= 0) {
		args->flags |= CLONE_INTO_CGROUP;
		args->cgroup = (uint64_t) cgroup;
		size = sizeof(*args);
	}

	pid_t pid = (pid_t) arch_clone_call(SYS_clone3, (long) args, (long) size, fn, arg);

	/* EPERM may come from a filter; if it is the kernel's, the older way gets it too. */
	return pid == -EPERM || pid == -E2BIG ? -ENOSYS : pid;
}

static pid_t clone_old(const struct clone_args *args, int (*fn)(void *), void *arg)
{
	uint64_t stack = args->stack ? args->stack + args->stack_size : 0;

	/* CLONE_NEWTIME is within the exit signal's byte, so clone(2) can't have it. */
	if (args->flags & CLONE_NEWTIME)
		return -ENOSYS;
	fallback_took("clone for clone3");

	return (pid_t) arch_clone_call(
		SYS_clone, (long) ((args->flags & ~(uint64_t) CLONE_PIDFD) | args->exit_signal),
		(long) stack, fn, arg);
}

/*
 * Open a pidfd of the child. The child is not reaped yet, so its pid can't be reused. Without a
 * pidfd the child is killed.
 */
static int open_child(pid_t pid, const struct sys_clone *c)
{
	int fd = sys_pidfd_open(pid), status;

	if (fd >= 0)
		return fd;
	sys_kill(pid, SIGKILL);
	if (!(c->flags & CLONE_PARENT))
		sys_wait(pid, &status, 0);

	return fd;
}

pid_t sys_clone_call(const struct sys_clone *c, int *pidfd, int (*fn)(void *), void *arg)
{
	int fd = -1;
	struct clone_args args = {
		.flags = c->flags | (pidfd ? CLONE_PIDFD : 0),
		.pidfd = pidfd ? (uintptr_t) &fd : 0,
		/*
		 * CLONE_PARENT takes the exit signal of the parent, and clone3(2) refuses another.
		 */
		.exit_signal = c->flags & CLONE_PARENT ? 0 : SIGCHLD,
	};

	if (c->share_memory) {
		args.flags |= c->go_on ? CLONE_VM : CLONE_VM | CLONE_VFORK;
		args.stack = (uintptr_t) child_stack;
		args.stack_size = sizeof(child_stack);
	}

	pid_t pid = clone_new(&args, c->cgroup, fn, arg);
	if (pid == -ENOSYS && c->cgroup < 0) {
		pid = clone_old(&args, fn, arg);
		fd = pid > 0 && pidfd ? open_child(pid, c) : -1;
		if (pid > 0 && pidfd && fd < 0)
			return fd;
	}
	if (pid > 0 && pidfd)
		*pidfd = fd;

	return pid;
}

pid_t sys_clone_beside(uint64_t flags, void *stack, size_t size, int (*fn)(void *), void *arg)
{
	struct clone_args args = {
		.flags = flags | CLONE_VM,
		.exit_signal = flags & CLONE_THREAD ? 0 : SIGCHLD,
		.stack = (uintptr_t) stack,
		.stack_size = size,
	};
	pid_t pid = clone_new(&args, -1, fn, arg);

	return pid == -ENOSYS ? clone_old(&args, fn, arg) : pid;
}

int sys_exec_fd(int fd, const char *const *argv, const char *const *envp)
{
	char path[32];
	struct statfs fs;
	int r = (int) SYS_CALL(execveat, fd, "", argv, envp, AT_EMPTY_PATH, 0);

	if (r != -ENOSYS && r != -EPERM)
		return r;
	fallback_took("execve of /proc/self/fd for execveat");

	/*
	 * In a container any file may be at /proc/self/fd, and would be executed with our rights.
	 */
	int s = sys_statfs_path("/proc/self/fd", &fs);
	if (s < 0 || fs.f_type != PROC_SUPER_MAGIC)
		return -ENOSYS;
	fmt_text(path, sizeof(path), "/proc/self/fd/%d", fd);

	return sys_exec(path, argv, envp);
}

pid_t sys_wait(pid_t pid, int *status, int options)
{
	pid_t r;

	do
		r = (pid_t) SYS_CALL(wait4, pid, status, options, NULL, 0, 0);
	while (r == -EINTR);

	return r;
}

pid_t sys_wait_usage(pid_t pid, int *status, struct sys_usage *usage)
{
	pid_t r;

	do
		r = (pid_t) SYS_CALL(wait4, pid, status, 0, usage, 0, 0);
	while (r == -EINTR);

	return r;
}

#define REAP_NAP_MS 10

pid_t sys_wait_within(pid_t pid, int *status, int timeout_ms)
{
	const int64_t deadline = sys_clock_ms() + timeout_ms;
	struct pollfd end = { .fd = -1, .events = POLLIN };

	for (;;) {
		int64_t left = deadline - sys_clock_ms();
		int r = sys_child_poll(pid, &end, 1, left > 0 ? (int) left : 0);

		pid_t ended = r > 0 ? sys_wait(pid, status, WNOHANG) : 0;
		if (ended != 0)
			return ended;
		/* The child has ended, but its tracer must wait for it first: ptrace(2). */
		if (r > 0 && left > 0)
			sys_poll(NULL, 0, REAP_NAP_MS);
		else if (r >= 0)
			return -ETIMEDOUT;
		if (r < 0 && r != -EINTR)
			return r;
	}
}

/* The kernel's layout of struct sigaction, which differs from the C library's. */
struct kernel_sigaction {
	void (*handler)(int);
	unsigned long flags;
	void (*restorer)(void);
	uint64_t mask;
};

static int set_action(int signal, void (*handler)(int))
{
	struct kernel_sigaction action = { .handler = handler };

	return (int) SYS_CALL(rt_sigaction, signal, &action, NULL, 8, 0, 0);
}

int sys_ignore_signal(int signal)
{
	return set_action(signal, SIG_IGN);
}

int sys_default_signal(int signal)
{
	return set_action(signal, SIG_DFL);
}

/*
 * SA_RESTORER has the same value on all processors that tare knows. x86-64 needs it to deliver any
 * signal.
 */
#define USE_RESTORER 0x04000000

int sys_catch_child_end(void (*handler)(int))
{
	const struct kernel_sigaction action = {
		.handler = handler,
		.flags = SA_NOCLDSTOP | SA_NOCLDWAIT | SA_NODEFER | SA_RESETHAND | USE_RESTORER,
	};

	return (int) SYS_CALL(rt_sigaction, SIGCHLD, &action, NULL, 8, 0, 0);
}

void sys_reset_signals(void)
{
	const uint64_t none = 0;

	for (int signal = 1; signal <= 64; signal++) {
		struct kernel_sigaction action;

		/*
		 * exec resets handlers, but keeps ignored signals. So each action is read, and only
		 * changed if it is not the default.
		 */
		if (SYS_CALL(rt_sigaction, signal, NULL, &action, 8, 0, 0) < 0 ||
		    action.handler == SIG_DFL)
			continue;
		action = (struct kernel_sigaction) { .handler = SIG_DFL };
		SYS_CALL(rt_sigaction, signal, &action, NULL, 8, 0, 0);
	}
	sys_signal_mask(SIG_SETMASK, &none, NULL);
}

int sys_capset(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	for (int i = 0; i < 2; i++)
		data[i] = (struct __user_cap_data_struct) {
			.effective = (uint32_t) (effective >> 32 * i),
			.permitted = (uint32_t) (permitted >> 32 * i),
			.inheritable = (uint32_t) (inheritable >> 32 * i),
		};

	return (int) SYS_CALL(capset, &header, data, 0, 0, 0, 0);
}

int sys_capget(uint64_t *effective)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	int r = (int) SYS_CALL(capget, &header, data, 0, 0, 0, 0);

	if (r == 0)
		*effective = data[0].effective | (uint64_t) data[1].effective << 32;

	return r;
}

/* ---- schedulers ---- */

static int sched_setattr_old(pid_t pid, const struct sys_sched_attr *attr)
{
	const uint64_t reset_on_fork = 1; /* SCHED_FLAG_RESET_ON_FORK */
	const int process = 0;		  /* PRIO_PROCESS */
	int priority = (int) attr->priority, policy = (int) attr->policy;

	if (attr->flags & ~reset_on_fork || attr->runtime || attr->deadline || attr->period)
		return -ENOSYS;
	fallback_took("sched_setscheduler for sched_setattr");
	if (attr->flags & reset_on_fork)
		policy |= SCHED_RESET_ON_FORK;

	int r = (int) SYS_CALL(sched_setscheduler, pid, policy, &priority, 0, 0, 0);
	if (r == 0 && (attr->policy == SCHED_OTHER || attr->policy == SCHED_BATCH))
		r = (int) SYS_CALL(setpriority, process, pid, attr->nice, 0, 0, 0);

	return r == -EACCES ? -EPERM : r;
}

int sys_sched_setattr(pid_t pid, const struct sys_sched_attr *attr)
{
	int r = (int) SYS_CALL(sched_setattr, pid, attr, 0, 0, 0, 0);

	/* EPERM may come from a filter; if it is the kernel's, the older calls get it too. */
	int old = r == -ENOSYS || r == -EPERM ? sched_setattr_old(pid, attr) : r;

	return old == -ENOSYS ? r : old;
}

/* ---- seccomp ---- */

int sys_seccomp_filter(const void *program, unsigned flags)
{
	int r = (int) SYS_CALL(seccomp, SECCOMP_SET_MODE_FILTER, flags, program, 0, 0, 0);

	if ((r == -ENOSYS || r == -EPERM) && flags == 0)
		r = (int) SYS_CALL(prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0, 0);

	return r;
}

/* Flags that the kernel takes only with a listener, or with a listener and TSYNC. */
static uint32_t companions(uint32_t flag)
{
	if (flag == SECCOMP_FILTER_FLAG_TSYNC_ESRCH)
		return SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC;
	if (flag == SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
		return SECCOMP_FILTER_FLAG_NEW_LISTENER;

	return 0;
}

/* For a known flag the kernel returns EFAULT for the missing program; for an unknown one EINVAL. */
uint32_t sys_seccomp_known_flags(uint32_t wanted)
{
	uint32_t known = 0;

	for (uint32_t flag = 1; flag <= SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV; flag <<= 1)
		if (wanted & flag && sys_seccomp_filter(NULL, flag | companions(flag)) == -EFAULT)
			known |= flag;

	return known;
}

bool sys_in_first_namespace(const char *path, ino_t first)
{
	struct stat st;

	return sys_stat_at(AT_FDCWD, path, 0, &st) == 0 && st.st_ino == first;
}
