/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/clone.c - the child that is visible in a joined pid namespace
 *
 * A process in that namespace with CAP_SYS_PTRACE can take over any other process there, with all
 * its rights and descriptors. So all steps that need rights are done before, from outside of that
 * namespace. The child that is cloned here has the program's user, capabilities, directory and
 * descriptors already, and the filter where that allows the calls that are left
 * (plan/seccomp/left.c lists them). This child only starts a session, waits for tare's GO, and
 * executes the program. A working directory like /proc/self/fd is the exception: only the child can
 * look it up, by calls that the filter has to allow.
 */
#include "inside/inside.h"

#include "kernel/process.h"
#include "wire/wire.h"

#include <asm/ioctls.h>

/*
 * Close the descriptors that only the set-up needed: no process of the namespace must get at them.
 */
static void close_ours(struct inside *in)
{
	int *const fds[] = { &in->proc,	       &in->rootfs,	&in->proc_mount, &in->sys_mount,
			     &in->empty_mount, &in->null_mount, &in->pids };

	target_forget_parent(in);
	sys_use_proc(-1);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		fd_close(fds[i]);
		*fds[i] = -1;
	}
}

/*
 * clone(2), not clone3(2): filters can look into its arguments, and seccomp/left.c knows them.
 * CLONE_PARENT: the sibling is a child of tare's.
 */
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
	if (r < 0)
		return err_sys(e, r, "make the pty the controlling terminal");

	return user_change_dir_late(in, e);
}
