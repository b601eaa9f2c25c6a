/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/filter.c - the seccomp filter: the last step before the exec
 *
 * Once the filter is loaded, any system call of this process may be denied, may kill it, or may
 * wait for an agent that has no listener yet. So only the exec comes behind it. Two things are
 * left:
 *
 * - A failure of the exec is written into a memory file that tare got before (WIRE_LAST_MESSAGE).
 * - A listener (SCMP_ACT_NOTIFY) must get to the agent before the exec. Three take part in this:
 *
 *	main thread			loader, a thread	helper, a process in our memory
 *	-----------			----------------	-------------------------------
 *	clone(CLONE_THREAD) ----------> waits for is_inside
 *	clone(CLONE_VFORK) ------------------------------------> is_inside = true
 *	blocked in clone(2)		seccomp(TSYNC)		waits for listener
 *	  until the helper ends		listener = fd --------->
 *					spins			sends NOTIFIER, waits for GO
 *								passed_on = 0; ends
 *	SIGCHLD: child_ended() <--------------------------------
 *	goes on there with the exec --> ended by the exec
 *
 * SECCOMP_FILTER_FLAG_TSYNC loads the filter for all threads, but not for the helper, which is a
 * process. clone(2) with CLONE_VFORK returns only after the helper's end. The handler of SIGCHLD
 * runs before that return and never returns itself, so the main thread makes no system call under
 * the filter but those of the exec. The kernel reaps the helper. The program runs only after the
 * agent has the listener.
 */
#include "inside/inside.h"

#include "kernel/memory.h"
#include "kernel/process.h"
#include "wire/wire.h"

#include <limits.h>
#include <linux/filter.h>
#include <signal.h>
#include <stdatomic.h>

/* ---- a failure behind the filter ---- */

/* The distance to the plan is more than any page size. */
#define LAST_MESSAGE_ADDRESS ((void *) (ARENA_ADDRESS - 0x100000))

static int share_last_message(struct inside *in, struct err *e)
{
	autoclose int fd = sys_memfd_create("tare-last-message");
	int r = fd < 0 ? fd : sys_truncate(fd, sizeof(struct wire_message));

	if (r == 0)
		r = sys_map_shared(LAST_MESSAGE_ADDRESS, sizeof(struct wire_message), fd);
	if (r < 0)
		return err_sys(e, r, "make a memory file for a late failure");
	r = wire_send(in->report, WIRE_LAST_MESSAGE, in->step, fd);
	if (r < 0)
		return err_sys(e, r, "hand over the memory file for a late failure");
	in->last_message = LAST_MESSAGE_ADDRESS;

	return 0;
}

/*
 * End this process without a system call, by an illegal instruction: the kernel delivers a
 * synchronous SIGILL also to pid 1.
 */
static void __attribute__((noreturn)) end_without_a_call(void)
{
	__builtin_trap();
}

void filter_report_and_end(struct inside *in, const struct err *e)
{
	if (!in->last_message) {
		struct wire_message m;
		int fd;
		int r = wire_send_failure(in->report, in->step, e, in->failed_program);

		/* A filter that denies recvmsg(2) fails or kills us here; both end this process. */
		if (r == 0 && in->failed_program)
			wire_receive(in->report, &m, &fd);
		sys_exit(1);
	}
	in->last_message->step = (uint32_t) in->step;
	in->last_message->error = *e;
	atomic_thread_fence(memory_order_release);
	in->last_message->kind = WIRE_FAILED;
	if (!in->listened_to)
		SYS_CALL(exit_group, 1, 0, 0, 0, 0, 0);
	end_without_a_call();
}

/* ---- a filter with a listener ---- */

#define NOT_YET INT_MIN

/* Shared by the main thread, the loader and the helper. */
static struct handover {
	struct inside *in;
	const struct sock_fprog *program;
	unsigned flags;
	/* set by the helper: from here to its end the main thread makes no system call */
	atomic_bool is_inside;
	atomic_int listener;  /* set by the loader: a descriptor, or -errno */
	atomic_int passed_on; /* set by the helper: 0, or -errno */
} handover = { .listener = NOT_YET, .passed_on = NOT_YET };

static char loader_stack[8 * 1024] __attribute__((aligned(16)));
static char helper_stack[16 * 1024] __attribute__((aligned(16)));

static void nap(void)
{
	const struct sys_interval moment = { .nanoseconds = 20 * 1000 };

	SYS_CALL(nanosleep, &moment, NULL, 0, 0, 0, 0);
}

/* The result of loader and helper, once the helper has ended: 0, or -1. */
static int check_handover(struct handover *h, struct err *e)
{
	int listener = atomic_load(&h->listener), passed_on = atomic_load(&h->passed_on);

	if (listener < 0 && listener != NOT_YET)
		return err_sys(e, listener, "load the seccomp filter");
	h->in->listened_to = true;
	if (passed_on == NOT_YET)
		return err_msg(e, "the helper for the seccomp listener was killed");
	if (passed_on < 0)
		return err_sys(e, passed_on, "hand over the seccomp listener");

	return 0;
}

/* Go on behind this step, or report its failure. */
static void __attribute__((noreturn)) go_on(struct inside *in, int r, struct err *e)
{
	if (r < 0)
		err_at(e, in->plan->steps[in->step].place);
	else
		walk(in, in->step + 1, e);
	filter_report_and_end(in, e);
}

static void start_helper(struct handover *h) __attribute__((noreturn));

/*
 * SIGCHLD's handler, in the main thread. It never returns: rt_sigreturn(2) would be a system call.
 */
static void child_ended(int signal)
{
	struct handover *h = &handover;
	struct err e;

	(void) signal;
	/*
	 * An orphan of a hook has ended, or the helper was killed before it began: start a helper
	 * (again).
	 */
	if (!atomic_load(&h->is_inside))
		start_helper(h);
	go_on(h->in, check_handover(h, &e), &e);
}

/* In the loader thread. It never returns: that would be exit(2). */
static int load(void *arg)
{
	const struct sys_sched_attr fair = { .size = SYS_SCHED_ATTR_OLD };
	struct handover *h = arg;

	/* The loader spins at the end: under a real-time policy it would block a lone processor. */
	sys_sched_setattr(0, &fair);
	while (!atomic_load(&h->is_inside))
		nap();

	int r = sys_seccomp_filter(h->program, h->flags);
	atomic_store(&h->listener, r);
	while (r < 0)
		SYS_CALL(exit, 0, 0, 0, 0, 0, 0);
	/*
	 * Under the filter any system call could wait for the agent, or kill the whole process. The
	 * exec of the main thread ends this loop.
	 */
	for (;;)
		;

	return 0;
}

/* In the helper: a process of its own, so TSYNC does not give it the filter. */
static int pass_on(void *arg)
{
	struct handover *h = arg;
	struct wire_message m;
	int listener, fd, r;

	atomic_store(&h->is_inside, true);
	while ((listener = atomic_load(&h->listener)) == NOT_YET)
		nap();
	r = listener < 0 ? listener
			 : wire_send(h->in->report, WIRE_NOTIFIER, h->in->step, listener);
	if (r == 0) {
		r = wire_receive(h->in->report, &m, &fd);
		/* End of file: tare has failed, and reports that itself. */
		r = r > 0 && m.kind == WIRE_GO ? 0 : -EPIPE;
	}
	atomic_store(&h->passed_on, r);

	return 0;
}

static void start_helper(struct handover *h)
{
	const uint64_t none = 0;
	struct err e;
	int r = sys_catch_child_end(child_ended);

	if (r == 0)
		r = sys_signal_mask(SIG_SETMASK, &none, NULL);
	if (r == 0)
		r = sys_clone_beside(CLONE_FILES | CLONE_VFORK, helper_stack, sizeof(helper_stack),
				     pass_on, h);
	if (r < 0)
		go_on(h->in, err_sys(&e, r, "start a helper for the seccomp listener"), &e);
	/*
	 * The kernel sends SIGCHLD once the helper is reaped (SA_NOCLDWAIT), so that the program
	 * never sees it as a child, and calls child_ended().
	 */
	for (;;)
		;
}

/* Returns only with a failure: -1. */
static int load_with_listener(struct inside *in, const struct sock_fprog *program, unsigned flags,
			      struct err *e)
{
	const uint64_t every = ~(uint64_t) 0, thread = CLONE_THREAD | CLONE_SIGHAND | CLONE_FS |
						       CLONE_FILES | CLONE_SYSVSEM;
	struct handover *h = &handover;

	h->in = in;
	h->program = program;
	h->flags = flags;
	/*
	 * All signals are blocked for the loader, which inherits the mask: SIGCHLD is for the main
	 * thread.
	 */
	sys_signal_mask(SIG_SETMASK, &every, NULL);

	pid_t loader = sys_clone_beside(thread, loader_stack, sizeof(loader_stack), load, h);
	if (loader < 0)
		return err_sys(e, loader, "start a thread for the seccomp filter");
	start_helper(h);
}

/* ---- the step ---- */

int filter_load(struct inside *in, const struct step *s, struct err *e)
{
	const struct sock_fprog program = {
		.len = s->seccomp.count,
		.filter = (struct sock_filter *) s->seccomp.filter,
	};

	/* READY is sent before the filter is loaded, as the filter may deny sendmsg(2). */
	if (!s->seccomp.early && exec_announce(in, e) < 0)
		return -1;
	if (s->seccomp.mute && share_last_message(in, e) < 0)
		return -1;
	if (s->seccomp.notify)
		return load_with_listener(in, &program, s->seccomp.flags, e);

	int r = sys_seccomp_filter(&program, s->seccomp.flags);
	if (r < 0)
		return err_sys(e, r, "load the seccomp filter");

	return 0;
}
