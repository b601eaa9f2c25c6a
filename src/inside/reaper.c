/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/reaper.c - tare-init stays as the container's first process
 *
 * A program that is process 1 gets no signal that it has no handler for (pid_namespaces(7)), and
 * inherits orphans that it does not wait for. So where the plan says so the program is a child of
 * tare-init, which hands signals on, reaps, and ends as the program does.
 *
 * The program could trace this process, which is of the same user and outside of the program's
 * seccomp filter. So it can't be traced (PR_SET_DUMPABLE), keeps no right but to send signals, no
 * descriptor, and has a filter of its own, which lets it wait, signal and end: whoever took it
 * over, with CAP_SYS_PTRACE, would gain nothing.
 */
#include "inside/inside.h"

#include "base/fmt.h"
#include "base/table.h"
#include "kernel/memory.h"
#include "kernel/process.h"
#include "wire/wire.h"

#include <asm/termbits.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

/* tare-init opens far fewer than this above its first descriptor. */
#define DESCRIPTORS 64

#define ALLOW(name)                                                                                \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1),                                     \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/*
 * Linux 4.14: the whole process. Older kernels take an action that they do not know for the same
 * with the thread.
 */
#ifndef SECCOMP_RET_KILL_PROCESS
#define SECCOMP_RET_KILL_PROCESS 0x80000000U
#endif

static const struct sock_filter calls_of_ours[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH_AUDIT, 1, 0),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	ALLOW(rt_sigtimedwait),
	ALLOW(wait4),
	ALLOW(kill),
	ALLOW(close),
	ALLOW(exit_group),
	ALLOW(restart_syscall),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
};

/* ---- the child, which becomes the program ---- */

/* sd_listen_fds(3) compares the number with getpid(). */
static int correct_listen_pid(struct inside *in, struct err *e)
{
	static const char name[] = "LISTEN_PID=";
	static char entry[32];
	size_t count = 0, at = 0;

	for (; in->envp[count]; count++)
		if (strncmp(in->envp[count], name, sizeof(name) - 1) == 0)
			at = count + 1;
	if (at == 0)
		return 0;

	const char **envp = sys_map_private((count + 1) * sizeof(*envp));
	if (!envp)
		return err_sys(e, -ENOMEM, "copy the environment");
	memcpy(envp, in->envp, (count + 1) * sizeof(*envp));
	fmt_text(entry, sizeof(entry), "%s%d", name, sys_pid());
	envp[at - 1] = entry;
	in->envp = envp;

	return 0;
}

/*
 * The terminal's signals are for its foreground group: one of its own for the program, or tare-init
 * would hand on what the program has got already.
 */
static int take_terminal(const struct inside *in, struct err *e)
{
	int r = sys_setpgid(0, 0);
	pid_t group = sys_pid();

	/* SIGTTOU, for a group in the background, is still blocked. */
	if (r == 0 && in->console >= 0)
		r = sys_ioctl(in->console, TIOCSPGRP, &group);

	return r < 0 ? err_sys(e, r, "make the program the terminal's foreground") : 0;
}

static int become_child(struct inside *in, const struct step *s, int ready, struct err *e)
{
	const uint64_t none = 0;
	char byte;

	/*
	 * The end of the pipe: the parent has given up all that the program must not get at through
	 * it.
	 */
	sys_read_all(ready, &byte, 1);
	sys_close(ready);

	/*
	 * Without a pid namespace of its own nothing but this ends the program together with the
	 * parent.
	 */
	int r = s->init.subreaper ? sys_prctl(PR_SET_PDEATHSIG, SIGKILL, 0) : 0;
	if (r < 0)
		return err_sys(e, r, "end with the container's first process");
	if (take_terminal(in, e) < 0 || correct_listen_pid(in, e) < 0)
		return -1;
	sys_signal_mask(SIG_SETMASK, &none, NULL);

	return 0;
}

/* ---- the parent ---- */

/* What has ended, or stopped. Does not come back once the program has ended. */
static void reap(pid_t program)
{
	int status;
	pid_t pid;

	while ((pid = sys_wait(-1, &status, WNOHANG | WUNTRACED)) > 0) {
		if (pid != program)
			continue;
		/*
		 * ^Z: there is no shell above the program that would let it go on, and no other
		 * group in its session that could be the foreground.
		 */
		if (WIFSTOPPED(status)) {
			if (WSTOPSIG(status) == SIGTSTP)
				sys_kill(program, SIGCONT);
			continue;
		}
		/*
		 * Process 1 can't be killed by a signal of its own. The kernel ends all others with
		 * it.
		 */
		sys_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
	}
}

static void give_up_rights(bool filtered)
{
	const struct sock_fprog filter = {
		.len = ARRAY_SIZE(calls_of_ours),
		.filter = (struct sock_filter *) calls_of_ours,
	};
	const uint64_t kill = (uint64_t) 1 << CAP_KILL;
	uint64_t has = 0;

	if (sys_capget(&has) < 0 || sys_capset(has & kill, has & kill, 0) < 0)
		sys_exit(EXIT_ABANDONED);
	/* A kernel without filters has none for the program either. */
	if ((sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0) < 0 || sys_seccomp_filter(&filter, 0) < 0) &&
	    filtered)
		sys_exit(EXIT_ABANDONED);
}

static void __attribute__((noreturn)) stay(const struct step *s, pid_t program, int ready, int last)
{
	const uint64_t every = ~(uint64_t) 0;

	/* All but @ready: its end is what the child waits for. */
	for (int fd = 0; fd < ready; fd++)
		sys_close(fd);
	sys_close_from(ready + 1, last);
	give_up_rights(s->init.filtered);
	sys_close(ready);

	for (;;) {
		int signal = sys_wait_signal(&every);

		if (signal == SIGCHLD)
			reap(program);
		else if (signal > 0)
			sys_kill(program, signal);
	}
}

int reaper_stay(struct inside *in, const struct step *s, struct err *e)
{
	const uint64_t every = ~(uint64_t) 0;
	int ready[2];

	/*
	 * From here on the end of the socket means the exec, and this process is the one that tare
	 * watches.
	 */
	if (exec_announce(in, e) < 0)
		return -1;

	int r = s->init.subreaper ? sys_prctl(PR_SET_CHILD_SUBREAPER, 1, 0) : 0;
	if (r == 0)
		r = sys_prctl(PR_SET_DUMPABLE, 0, 0);
	if (r == 0)
		r = sys_pipe(ready);
	if (r < 0)
		return err_sys(e, r, "prepare to stay as the container's first process");
	sys_signal_mask(SIG_SETMASK, &every, NULL);

	pid_t program = sys_fork();
	if (program < 0)
		return err_sys(e, program, "start a process for the program");
	if (program > 0)
		stay(s, program, ready[1], in->plan->first_fd + WIRE_FD_COUNT + DESCRIPTORS);
	sys_close(ready[1]);

	return become_child(in, s, ready[0], e);
}
