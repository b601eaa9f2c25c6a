/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/reaper.c - tare-init stays as the container's first process
 *
 * A program that is process 1 gets no signal that it has no handler for (pid_namespaces(7)), and
 * becomes the parent of orphans that it does not wait for. So where the plan has OP_STAY_AS_INIT
 * the program is a child of tare-init, which forwards signals, reaps, and ends as the program does.
 *
 * The program has the same user, and tare-init is not under the program's seccomp filter: so the
 * program must not trace it. tare-init can't be traced (PR_SET_DUMPABLE), keeps no right but that
 * to send signals, and no descriptor. It has a filter of its own, which allows only to wait, signal
 * and end. So a program with CAP_SYS_PTRACE would gain nothing either.
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

/* More descriptors than tare-init has above its first one. */
#define DESCRIPTORS 64

#define ALLOW(name)                                                                                \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1),                                     \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/*
 * Linux 4.14: kills the whole process. Older kernels take an unknown action for
 * SECCOMP_RET_KILL_THREAD.
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

/* sd_listen_fds(3) compares LISTEN_PID with getpid(). */
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
 * Signals of the terminal go to its foreground process group. The program gets a group of its own,
 * or tare-init would get them too, and send each a second time.
 */
static int take_terminal(const struct inside *in, struct err *e)
{
	int r = sys_setpgid(0, 0);
	pid_t group = sys_pid();

	/* SIGTTOU, which a background group gets for this, is still blocked. */
	if (r == 0 && in->console >= 0)
		r = sys_ioctl(in->console, TIOCSPGRP, &group);

	return r < 0 ? err_sys(e, r, "make the program the terminal's foreground") : 0;
}

static int become_child(struct inside *in, const struct step *s, int ready, struct err *e)
{
	const uint64_t none = 0;
	int failure = 0;

	/*
	 * Wait for the end of file: the parent has then given up all that the program could reach
	 * through it. If it could not, there is a number before the end.
	 */
	sys_read_all(ready, &failure, sizeof(failure));
	sys_close(ready);
	if (failure < 0)
		return err_sys(e, failure, "restrict tare-init by a filter of its own");

	/*
	 * In a pid namespace of others, only PR_SET_PDEATHSIG ends the program together with the
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

/*
 * Reap children that have ended, and continue a program that stopped. Does not return once the
 * program has ended.
 */
static void reap(pid_t program)
{
	int status;
	pid_t pid;

	while ((pid = sys_wait(-1, &status, WNOHANG | WUNTRACED)) > 0) {
		if (pid != program)
			continue;
		/*
		 * ^Z: no shell above the program would continue it, and no other group of its
		 * session could be in the foreground.
		 */
		if (WIFSTOPPED(status)) {
			if (WSTOPSIG(status) == SIGTSTP)
				sys_kill(program, SIGCONT);
			continue;
		}
		/*
		 * Process 1 can't kill itself by a signal: so it exits with the shell's code. The
		 * kernel kills all others in the pid namespace.
		 */
		sys_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
	}
}

/* 0, or -errno: the program must not be started. */
static int give_up_rights(bool filtered)
{
	const struct sock_fprog filter = {
		.len = ARRAY_SIZE(calls_of_ours),
		.filter = (struct sock_filter *) calls_of_ours,
	};
	const uint64_t kill = (uint64_t) 1 << CAP_KILL;
	uint64_t has = 0;

	int r = sys_capget(&has);
	if (r == 0)
		r = sys_capset(has & kill, has & kill, 0);
	if (r < 0)
		return r;
	r = sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0);
	if (r == 0)
		r = sys_seccomp_filter(&filter, 0);

	/*
	 * On a kernel without seccomp the program has no filter either, so this one is not needed.
	 */
	return r < 0 && filtered ? r : 0;
}

static void __attribute__((noreturn)) stay(const struct step *s, pid_t program, int ready, int last)
{
	const uint64_t every = ~(uint64_t) 0;

	/* All descriptors but @ready, whose end the child waits for. */
	for (int fd = 0; fd < ready; fd++)
		sys_close(fd);
	sys_close_from(ready + 1, last);

	/* After a failure the child, which has the socket to tare, reports it and ends. */
	int r = give_up_rights(s->init.filtered);
	if (r < 0)
		sys_write_all(ready, &r, sizeof(r));
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
	 * From here on the end of file on the socket means the exec, and this process is the
	 * container's.
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
