/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/create/message.c - check tare-init's messages against the plan
 *
 * Runs in tare. The process at the other end of the socket may have been taken over by a process of
 * its pid namespace with CAP_SYS_PTRACE. The process at the other end has fewer rights than tare.
 * So tare does nothing for a message that the plan does not have at this point: the order of the
 * steps is known, and with it each message that may come.
 */
#include "host/create/message.h"

#include "kernel/device.h"

#include <sys/ioctl.h>
#include <asm/ioctls.h>

/* ---- descriptors: no call here can be delayed by a FUSE server ---- */

#define GET_SEALS   1034 /* F_GET_SEALS */
#define MULTIPLEXER device_number(5, 2)

/*
 * Without memfd_create(2) (Linux before 3.17, or EPERM from a filter) sys_memfd_create() makes a
 * file in a directory.
 */
static bool has_no_memfd(void)
{
	long r = SYS_CALL(memfd_create, "", ~0U, 0, 0, 0, 0);

	return r == -ENOSYS || r == -EPERM;
}

/* fcntl(2), F_GET_SEALS: only files in memory have seals. */
static bool is_memory(int fd)
{
	struct stat st;
	long r = SYS_CALL(fcntl, fd, GET_SEALS, 0, 0, 0, 0);

	if (r == -EINVAL && has_no_memfd())
		return sys_stat_cached(fd, &st) == 0 && S_ISREG(st.st_mode);

	return r >= 0;
}

/* A character device node may lie anywhere: its device number and the driver's answer decide. */
static bool is_terminal(int fd)
{
	struct stat st;
	unsigned number;

	return sys_stat_cached(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == MULTIPLEXER &&
	       sys_ioctl(fd, TIOCGPTN, &number) == 0;
}

/* No file that can be opened has this name. */
static bool is_listener(int fd)
{
	static const char name[] = "anon_inode:seccomp notify";
	char target[sizeof(name) + 1];

	return sys_path_of(fd, target, sizeof(target)) > 0 && strcmp(target, name) == 0;
}

/* ---- messages ---- */

/* The first step of kind @op among the steps that are left; step_count: there is none. */
static size_t find(const struct init_progress *p, const struct plan *plan, enum step_op op)
{
	size_t i = p->next;

	while (i < plan->step_count && plan->steps[i].op != op)
		i++;

	return i;
}

/* The next step for which tare-init sends TURN: steps marked ahead need none. */
static size_t find_turn(const struct init_progress *p, const struct plan *plan)
{
	size_t i = p->next;

	while (i < plan->step_count && (!plan->steps[i].on_host || plan->steps[i].ahead))
		i++;

	return i;
}

static bool is_next_of_kind(const struct init_progress *p, const struct plan *plan,
			    const struct wire_message *m, enum step_op op)
{
	return m->step < plan->step_count && m->step == find(p, plan, op);
}

/* May a descriptor for step @op come now? The plan has one such step. */
static bool may_come(const struct init_progress *p, const struct plan *plan,
		     const struct wire_message *m, enum step_op op, bool came)
{
	return !came && is_next_of_kind(p, plan, m, op);
}

static bool may_be_cloned(const struct init_progress *p, const struct plan *plan)
{
	return !p->cloned && find(p, plan, OP_ENTER_PIDS) < find_turn(p, plan);
}

/* Has tare done all its steps, and is the clone into a pid namespace done, if the plan has one? */
static bool may_be_ready(const struct init_progress *p, const struct plan *plan, bool waits,
			 const struct wire_message *m)
{
	const enum step_op op = waits ? OP_WAIT_FOR_START : OP_EXEC;
	size_t end = find(p, plan, op);
	bool clone_is_left = !p->cloned && find(p, plan, OP_ENTER_PIDS) < end;

	return !p->ready && !clone_is_left && m->step < plan->step_count && m->step <= end &&
	       m->step >= p->next && find_turn(p, plan) > end && (!waits || m->step == end);
}

/* Is the step one of tare-init's that may be in progress now? */
static bool is_at_work(const struct init_progress *p, const struct plan *plan,
		       const struct wire_message *m)
{
	return m->step >= p->next && m->step < plan->step_count && m->step < find_turn(p, plan) &&
	       !plan->steps[m->step].on_host;
}

#define MOST_QUESTIONS 2 /* for the source of a mount, and for its owners */
#define MOST_WARNINGS  4

/*
 * Is the step of @m a mount for which tare opens or makes something? tare-init never asks for the
 * rootfs.
 */
static bool may_ask(const struct init_progress *p, const struct plan *plan,
		    const struct wire_message *m)
{
	unsigned before = m->step == p->next ? p->asked : 0;

	if (p->ready || !is_at_work(p, plan, m) || before >= MOST_QUESTIONS)
		return false;

	const struct step *s = &plan->steps[m->step];

	return (s->op == OP_MOUNT && s->mount.source_from_host) || s->op == OP_BRING_DEVICES;
}

static bool may_warn(const struct init_progress *p, const struct plan *plan,
		     const struct wire_message *m)
{
	unsigned before = m->step == p->next ? p->warned : 0;

	return is_at_work(p, plan, m) && before < MOST_WARNINGS;
}

static bool fits(const struct init_progress *p, const struct plan *plan, bool waits,
		 const struct wire_message *m, int fd)
{
	switch (m->kind) {
	case WIRE_TURN:
		return fd < 0 && !p->ready && m->step < plan->step_count &&
		       m->step == find_turn(p, plan) &&
		       (p->cloned || m->step < find(p, plan, OP_ENTER_PIDS));
	case WIRE_CLONED:
		return fd < 0 && !p->ready && may_be_cloned(p, plan);
	case WIRE_READY:
		return fd < 0 && may_be_ready(p, plan, waits, m);
	case WIRE_DESCRIPTOR:
		return may_come(p, plan, m, OP_OPEN_CONSOLE, p->console) && is_terminal(fd);
	case WIRE_LAST_MESSAGE:
		return may_come(p, plan, m, OP_SET_SECCOMP, p->last_message) &&
		       plan->steps[m->step].seccomp.mute && is_memory(fd);
	case WIRE_NOTIFIER:
		return may_come(p, plan, m, OP_SET_SECCOMP, p->notifier) &&
		       plan->steps[m->step].seccomp.notify && is_listener(fd);
	case WIRE_ASK:
		return may_ask(p, plan, m);
	case WIRE_WARNING:
		return fd < 0 && may_warn(p, plan, m);
	case WIRE_DONE:
		return fd < 0 && plan->debug && is_at_work(p, plan, m);
	case WIRE_FAILED:
		return true;
	default:
		return false;
	}
}

/* Steps before that of @m are done: a message for them is refused from now on. */
static void advance(struct init_progress *p, const struct plan *plan, const struct wire_message *m)
{
	if (m->kind != WIRE_FAILED && m->kind != WIRE_CLONED && m->step != p->next)
		p->asked = p->warned = 0;
	p->asked += m->kind == WIRE_ASK;
	p->warned += m->kind == WIRE_WARNING;
	p->cloned |= m->kind == WIRE_CLONED;
	p->ready |= m->kind == WIRE_READY;
	p->console |= m->kind == WIRE_DESCRIPTOR;
	p->last_message |= m->kind == WIRE_LAST_MESSAGE;
	p->notifier |= m->kind == WIRE_NOTIFIER;
	if (m->kind == WIRE_CLONED)
		p->next = find(p, plan, OP_ENTER_PIDS) + 1;
	else if (m->kind != WIRE_FAILED)
		p->next = m->step + (m->kind == WIRE_DONE);
}

static int refuse(const struct wire_message *m, struct err *e)
{
	return err_msg(e, "tare-init says what it has not to say: message %u, step %u", m->kind,
		       m->step);
}

int message_check(struct init_progress *p, const struct plan *plan, bool waits,
		  const struct wire_message *m, int fd, struct err *e)
{
	if (!fits(p, plan, waits, m, fd))
		return refuse(m, e);
	advance(p, plan, m);

	return 0;
}

size_t message_failed_step(const struct init_progress *p, const struct plan *plan, uint32_t step)
{
	return step >= p->next && step < plan->step_count ? step : plan->spawn;
}

size_t message_end_of_turn(const struct init_progress *p, const struct plan *plan)
{
	size_t turn = find_turn(p, plan), wait = find(p, plan, OP_WAIT_FOR_START);

	return wait < turn ? wait : turn;
}

int message_check_start(struct init_progress *p, bool agent, const struct wire_message *m, int fd,
			struct err *e)
{
	bool fits = false;

	if (m->kind == WIRE_READY)
		fits = fd < 0 && !p->ready;
	else if (m->kind == WIRE_LAST_MESSAGE)
		fits = p->ready && !p->last_message && fd >= 0 && is_memory(fd);
	else if (m->kind == WIRE_NOTIFIER)
		fits = p->ready && agent && !p->notifier && fd >= 0 && is_listener(fd);
	else if (m->kind == WIRE_DONE)
		fits = fd < 0 && m->step >= p->next && m->step < UINT32_MAX;
	else if (m->kind == WIRE_FAILED)
		fits = true;
	if (!fits)
		return refuse(m, e);
	if (m->kind == WIRE_DONE)
		p->next = m->step + 1;
	p->ready |= m->kind == WIRE_READY;
	p->last_message |= m->kind == WIRE_LAST_MESSAGE;
	p->notifier |= m->kind == WIRE_NOTIFIER;

	return 0;
}
