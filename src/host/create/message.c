/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/create/message.c - what tare-init says, held against the plan
 *
 * Runs in tare. At the other end of the socket is a process that others may be able to take over: those of a pid namespace that it is
 * born in, with CAP_SYS_PTRACE. What it could do itself it may have been made to do; but tare has more rights, and does nothing on
 * its word that the plan does not have at this place. The walk through the plan is known, so is each message.
 */
#include "host/create/message.h"

#include "kernel/device.h"

#include <sys/ioctl.h>
#include <asm/ioctls.h>

/* ---- descriptors ---- */

#define GET_SEALS   1034 /* F_GET_SEALS */
#define MULTIPLEXER device_number(5, 2)

/* sys_memfd_create() makes a file in a directory then: Linux before 3.17, or a filter that says EPERM. */
static bool has_no_memfd(void)
{
	long r = SYS_CALL(memfd_create, "", ~0U, 0, 0, 0, 0);

	return r == -ENOSYS || r == -EPERM;
}

/* The kernel itself knows the files that have seals: those in memory. */
bool message_is_memory(int fd)
{
	struct stat st;
	long r = SYS_CALL(fcntl, fd, GET_SEALS, 0, 0, 0, 0);

	if (r == -EINVAL && has_no_memfd())
		return sys_stat_cached(fd, &st) == 0 && S_ISREG(st.st_mode);

	return r >= 0;
}

/* What an open character device does is its driver's business, wherever its node is. */
bool message_is_terminal(int fd)
{
	struct stat st;
	unsigned number;

	return sys_stat_cached(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == MULTIPLEXER &&
	       sys_ioctl(fd, TIOCGPTN, &number) == 0;
}

/* Such a name has no file that could be opened by anybody. */
bool message_is_listener(int fd)
{
	static const char name[] = "anon_inode:seccomp notify";
	char target[sizeof(name) + 1];

	return sys_path_of(fd, target, sizeof(target)) > 0 && strcmp(target, name) == 0;
}

/* ---- messages ---- */

/* The first step of kind @op that is left; step_count: there is none. */
static size_t find(const struct heard *h, const struct plan *plan, enum step_op op)
{
	size_t i = h->next;

	while (i < plan->step_count && plan->steps[i].op != op)
		i++;

	return i;
}

/* Where tare-init has to ask next: steps marked ahead are done without a word. */
static size_t find_turn(const struct heard *h, const struct plan *plan)
{
	size_t i = h->next;

	while (i < plan->step_count && (!plan->steps[i].on_host || plan->steps[i].ahead))
		i++;

	return i;
}

static bool is_at(const struct heard *h, const struct plan *plan, const struct wire_message *m,
		  enum step_op op)
{
	return m->step < plan->step_count && m->step == find(h, plan, op);
}

/* A descriptor that belongs to step @op, of which there is one. */
static bool may_come(const struct heard *h, const struct plan *plan, const struct wire_message *m,
		     enum step_op op, bool came)
{
	return !came && is_at(h, plan, m, op);
}

static bool may_be_born(const struct heard *h, const struct plan *plan)
{
	return !h->born && find(h, plan, OP_ENTER_PIDS) < find_turn(h, plan);
}

/* All that tare has to do is done, and whoever is to be born has been. */
static bool may_be_ready(const struct heard *h, const struct plan *plan, bool waits,
			 const struct wire_message *m)
{
	const enum step_op op = waits ? OP_WAIT_FOR_START : OP_EXEC;
	size_t end = find(h, plan, op);
	bool unborn = !h->born && find(h, plan, OP_ENTER_PIDS) < end;

	return !h->ready && !unborn && m->step < plan->step_count && m->step <= end &&
	       m->step >= h->next && find_turn(h, plan) > end && (!waits || m->step == end);
}

/* A step of tare-init's own that may be at work now. */
static bool is_at_work(const struct heard *h, const struct plan *plan, const struct wire_message *m)
{
	return m->step >= h->next && m->step < plan->step_count && m->step < find_turn(h, plan) &&
	       !plan->steps[m->step].on_host;
}

#define MOST_QUESTIONS 2 /* for the source of a mount, and for its owners */
#define MOST_WARNINGS  4

/* Is it for a step that the host opens or makes something for? The rootfs is never asked for. */
static bool may_ask(const struct heard *h, const struct plan *plan, const struct wire_message *m)
{
	unsigned before = m->step == h->next ? h->asked : 0;

	if (h->ready || !is_at_work(h, plan, m) || before >= MOST_QUESTIONS)
		return false;

	const struct step *s = &plan->steps[m->step];

	return (s->op == OP_MOUNT && s->mount.source_from_host) || s->op == OP_BRING_DEVICES;
}

static bool may_warn(const struct heard *h, const struct plan *plan, const struct wire_message *m)
{
	unsigned before = m->step == h->next ? h->warned : 0;

	return is_at_work(h, plan, m) && before < MOST_WARNINGS;
}

static bool fits(const struct heard *h, const struct plan *plan, bool waits,
		 const struct wire_message *m, int fd)
{
	switch (m->kind) {
	case WIRE_TURN:
		return fd < 0 && !h->ready && m->step < plan->step_count &&
		       m->step == find_turn(h, plan) &&
		       (h->born || m->step < find(h, plan, OP_ENTER_PIDS));
	case WIRE_BORN:
		return fd < 0 && !h->ready && may_be_born(h, plan);
	case WIRE_READY:
		return fd < 0 && may_be_ready(h, plan, waits, m);
	case WIRE_DESCRIPTOR:
		return may_come(h, plan, m, OP_OPEN_CONSOLE, h->console) && message_is_terminal(fd);
	case WIRE_LAST_WORDS:
		return may_come(h, plan, m, OP_SET_SECCOMP, h->last_message) &&
		       plan->steps[m->step].seccomp.mute && message_is_memory(fd);
	case WIRE_NOTIFIER:
		return may_come(h, plan, m, OP_SET_SECCOMP, h->notifier) &&
		       plan->steps[m->step].seccomp.notify && message_is_listener(fd);
	case WIRE_ASK:
		return may_ask(h, plan, m);
	case WIRE_WARNING:
		return fd < 0 && may_warn(h, plan, m);
	case WIRE_DONE:
		return fd < 0 && plan->debug && is_at_work(h, plan, m);
	case WIRE_FAILED:
		return true;
	default:
		return false;
	}
}

/* What is behind @m can't come any more. */
static void advance(struct heard *h, const struct plan *plan, const struct wire_message *m)
{
	if (m->kind != WIRE_FAILED && m->kind != WIRE_BORN && m->step != h->next)
		h->asked = h->warned = 0;
	h->asked += m->kind == WIRE_ASK;
	h->warned += m->kind == WIRE_WARNING;
	h->born |= m->kind == WIRE_BORN;
	h->ready |= m->kind == WIRE_READY;
	h->console |= m->kind == WIRE_DESCRIPTOR;
	h->last_message |= m->kind == WIRE_LAST_WORDS;
	h->notifier |= m->kind == WIRE_NOTIFIER;
	if (m->kind == WIRE_BORN)
		h->next = find(h, plan, OP_ENTER_PIDS) + 1;
	else if (m->kind != WIRE_FAILED)
		h->next = m->step + (m->kind == WIRE_DONE);
}

static int refuse(const struct wire_message *m, struct err *e)
{
	return err_msg(e, "tare-init says what it has not to say: message %u, step %u", m->kind,
		       m->step);
}

int message_check(struct heard *h, const struct plan *plan, bool waits,
		  const struct wire_message *m, int fd, struct err *e)
{
	if (!fits(h, plan, waits, m, fd))
		return refuse(m, e);
	advance(h, plan, m);

	return 0;
}

size_t message_failed_step(const struct heard *h, const struct plan *plan, uint32_t step)
{
	return step >= h->next && step < plan->step_count ? step : plan->spawn;
}

int message_check_start(struct heard *h, bool agent, const struct wire_message *m, int fd,
			struct err *e)
{
	bool fits = false;

	if (m->kind == WIRE_READY)
		fits = fd < 0 && !h->ready;
	else if (m->kind == WIRE_LAST_WORDS)
		fits = h->ready && !h->last_message && fd >= 0 && message_is_memory(fd);
	else if (m->kind == WIRE_NOTIFIER)
		fits = h->ready && agent && !h->notifier && fd >= 0 && message_is_listener(fd);
	else if (m->kind == WIRE_DONE)
		fits = fd < 0 && m->step >= h->next && m->step < UINT32_MAX;
	else if (m->kind == WIRE_FAILED)
		fits = true;
	if (!fits)
		return refuse(m, e);
	if (m->kind == WIRE_DONE)
		h->next = m->step + 1;
	h->ready |= m->kind == WIRE_READY;
	h->last_message |= m->kind == WIRE_LAST_WORDS;
	h->notifier |= m->kind == WIRE_NOTIFIER;

	return 0;
}
