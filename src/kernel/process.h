/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/process.h - processes, namespaces, credentials: a result, or -errno
 */
#pragma once

#include "kernel/sys.h"

#include <linux/sched.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/utsname.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

/* ---- start and end ---- */

struct sys_clone {
	uint64_t flags; /* CLONE_*; the child's end sends SIGCHLD */
	int cgroup;	/* v2 directory to clone the child into; -1: the caller's */
	/* the child runs in our memory, and the call returns when it has exec'd or ended */
	bool share_memory;
	/* with @share_memory: return at once; the caller must wait before it does anything else */
	bool go_on;
};

/*
 * Start a child that calls fn(arg) and exits with its result. clone3(2), Linux 5.3; older:
 * clone(2). @pidfd: of the child, close-on-exec, from sys_pidfd_open(); NULL: not wanted. The pid,
 * or -errno; -ENOSYS where the kernel can't clone into a cgroup (before Linux 5.7) or, without
 * clone3(2), into a new time namespace.
 */
pid_t sys_clone_call(const struct sys_clone *c, int *pidfd, int (*fn)(void *), void *arg);

/*
 * Start a child in our memory, on the given stack, that calls fn(arg) and ends with its result.
 * With CLONE_THREAD in @flags it must not return, as that would end the whole process; else its end
 * sends SIGCHLD.
 */
pid_t sys_clone_beside(uint64_t flags, void *stack, size_t size, int (*fn)(void *), void *arg);

/* fork(2) for code without threads. 0 in the child. */
static inline pid_t sys_fork(void)
{
	return (pid_t) SYS_CALL(clone, SIGCHLD, 0, 0, 0, 0, 0);
}

static inline int sys_exec(const char *path, const char *const *argv, const char *const *envp)
{
	return (int) SYS_CALL(execve, path, argv, envp, 0, 0, 0);
}

/*
 * The pid that ended, its wait(2) status in @status; 0 with WNOHANG; -errno. Goes on after EINTR.
 */
pid_t sys_wait(pid_t pid, int *status, int options);

/* The kernel's struct rusage: the C library's has other times where a register has 32 bits. */
struct sys_usage {
	struct {
		long seconds, microseconds;
	} user, system;
	long max_rss; /* KiB */
	long others[13];
};

/* As sys_wait(), with the resource usage of the child and of its reaped children. */
pid_t sys_wait_usage(pid_t pid, int *status, struct sys_usage *usage);

/*
 * Has our child ended, so that it can be reaped (a tracer must have waited for it first)? It stays
 * for a sys_wait().
 */
bool sys_child_can_be_waited_for(pid_t pid);

/* As sys_wait(), for @timeout_ms at most: -ETIMEDOUT. */
pid_t sys_wait_within(pid_t pid, int *status, int timeout_ms);

/*
 * Execute the program in @fd. Returns only on failure. execveat(2), Linux 3.19; older: by
 * /proc/self/fd, and -ENOSYS where /proc is no procfs.
 */
int sys_exec_fd(int fd, const char *const *argv, const char *const *envp);

static inline pid_t sys_pid(void)
{
	return (pid_t) SYS_CALL(getpid, 0, 0, 0, 0, 0, 0);
}

static inline int sys_setsid(void)
{
	return (int) SYS_CALL(setsid, 0, 0, 0, 0, 0, 0);
}

static inline int sys_setpgid(pid_t pid, pid_t group)
{
	return (int) SYS_CALL(setpgid, pid, group, 0, 0, 0, 0);
}

/*
 * A descriptor for the process @pid, valid beyond its end. Before Linux 5.3 it is the directory of
 * the process in procfs: it works in the functions here, but not in poll(2), and not as a pidfd for
 * others.
 */
int sys_pidfd_open(pid_t pid);

/* Is it a pidfd, not a directory? */
bool sys_pidfd_is_real(int pidfd);

/* Never signals another process that got the pid. -ESRCH where the process has ended. */
int sys_pidfd_signal(int pidfd, int signal);

/* poll(2), where @fds[0] is of sys_pidfd_open() or -1: POLLIN is its end. */
int sys_pidfd_poll(struct pollfd *fds, unsigned count, int timeout_ms);

/* Has the process of @pidfd ended, after @timeout_ms at the latest? -1 for @pidfd: false. */
bool sys_pidfd_ends(int pidfd, int timeout_ms);

/*
 * poll(2), where @fds[0] is for the end of our child @pid. Works without procfs: tare-init may have
 * none that is trusted, or one of another pid namespace.
 */
int sys_child_poll(pid_t pid, struct pollfd *fds, unsigned count, int timeout_ms);

static inline int sys_kill(pid_t pid, int signal)
{
	return (int) SYS_CALL(kill, pid, signal, 0, 0, 0, 0);
}

/* Is @pid our child, running or not waited for yet? */
bool sys_is_child(pid_t pid);

/* ---- signals ---- */

/* Every signal back to its default action, none blocked: what a new program expects. */
void sys_reset_signals(void);

/* @mask: bit N-1 is signal N. @how: SIG_BLOCK, SIG_SETMASK; @old may be NULL. */
static inline int sys_signal_mask(int how, const uint64_t *mask, uint64_t *old)
{
	return (int) SYS_CALL(rt_sigprocmask, how, mask, old, 8, 0, 0);
}

/* Wait for one of the signals in @mask, which the caller has blocked: its number, or -errno. */
static inline int sys_wait_signal(const uint64_t *mask)
{
	return (int) SYS_CALL(rt_sigtimedwait, mask, NULL, NULL, 8, 0, 0);
}

int sys_ignore_signal(int signal);
int sys_default_signal(int signal);

/*
 * The next child that ends calls @handler; no signal is blocked in it, and no child leaves a
 * zombie. An exec undoes both. @handler must not return.
 */
int sys_catch_child_end(void (*handler)(int));

/* A descriptor that reads the signals of @mask, which the caller has blocked. */
static inline int sys_signalfd(const uint64_t *mask)
{
	return (int) SYS_CALL(signalfd4, -1, mask, 8, O_CLOEXEC | O_NONBLOCK, 0, 0);
}

/* A counter that reads as 8 bytes and never waits: -EAGAIN while it is 0. */
static inline int sys_eventfd(void)
{
	return (int) SYS_CALL(eventfd2, 0, O_CLOEXEC | O_NONBLOCK, 0, 0, 0, 0);
}

/* ---- namespaces ---- */

static inline int sys_setns(int fd, uint64_t type)
{
	return (int) SYS_CALL(setns, fd, type, 0, 0, 0, 0);
}

static inline int sys_unshare(uint64_t flags)
{
	return (int) SYS_CALL(unshare, flags, 0, 0, 0, 0, 0);
}

static inline int sys_sethostname(const char *name)
{
	return (int) SYS_CALL(sethostname, name, strlen(name), 0, 0, 0, 0);
}

static inline int sys_setdomainname(const char *name)
{
	return (int) SYS_CALL(setdomainname, name, strlen(name), 0, 0, 0, 0);
}

/* ---- credentials and limits ---- */

static inline uid_t sys_euid(void)
{
	return (uid_t) SYS_CALL(geteuid, 0, 0, 0, 0, 0, 0);
}

static inline gid_t sys_egid(void)
{
	return (gid_t) SYS_CALL(getegid, 0, 0, 0, 0, 0, 0);
}

static inline uid_t sys_real_uid(void)
{
	return (uid_t) SYS_CALL(getuid, 0, 0, 0, 0, 0, 0);
}

static inline gid_t sys_real_gid(void)
{
	return (gid_t) SYS_CALL(getgid, 0, 0, 0, 0, 0, 0);
}

/* The real IDs only, which other processes may be compared with; the rights stay. 0, or -errno. */
static inline int sys_set_real_ids(uid_t uid, gid_t gid)
{
	int r = (int) SYS_CALL(setresgid, gid, -1, -1, 0, 0, 0);

	return r < 0 ? r : (int) SYS_CALL(setresuid, uid, -1, -1, 0, 0, 0);
}

/* Real, effective and saved. */
static inline int sys_setuid(uid_t uid)
{
	return (int) SYS_CALL(setresuid, uid, uid, uid, 0, 0, 0);
}

static inline int sys_setgid(gid_t gid)
{
	return (int) SYS_CALL(setresgid, gid, gid, gid, 0, 0, 0);
}

static inline int sys_setgroups(size_t count, const gid_t *groups)
{
	return (int) SYS_CALL(setgroups, count, groups, 0, 0, 0, 0);
}

/*
 * Inodes of the kernel's first namespaces, which are constants: include/linux/proc_ns.h, since 6.18
 * linux/nsfs.h.
 */
#define FIRST_USER_NAMESPACE   0xEFFFFFFDU
#define FIRST_CGROUP_NAMESPACE 0xEFFFFFFBU
#define FIRST_TIME_NAMESPACE   0xEFFFFFFAU

/*
 * Is the namespace at @path ("/proc/self/ns/user") the one with inode @first? No, where there is no
 * such file.
 */
bool sys_in_first_namespace(const char *path, ino_t first);

static inline int sys_prctl(int option, unsigned long a, unsigned long b)
{
	return (int) SYS_CALL(prctl, option, a, b, 0, 0, 0);
}

/* capset(2) of ourselves; bit N is capability N. */
int sys_capset(uint64_t effective, uint64_t permitted, uint64_t inheritable);

/* The effective set of ourselves. 0, or -errno. */
int sys_capget(uint64_t *effective);

struct sys_rlimit {
	uint64_t soft, hard;
};

/* @pid 0: of ourselves. 0, or -errno; likewise sys_set_rlimit(). */
static inline int sys_get_rlimit(pid_t pid, int resource, struct sys_rlimit *limit)
{
	return (int) SYS_CALL(prlimit64, pid, resource, NULL, limit, 0, 0);
}

static inline int sys_set_rlimit(pid_t pid, int resource, const struct sys_rlimit *limit)
{
	return (int) SYS_CALL(prlimit64, pid, resource, limit, NULL, 0, 0);
}

/* The kernel's struct sched_attr, up to what Linux 5.3 knows. */
struct sys_sched_attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max;
};

/* Without the utilisation clamps, which Linux before 5.3 has not. */
#define SYS_SCHED_ATTR_OLD offsetof(struct sys_sched_attr, util_min)

/*
 * @attr->size: how many bytes of it are used. Before Linux 3.14: -ENOSYS for policies and flags
 * that were new then.
 */
int sys_sched_setattr(pid_t pid, const struct sys_sched_attr *attr);

/* What @pid has; a kernel before Linux 3.14: -ENOSYS. */
static inline int sys_sched_getattr(pid_t pid, struct sys_sched_attr *attr)
{
	return (int) SYS_CALL(sched_getattr, pid, attr, sizeof(*attr), 0, 0, 0);
}

/* @pid 0: ourselves. @mask has @size bytes, a bit a CPU. */
static inline int sys_sched_setaffinity(pid_t pid, const uint64_t *mask, size_t size)
{
	return (int) SYS_CALL(sched_setaffinity, pid, size, mask, 0, 0, 0);
}

/* For all processes of the group @pgid. @class 1 to 3, @level 0 to 7. */
static inline int sys_ioprio_set(pid_t pgid, int class, int level)
{
	const int who_pgrp = 2, class_shift = 13; /* IOPRIO_WHO_PGRP, IOPRIO_CLASS_SHIFT */

	return (int) SYS_CALL(ioprio_set, who_pgrp, pgid, class << class_shift | level, 0, 0, 0);
}

/* @bits of @mask name NUMA nodes; 0: none. The kernel reads one bit less than its argument says. */
static inline int sys_set_memory_policy(int mode, const uint64_t *mask, unsigned long bits)
{
	return (int) SYS_CALL(set_mempolicy, mode, mask, bits > 0 ? bits + 1 : 0, 0, 0, 0);
}

/* Of one process: its class, shifted by 13, with its level; or -errno. */
static inline int sys_ioprio_get(pid_t pid)
{
	const int who_process = 1; /* IOPRIO_WHO_PROCESS */

	return (int) SYS_CALL(ioprio_get, who_process, pid, 0, 0, 0, 0);
}

static inline int sys_personality(unsigned long persona)
{
	return (int) SYS_CALL(personality, persona, 0, 0, 0, 0, 0);
}

/* A new session keyring, without a name; -ENOSYS where the kernel has no keys. */
static inline int sys_new_keyring(void)
{
	const int join_session_keyring = 1; /* KEYCTL_JOIN_SESSION_KEYRING */

	return (int) SYS_CALL(keyctl, join_session_keyring, NULL, 0, 0, 0, 0);
}

/* Linux 5.7 and 5.19: the headers of some distributions are older. Both need a listener. */
#ifndef SECCOMP_FILTER_FLAG_TSYNC_ESRCH
#define SECCOMP_FILTER_FLAG_TSYNC_ESRCH (1U << 4)
#endif
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1U << 5)
#endif

/*
 * 0; with SECCOMP_FILTER_FLAG_NEW_LISTENER (Linux 5.0) the listener's descriptor, close-on-exec.
 * seccomp(2), Linux 3.17; older: prctl(2), which has no flags.
 */
int sys_seccomp_filter(const void *program, unsigned flags);

/* The flags of @wanted (SECCOMP_FILTER_FLAG_*) that this kernel knows. */
uint32_t sys_seccomp_known_flags(uint32_t wanted);

static inline int sys_uname(struct utsname *name)
{
	return (int) SYS_CALL(uname, name, 0, 0, 0, 0, 0);
}
