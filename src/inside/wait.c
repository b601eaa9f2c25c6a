/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/wait.c - create is done; the container waits for start
 *
 * From here on tare has gone and its caller is our parent. The first connection is start's:
 * failures go there, and its end without one says that the program runs. Nothing comes in over it,
 * so nothing is read; who may connect is settled by the mode of the state directory.
 */
#include "inside/inside.h"

#include "base/fd.h"
#include "base/table.h"
#include "kernel/memory.h"
#include "kernel/process.h"
#include "kernel/socket.h"
#include "wire/wire.h"

#include <signal.h>
#include <sys/signalfd.h>

#define PAGE	4096
#define DEEPEST ((size_t) 64 * 1024) /* has the stack ever been, with its buffers for paths */
#define IN_USE	512 /* below the address of a frame is what it has itself, and its callee */

/* What the steps so far have used of the stack: some containers wait for long, and they are many. */
static void __attribute__((noinline)) forget_stack(void)
{
	uintptr_t used = (uintptr_t) __builtin_frame_address(0) - IN_USE;
	uintptr_t end = used & ~(uintptr_t) (PAGE - 1);

	sys_forget((void *) (end - DEEPEST), DEEPEST);
}

/* Descriptors of the rootfs that only the steps of mounts and devices wanted: neighbours see them in /proc/PID/fd. */
static void forget_places(struct inside *in)
{
	fd_close(&in->parent);
	fd_close(&in->empty_mount);
}

/* What ends a process that has no handler: signal(7), all but those that stop, continue or are ignored. */
#define ENDING                                                                                     \
	(~(1ULL << (SIGCHLD - 1) | 1ULL << (SIGCONT - 1) | 1ULL << (SIGURG - 1) |                  \
	   1ULL << (SIGWINCH - 1) | 1ULL << (SIGSTOP - 1) | 1ULL << (SIGTSTP - 1) |                \
	   1ULL << (SIGTTIN - 1) | 1ULL << (SIGTTOU - 1) | 1ULL << (SIGKILL - 1)))

/*
 * As the first process of its pid namespace we have no default actions (pid_namespaces(7)): the kernel drops a signal
 * that is not blocked. Whoever stops a container before its start would wait in vain.
 */
static int watch_signals(struct err *e)
{
	const uint64_t ending = ENDING;

	sys_signal_mask(SIG_BLOCK, &ending, NULL);

	int signals = sys_signalfd(&ending);

	return signals < 0 ? err_sys(e, signals, "watch for signals") : signals;
}

/* By that signal; as the first process, to which it means nothing, with the code that a shell has for it. */
static void __attribute__((noreturn)) end_by(unsigned signal)
{
	const uint64_t none = 0;

	sys_kill(sys_pid(), (int) signal);
	sys_signal_mask(SIG_SETMASK, &none, NULL);
	sys_exit(128 + (int) signal);
}

/* Until start connects; its end of the connection. */
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
	/* Those that come from here on meet what the program will have: OP_PREPARE_EXEC has reset all actions. */
	sys_signal_mask(SIG_SETMASK, &none, NULL);

	return 0;
}
