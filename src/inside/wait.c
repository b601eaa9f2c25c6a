/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/wait.c - create is done; the container waits for start
 *
 * From here on tare has gone and its caller is our parent. The first connection is start's:
 * failures go there, and its end without one says that the program runs. Nothing comes in over it,
 * so nothing is read; who may connect is settled by the mode of the state directory.
 */
#include "inside/inside.h"

#include "kernel/memory.h"
#include "kernel/process.h"
#include "kernel/socket.h"
#include "wire/wire.h"

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

int wait_for_start(struct inside *in, const struct step *s, struct err *e)
{
	(void) s;

	int r = sys_prctl(PR_SET_PDEATHSIG, 0, 0);
	if (r < 0)
		return err_sys(e, r, "part from tare");
	r = wire_send(in->control, WIRE_READY, in->step, -1);
	if (r < 0)
		return err_sys(e, r, "tell that create is done");
	sys_close(in->control);
	in->control = -1;
	forget_stack();

	int start = sys_accept(in->listener);
	if (start < 0)
		sys_exit(1);
	in->report = start;

	return 0;
}
