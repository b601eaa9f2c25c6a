/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/filter.c - the seccomp filter: the last step before the exec
 *
 * From the moment it is loaded every system call of ours is the filter's business: it may be denied, kill
 * us, or wait for an agent that does not have the listener yet. So behind it there is the exec and
 * nothing else. What must be done all the same is done by others:
 *
 * - The failure of the exec goes into a memory file that tare has been given before.
 * - With a listener (SCMP_ACT_NOTIFY) the filter is loaded by a thread, for all of this process
 *   (SECCOMP_FILTER_FLAG_TSYNC), while the main thread sits in wait4(2), which it entered before: the helper it
 *   waits for is a process of its own in our memory, which the filter doesn't hold. It sees the
 *   listener come, has tare pass it on, and ends. The main thread goes on, no zombie is left, and
 *   the exec ends the thread, which only spins. Nobody runs the program before the agent was told.
 */
#include "inside/inside.h"

#include "kernel/memory.h"
#include "kernel/process.h"
#include "wire/wire.h"

#include <limits.h>
#include <linux/filter.h>
#include <stdatomic.h>
#include <sys/wait.h>

/* ---- last words ---- */

/* Far enough from the plan for any page size. */
#define LAST_WORDS_ADDRESS ((void *) (ARENA_ADDRESS - 0x100000))

static int share_last_words(struct inside *in, struct err *e)
{
	autoclose int fd = sys_memfd_create("tare-last-words");
	int r = fd < 0 ? fd : sys_truncate(fd, sizeof(struct wire_message));

	if (r == 0)
		r = sys_map_shared(LAST_WORDS_ADDRESS, sizeof(struct wire_message), fd);
	if (r < 0)
		return err_sys(e, r, "make a memory file for a late failure");
	r = wire_send(in->report, WIRE_LAST_WORDS, in->step, fd);
	if (r < 0)
		return err_sys(e, r, "hand over the memory file for a late failure");
	in->last_words = LAST_WORDS_ADDRESS;

	return 0;
}

/* A fault ends us without a system call, pid 1 or not; its own namespace can't kill that. */
static void __attribute__((noreturn)) end_without_a_call(void)
{
	__builtin_trap();
}

void filter_report_and_end(struct inside *in, const struct err *e)
{
	if (!in->last_words) {
		wire_send_failure(in->report, in->step, e);
		sys_exit(1);
	}
	in->last_words->step = (uint32_t) in->step;
	in->last_words->error = *e;
	atomic_thread_fence(memory_order_release);
	in->last_words->kind = WIRE_FAILED;
	if (!in->listened_to)
		SYS_CALL(exit_group, 1, 0, 0, 0, 0, 0);
	end_without_a_call();
}

/* ---- a filter with a listener ---- */

#define NOT_YET INT_MIN

/* What the three of us share. */
struct handover {
	const struct inside *in;
	const struct sock_fprog *program;
	unsigned flags;
	atomic_int listener;  /* of the loader: a descriptor, or -errno */
	atomic_int passed_on; /* of the helper: 0, or -errno */
};

static char loader_stack[8 * 1024] __attribute__((aligned(16)));
static char helper_stack[16 * 1024] __attribute__((aligned(16)));

static void nap(void)
{
	const struct timespec moment = { .tv_nsec = 20 * 1000 };

	SYS_CALL(nanosleep, &moment, NULL, 0, 0, 0, 0);
}

/* The thread. It must never return. */
static int load(void *arg)
{
	const struct sys_sched_attr fair = { .size = SYS_SCHED_ATTR_OLD };
	struct handover *h = arg;

	/* It will spin: a real-time policy would keep a lone processor from the others. */
	sys_sched_setattr(0, &fair);

	int r = sys_seccomp_filter(h->program, h->flags);
	atomic_store(&h->listener, r);
	while (r < 0)
		SYS_CALL(exit, 0, 0, 0, 0, 0, 0);
	/* Any call could wait for an agent, or kill us all. The exec ends this. */
	while (atomic_load(&h->listener) >= 0)
		;

	return 0;
}

/* The helper: a process that the filter does not hold. */
static int pass_on(void *arg)
{
	struct handover *h = arg;
	struct wire_message m;
	int listener, fd, r;

	while ((listener = atomic_load(&h->listener)) == NOT_YET)
		nap();
	r = listener < 0 ? listener
			 : wire_send(h->in->report, WIRE_NOTIFIER, h->in->step, listener);
	if (r == 0) {
		r = wire_receive(h->in->report, &m, &fd);
		/* The end: it has a failure to tell that is not ours. */
		r = r > 0 && m.kind == WIRE_GO ? 0 : -EPIPE;
	}
	atomic_store(&h->passed_on, r);

	return 0;
}

static int wait_for_helper(struct handover *h, pid_t helper)
{
	int status;

	if (sys_wait(helper, &status, __WALL) == helper) {
		int r = atomic_load(&h->passed_on);

		return r == NOT_YET ? -EPIPE : r; /* somebody has killed it */
	}
	/* After a stop signal in between the kernel made the call anew, and the filter denied it. */
	while (atomic_load(&h->passed_on) == NOT_YET)
		;

	return atomic_load(&h->passed_on);
}

static int load_with_listener(struct inside *in, const struct sock_fprog *program, unsigned flags,
			      struct err *e)
{
	const uint64_t thread =
		CLONE_THREAD | CLONE_SIGHAND | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM;
	struct handover h = {
		.in = in,
		.program = program,
		.flags = flags,
		.listener = NOT_YET,
		.passed_on = NOT_YET,
	};
	pid_t helper =
		sys_clone_beside(CLONE_FILES, helper_stack, sizeof(helper_stack), pass_on, &h);
	if (helper < 0)
		return err_sys(e, helper, "start a helper for the seccomp listener");

	pid_t loader = sys_clone_beside(thread, loader_stack, sizeof(loader_stack), load, &h);
	if (loader < 0)
		atomic_store(&h.listener, loader);

	int r = wait_for_helper(&h, helper);
	if (loader < 0)
		return err_sys(e, loader, "start a thread for the seccomp filter");
	if (atomic_load(&h.listener) < 0)
		return err_sys(e, atomic_load(&h.listener), "load the seccomp filter");
	in->listened_to = true;
	if (r < 0) /* tare knows, and has told */
		end_without_a_call();

	return 0;
}

/* ---- the step ---- */

int filter_load(struct inside *in, const struct step *s, struct err *e)
{
	const struct sock_fprog program = {
		.len = s->seccomp.count,
		.filter = (struct sock_filter *) s->seccomp.filter,
	};

	/* The filter may forbid it. */
	if (exec_announce(in, e) < 0)
		return -1;
	if (s->seccomp.mute && share_last_words(in, e) < 0)
		return -1;
	if (s->seccomp.notify)
		return load_with_listener(in, &program, s->seccomp.flags, e);

	int r = sys_seccomp_filter(&program, s->seccomp.flags);
	if (r < 0)
		return err_sys(e, r, "load the seccomp filter");

	return 0;
}
