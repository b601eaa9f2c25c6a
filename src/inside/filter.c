/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/filter.c - the seccomp filter: the last step before the exec
 *
 * From the moment it is loaded every system call of ours is the filter's business: it may be
 * denied, kill us, or wait for an agent that does not have the listener yet. So behind it there is
 * the exec and nothing else. What must be done all the same is done by others:
 *
 * - The failure of the exec goes into a memory file that tare has been given before.
 * - With a listener (SCMP_ACT_NOTIFY) the filter is loaded by a thread, for all of this process
 * (SECCOMP_FILTER_FLAG_TSYNC), while the main thread is inside clone(2): it has made a helper as
 * vfork(2) does, and the helper runs only once that call has begun, and ends it by ending. It is a
 * process of its own in our memory, which the filter doesn't hold: it sees the listener come and
 * has tare pass it on. Its end calls a handler in the main thread, which goes on there and never
 * returns, for that would be a call; the kernel buries the helper, and the exec ends the thread,
 * which only spins. Nobody runs the program before the agent was told.
 */
#include "inside/inside.h"

#include "kernel/memory.h"
#include "kernel/process.h"
#include "wire/wire.h"

#include <limits.h>
#include <linux/filter.h>
#include <signal.h>
#include <stdatomic.h>

/* ---- last words ---- */

/* Far enough from the plan for any page size. */
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

/* A fault ends us without a system call, pid 1 or not; its own namespace can't kill that. */
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

		/* A filter that does not let us wait lets us end, or ends us. */
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

/* What the three of us share. */
static struct handover {
	struct inside *in;
	const struct sock_fprog *program;
	unsigned flags;
	atomic_bool is_inside; /* of the helper: the main thread makes no call until it has ended */
	atomic_int listener;   /* of the loader: a descriptor, or -errno */
	atomic_int passed_on;  /* of the helper: 0, or -errno */
} handover = { .listener = NOT_YET, .passed_on = NOT_YET };

static char loader_stack[8 * 1024] __attribute__((aligned(16)));
static char helper_stack[16 * 1024] __attribute__((aligned(16)));

static void nap(void)
{
	const struct timespec moment = { .tv_nsec = 20 * 1000 };

	SYS_CALL(nanosleep, &moment, NULL, 0, 0, 0, 0);
}

/* What the helper has left: 0, or -1. */
static int settle(struct handover *h, struct err *e)
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

/* Behind the step, or with its failure. */
static void __attribute__((noreturn)) go_on(struct inside *in, int r, struct err *e)
{
	if (r < 0)
		err_at(e, in->plan->steps[in->step].place);
	else
		walk(in, in->step + 1, e);
	filter_report_and_end(in, e);
}

static void start_helper(struct handover *h) __attribute__((noreturn));

/* In the main thread. It must never return. */
static void child_ended(int signal)
{
	struct handover *h = &handover;
	struct err e;

	(void) signal;
	/* Some orphan, that a hook has left; or the helper was killed before it began. */
	if (!atomic_load(&h->is_inside))
		start_helper(h);
	go_on(h->in, settle(h, &e), &e);
}

/* The thread. It must never return. */
static int load(void *arg)
{
	const struct sys_sched_attr fair = { .size = SYS_SCHED_ATTR_OLD };
	struct handover *h = arg;

	/* It will spin: a real-time policy would keep a lone processor from the others. */
	sys_sched_setattr(0, &fair);
	while (!atomic_load(&h->is_inside))
		nap();

	int r = sys_seccomp_filter(h->program, h->flags);
	atomic_store(&h->listener, r);
	while (r < 0)
		SYS_CALL(exit, 0, 0, 0, 0, 0, 0);
	/* Any call could wait for an agent, or kill us all. The exec ends this. */
	for (;;)
		;

	return 0;
}

/* The helper: a process that the filter does not hold. */
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
		/* The end: tare has a failure of its own to tell. */
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
	 * child_ended() is called in a moment: the signal comes once nothing is left of the helper
	 * for the program to see.
	 */
	for (;;)
		;
}

/* Comes back only with a failure: -1. */
static int load_with_listener(struct inside *in, const struct sock_fprog *program, unsigned flags,
			      struct err *e)
{
	const uint64_t every = ~(uint64_t) 0, thread = CLONE_THREAD | CLONE_SIGHAND | CLONE_FS |
						       CLONE_FILES | CLONE_SYSVSEM;
	struct handover *h = &handover;

	h->in = in;
	h->program = program;
	h->flags = flags;
	/* For the thread, which keeps it: the helper's end is for the main thread to hear. */
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

	/* The filter may forbid it. */
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
