/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/seccomp/left.c - which calls tare-init still makes, and whether the filter allows them
 *
 * Runs in tare while it decides. A filter that is loaded last need not allow any call of tare-init.
 * But then a process without the filter waits for start, or is cloned into a joined pid namespace;
 * and without no_new_privs that process has CAP_SYS_ADMIN, which loading a filter takes. So the
 * filter is loaded earlier where it allows each call that is left: it is run here for each call
 * with its arguments. The lists are those of inside/clone.c, inside/wait.c and the steps behind
 * them. The look-up of a working directory like /proc/self is not in them: a filter that refuses
 * it makes that exec fail.
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
	bool known; /* allowed with these arguments; else whatever they are */
	uint64_t args[6];
};

/*
 * The calls after either wait: giving up the last capability, messages to tare or start, the exec.
 */
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
	/* to end by a signal before start */
	{ .number = SYS_getpid },
	{ .number = SYS_kill },
};

static const struct left for_a_clone[] = {
	{ SYS_clone, true, { CLONE_PARENT } },
	{ .number = SYS_ppoll },
	{ .number = SYS_setsid },
	{ SYS_ioctl, true, { 0, TIOCSCTTY } },
};

static bool allows_all(const struct seccomp_program *program, const struct left *calls,
		       size_t count)
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
	return allows_all(program, always, ARRAY_SIZE(always)) &&
	       (!wait || allows_all(program, to_wait, ARRAY_SIZE(to_wait))) &&
	       (!clone_call || allows_all(program, for_a_clone, ARRAY_SIZE(for_a_clone)));
}
