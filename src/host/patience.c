/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/patience.c - waiting for tare-init, but not for ever
 *
 * A mount of a server that is gone, a program on a file system whose daemon hangs, a process that somebody has stopped: there
 * tare-init may sleep without end. It has a long time for whatever takes long, as long as it gets on: goes from one step to the
 * next, or uses the processor. Its hooks have their own time-outs, and without one all the time they want; so has a
 * seccomp agent.
 */
#include "host/host.h"

#include "base/fd.h"
#include "base/fmt.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "wire/wire.h"

#include <string.h>

/* Looked at twice; together security.md's 10 s are not reached. */
#define LOOK_MS 4000

/* How far it has come. */
struct progress {
	uint64_t cpu_time;
	char title[WIRE_TITLE]; /* "": it can't be read, or it isn't executed yet */
};

/* Its third argument is the step it is at. */
static void read_title(pid_t pid, char title[WIRE_TITLE])
{
	char path[64], text[WIRE_TITLE + 32];

	title[0] = '\0';
	fmt_text(path, sizeof(path), "/proc/%d/cmdline", pid);

	autoclose int fd = sys_open(path, O_RDONLY);
	ssize_t n = fd < 0 ? fd : sys_read_all(fd, text, sizeof(text) - 1);
	if (n < 0)
		return;
	text[n] = '\0';

	const char *second = text + strlen(text) + 1;
	if (strcmp(text, WIRE_NAME) != 0 || second >= text + n)
		return;

	const char *third = second + strlen(second) + 1;
	if (third < text + n)
		fmt_text(title, WIRE_TITLE, "%s", third);
}

/* False: it gets on, for all that can be seen. */
static bool look(pid_t pid, struct progress *progress)
{
	struct proc_stat stat;

	if (proc_stat_read(pid, &stat) < 0 || stat.state == 'R' || stat.state == 'Z')
		return false;
	progress->cpu_time = stat.cpu_time;
	read_title(pid, progress->title);

	return true;
}

static enum step_op operation(const char *title)
{
	char digits[8] = "";
	unsigned long long op;

	memcpy(digits, title, strcspn(title, " ") < sizeof(digits) ? strcspn(title, " ") : 0);

	return fmt_parse_u64(digits, &op) == 0 && op < OP_COUNT ? (enum step_op) op : OP_COUNT;
}

static int stuck(pid_t pid, const struct progress *progress, struct err *e)
{
	enum step_op op = operation(progress->title);
	const char *place = strchr(progress->title, ' ');
	char where[PROC_WHERE];

	proc_describe(pid, where);
	(void) err_msg(
		e, "%s does not come to its end: for %d s the container's first process is %s",
		op == OP_COUNT ? "its start" : step_kinds[op].name, 2 * LOOK_MS / 1000, where);

	/* One that fills the room may have been cut. */
	return place && strlen(progress->title) < WIRE_TITLE - 1 ? err_at(e, place + 1) : -1;
}

static bool may_take_its_time(const struct progress *progress, bool has_agent)
{
	enum step_op op = operation(progress->title);

	return op == OP_RUN_HOOK || (has_agent && (op == OP_SET_SECCOMP || op == OP_EXEC));
}

int patience_poll(pid_t pid, bool has_agent, struct pollfd *fds, unsigned count, struct err *e)
{
	struct progress before, now;
	bool looked = false;

	for (;;) {
		int r = sys_poll(fds, count, LOOK_MS);

		if (r > 0)
			return 0;
		if (r < 0 && r != -EINTR)
			return err_sys(e, r, "wait for tare-init");
		if (r < 0)
			continue;
		memset(&now, 0, sizeof(now));

		bool asleep = look(pid, &now) && !may_take_its_time(&now, has_agent);
		if (asleep && looked && memcmp(&before, &now, sizeof(now)) == 0)
			return stuck(pid, &now, e);
		looked = asleep;
		before = now;
	}
}

int child_wait(pid_t pid, const char *name, int *status, struct err *e)
{
	pid_t ended = sys_wait_within(pid, status, CHILD_PATIENCE_MS);

	if (ended >= 0)
		return 0;
	sys_kill(pid, SIGKILL);

	return err_sys(e, ended, "wait for %s", name);
}
