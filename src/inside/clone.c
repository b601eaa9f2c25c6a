/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/clone.c - in sight of a pid namespace that others are in
 *
 * Whoever is in there with CAP_SYS_PTRACE can take a process over: what that is and has is theirs from then on. So up to here
 * everything was done outside, with the rights it takes. The child that is born here has the program's user, capabilities,
 * directory and descriptors already, and the filter where that lets through what is left (plan/seccomp/left.c lists it): nothing but
 * to start a session, to hear from tare, and to execute the program.
 */
#include "inside/inside.h"

#include "kernel/process.h"
#include "wire/wire.h"

#include <asm/ioctls.h>

/* What the set-up needed, and the program gets no sight of. */
static void close_ours(struct inside *in)
{
	int *const fds[] = { &in->proc,	     &in->rootfs,      &in->proc_mount,
			     &in->sys_mount, &in->empty_mount, &in->pids };

	target_forget_parent(in);
	sys_use_proc(-1);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		fd_close(fds[i]);
		*fds[i] = -1;
	}
}

/* By the call that filters can look into: seccomp/left.c knows its arguments. A sibling of ours, so a child of tare's. */
static pid_t fork_sibling(void)
{
	return (pid_t) SYS_CALL(clone, CLONE_PARENT, 0, 0, 0, 0, 0);
}

int clone_enter_pids(struct inside *in, const struct step *s, struct err *e)
{
	(void) s;
	close_ours(in);

	pid_t pid = fork_sibling();
	if (pid < 0)
		return err_sys(e, pid, "start a process in the container");
	if (pid > 0)
		return report_clone(in, pid, e);
	stay_with_parent(in->control);
	wait_for_go(in);

	int r = sys_setsid();
	if (r < 0)
		return err_sys(e, r, "start a session");
	r = in->console >= 0 ? sys_ioctl(0, TIOCSCTTY, NULL) : 0;

	return r < 0 ? err_sys(e, r, "make the pty the controlling terminal") : 0;
}
