/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/wait.c - wait for start
 *
 * create is done: tare has ended, and tare's caller is our parent. The first connection comes from
 * start. A failure is sent on this connection; its end without a message says that the program
 * runs. start sends nothing, so nothing is read. The mode of the state directory decides who may
 * connect.
 */
#include "inside/inside.h"

#include "base/table.h"
#include "kernel/fd.h"
#include "kernel/memory.h"
#include "kernel/process.h"
#include "kernel/socket.h"
#include "wire/wire.h"

#include <signal.h>
#include <sys/signalfd.h>

#define PAGE	4096
#define DEEPEST ((size_t) 64 * 1024) /* the most stack that was ever used, with buffers for paths */
#define IN_USE	512		     /* bytes below a frame's address that it and its callee use */

/*
 * Free the stack that the steps so far have used: on some hosts very many containers wait for long.
 */
static void __attribute__((noinline)) forget_stack(void)
{
	uintptr_t used = (uintptr_t) __builtin_frame_address(0) - IN_USE;
	uintptr_t end = used & ~(uintptr_t) (PAGE - 1);

	sys_forget((void *) (end - DEEPEST), DEEPEST);
}

/*
 * Close descriptors of the rootfs that only mounts and devices needed: other containers could see
 * them in /proc/PID/fd.
 */
static void forget_places(struct inside *in)
{
	fd_close(&in->parent);
	fd_close(&in->empty_mount);
	fd_close(&in->null_mount);
}

/* signal(7): the signals whose default action ends a process. */
#define ENDING                                                                                     \
	(~(1ULL << (SIGCHLD - 1) | 1ULL << (SIGCONT - 1) | 1ULL << (SIGURG - 1) |                  \
	   1ULL << (SIGWINCH - 1) | 1ULL << (SIGSTOP - 1) | 1ULL << (SIGTSTP - 1) |                \
	   1ULL << (SIGTTIN - 1) | 1ULL << (SIGTTOU - 1) | 1ULL << (SIGKILL - 1)))

/*
 * pid_namespaces(7): the first process of a pid namespace has no default actions, so the kernel
 * drops each signal that is not blocked. An engine that stops a container before start would wait
 * in vain: so the signals are blocked and read.
 */
static int watch_signals(struct err *e)
{
	const uint64_t ending = ENDING;

	sys_signal_mask(SIG_BLOCK, &ending, NULL);

	int signals = sys_signalfd(&ending);

	return signals < 0 ? err_sys(e, signals, "watch for signals") : signals;
}

/*
 * End by @signal. The first process of a pid namespace can't, and exits with the shell's code for
 * the signal.
 */
static void __attribute__((noreturn)) end_by(unsigned signal)
{
	const uint64_t none = 0;

	sys_kill(sys_pid(), (int) signal);
	sys_signal_mask(SIG_SETMASK, &none, NULL);
	sys_exit(128 + (int) signal);
}

/* Wait until start connects, or a signal ends us; returns the connection. */
static int accept_or_end(const struct inside *in, int signals)
{
	struct pollfd fds[] = {
		{ .fd = in->listener, .events = POLLIN },
		{ .fd = signals, .events = POLLIN },
	};
	struct signalfd_siginfo info;

	for (;;) {
		int r = sys_poll(fds, ARRAY_SIZE(fds), -1);

		if (r < 0 && r != -EINTR)
			sys_exit(1);
		if (r > 0 && fds[1].revents != 0 &&
		    sys_read(signals, &info, sizeof(info)) == (ssize_t) sizeof(info))
			end_by(info.ssi_signo);
		if (r > 0 && fds[0].revents != 0)
			return sys_accept(in->listener);
	}
}

int wait_for_start(struct inside *in, const struct step *s, struct err *e)
{
	const uint64_t none = 0;

	(void) s;

	autoclose int signals = watch_signals(e);
	if (signals < 0)
		return -1;

	int r = sys_prctl(PR_SET_PDEATHSIG, 0, 0);
	if (r < 0)
		return err_sys(e, r, "part from tare");
	r = wire_send(in->control, WIRE_READY, in->step, -1);
	if (r < 0)
		return err_sys(e, r, "tell that create is done");
	sys_close(in->control);
	in->control = -1;
	forget_places(in);
	forget_stack();

	int start = accept_or_end(in, signals);
	if (start < 0)
		sys_exit(1);
	in->report = start;
	/*
	 * Unblocked: from here on a signal has the action that the program will have, as
	 * OP_PREPARE_EXEC has reset all actions.
	 */
	sys_signal_mask(SIG_SETMASK, &none, NULL);

	return 0;
}
