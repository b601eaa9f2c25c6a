/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/seccomp/left.c - does a filter let tare-init do what is left?
 *
 * Runs in tare while it decides. A filter that is loaded last need not know of tare-init. But until then its process waits for
 * start without it, and without no_new_privs with CAP_SYS_ADMIN, which loading takes; or it is born like that in a pid namespace that others are
 * in. So where each call that is left is allowed, as the program here says of the call with its arguments, the filter is
 * loaded before. The lists are those of inside/clone.c, inside/wait.c and what comes behind them.
 */
#include "plan/seccomp/profile.h"

#include "base/table.h"

#include <asm/ioctls.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

struct left {
	int number;
	bool known; /* only with these arguments; else whatever they are */
	uint64_t args[6];
};

/* Both ways: giving up the last right, talking to tare or start, the program. */
static const struct left always[] = {
	{ .number = SYS_capset },
	{ .number = SYS_close },
	{ .number = SYS_sendmsg },
	{ .number = SYS_recvmsg },
	{ .number = SYS_execve },
	{ .number = SYS_exit_group },
	{ SYS_prctl, true, { PR_SET_PDEATHSIG, 0 } },
	{ SYS_prctl, true, { PR_SET_PDEATHSIG, SIGKILL } },
};

static const struct left to_wait[] = {
	{ .number = SYS_rt_sigprocmask },
	{ .number = SYS_signalfd4 },
	{ .number = SYS_ppoll },
	{ .number = SYS_read },
	{ .number = SYS_accept4 },
	{ .number = SYS_madvise },
	/* the end by a signal, before the start */
	{ .number = SYS_getpid },
	{ .number = SYS_kill },
};

static const struct left to_be_born[] = {
	{ SYS_clone, true, { CLONE_PARENT } },
	{ .number = SYS_ppoll },
	{ .number = SYS_setsid },
	{ SYS_ioctl, true, { 0, TIOCSCTTY } },
};

static bool lets(const struct seccomp_program *program, const struct left *calls, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const uint64_t *args = calls[i].known ? calls[i].args : NULL;
		uint32_t result;

		if (!seccomp_result(program, calls[i].number, args, &result) ||
		    result != SECCOMP_RET_ALLOW)
			return false;
	}

	return true;
}

bool seccomp_lets_go_on(const struct seccomp_program *program, bool wait, bool clone_call)
{
	return lets(program, always, ARRAY_SIZE(always)) &&
	       (!wait || lets(program, to_wait, ARRAY_SIZE(to_wait))) &&
	       (!clone_call || lets(program, to_be_born, ARRAY_SIZE(to_be_born)));
}
