/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/inspect/filters.c - inspect --filters: are the filters in force those of the plan?
 *
 * ptrace(2), PTRACE_SECCOMP_GET_FILTER, Linux 4.4: root only, and of a stopped process. The stop is
 * short and sends no signal, but a few calls return EINTR after it (signal(7)): so it takes a flag.
 * The kernel goes on with the process when tare ends.
 */
#include "base/fmt.h"
#include "host/inspect/rows.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "kernel/time.h"
#include "plan/seccomp/cache.h"

#include <linux/ptrace.h>
#include <string.h>
#include <sys/wait.h>

#define SECTION	     "process"
#define MOST_FILTERS 64
#define STOP_MS	     1000
#define STEP_MS	     1

static long trace(int request, pid_t pid, unsigned long addr, void *data)
{
	return SYS_CALL(ptrace, request, pid, addr, data, 0, 0);
}

/*
 * A frozen process, or one in the kernel, does not stop within the time: -ETIMEDOUT. A signal that
 * comes between the two requests stops the process, too. The kernel has taken that signal from the
 * queue: *@signal is given back to the process by PTRACE_DETACH, or it would be lost.
 */
static int stop(pid_t pid, int *signal)
{
	int r = (int) trace(PTRACE_SEIZE, pid, 0, NULL), status = 0;
	int64_t until = sys_clock_ms() + STOP_MS;

	if (r == 0)
		r = (int) trace(PTRACE_INTERRUPT, pid, 0, NULL);
	if (r < 0)
		return r;
	while (sys_wait(pid, &status, WNOHANG | __WALL) == 0) {
		if (sys_clock_ms() > until)
			return -ETIMEDOUT;
		sys_poll(NULL, 0, STEP_MS);
	}

	if (!WIFSTOPPED(status))
		return -ESRCH;
	/* The stop of PTRACE_INTERRUPT, or of a stopped process, has an event: ptrace(2). */
	*signal = status >> 16 ? 0 : WSTOPSIG(status);

	return 0;
}

static const char *describe(struct inspect *i, const struct sock_filter *filter, size_t count)
{
	return arena_printf(i->arena, "%zu instructions, %016llx", count,
			    (unsigned long long) seccomp_filter_hash(filter, count));
}

/* The text of the filter @n of the process, from 0 on: the oldest is first; NULL: there is none. */
static const char *read_filter(struct inspect *i, unsigned n, int *error)
{
	long count = trace(PTRACE_SECCOMP_GET_FILTER, i->pid, n, NULL);

	if (count <= 0 || count > BPF_MAXINSNS) {
		*error = count == -ENOENT || count >= 0 ? 0 : (int) count;
		return NULL;
	}

	struct sock_filter *filter = arena_array(i->arena, (size_t) count, sizeof(*filter));
	*error = (int) trace(PTRACE_SECCOMP_GET_FILTER, i->pid, n, filter);

	return *error < 0 ? NULL : describe(i, filter, (size_t) count);
}

void inspect_filters(struct inspect *i)
{
	const struct step *s = inspect_step(i, OP_SET_SECCOMP, 0);
	const char *asked = s ? describe(i, s->seccomp.filter, s->seccomp.count) : NULL;
	bool found = false;
	unsigned n = 0;

	/* ptrace(2): EINVAL for a process without a filter. */
	if (!asked && strcmp(inspect_status(i, "Seccomp:"), "0") == 0)
		return;

	int signal = 0, r = stop(i->pid, &signal);

	for (const char *text; r == 0 && n < MOST_FILTERS && (text = read_filter(i, n, &r)); n++) {
		char name[32];

		fmt_text(name, sizeof(name), "seccomp filter %u", n);
		inspect_fact(i, SECTION, name, "%s", text);
		found |= asked && strcmp(text, asked) == 0;
	}
	trace(PTRACE_DETACH, i->pid, 0, (void *) (intptr_t) signal);
	if (r < 0)
		inspect_fact(i, SECTION, "seccomp filter", "not read: %s", errno_text(-r));
	else if (asked)
		inspect_judge(i, SECTION, "seccomp filter",
			      found ? asked : "not that of config.json", asked, found);
}
