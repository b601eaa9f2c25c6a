/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/watchdog.c - wait for tare-init, with a limit
 *
 * tare-init may sleep without end: in a mount of a server that is gone, in a file system whose
 * daemon hangs, or stopped by a signal. There is no limit while tare-init makes progress: goes from
 * step to step, or uses the processor. Hooks have their own timeouts, or none; a seccomp agent has
 * none.
 *
 * A sleep for the kernel itself is different: for a lock (rtnl, on a node that makes and drops many
 * network namespaces), or for a disk. Such a sleep ends by itself, and no signal ends it sooner. A
 * new attempt would sleep again, and add to the load. So tare waits, and logs the reason.
 */
#include "host/watchdog.h"

#include "base/fmt.h"
#include "base/table.h"
#include "heap/log.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "plan/plan.h"
#include "wire/wire.h"

#include <string.h>

/* Two looks make 8 s: no command hangs for 10 s. */
#define LOOK_MS 4000

/* A sleep in the kernel for KERNEL_LOOKS is taken for a bug of the kernel. */
#define KERNEL_LOOKS 150

/* The progress of tare-init, as one look shows it. */
struct progress {
	uint64_t cpu_time;
	bool in_kernel;		/* sleeps for a lock or a disk */
	char title[WIRE_TITLE]; /* "": can't be read, or tare-init is not executed yet */
};

/* The third argument of tare-init is its current step. */
static void read_title(pid_t pid, char title[WIRE_TITLE])
{
	char text[WIRE_TITLE + 32];
	ssize_t n = proc_read(pid, "cmdline", text, sizeof(text));

	title[0] = '\0';
	if (n < 0)
		return;

	const char *second = text + strlen(text) + 1;
	if (strcmp(text, WIRE_NAME) != 0 || second >= text + n)
		return;

	const char *third = second + strlen(second) + 1;
	if (third < text + n)
		fmt_text(title, WIRE_TITLE, "%s", third);
}

/*
 * State D has two reasons, told apart by the name of the kernel's function (/proc/PID/wchan): a
 * lock or a disk; or TASK_KILLABLE, a wait for another process or machine that SIGKILL ends. The
 * latter is that of file systems with a server.
 */
static bool is_of_kernel(pid_t pid, char state)
{
	static const char *const servers[] = {
		"fuse",
		"request_wait",
		"rpc_",
		"nfs",
		"smb",
		"cifs",
		"wait_for_response",
		"p9_",
		"ceph_",
		"afs_",
		"rxrpc",
		"autofs",
		"handle_userfault",
	};
	char name[PROC_WHERE];

	if (state != 'D')
		return false;
	proc_wait_channel(pid, name);
	for (size_t i = 0; i < ARRAY_SIZE(servers); i++)
		if (strstr(name, servers[i]))
			return false;

	return true;
}

/* False where tare-init makes progress, as far as that can be seen. */
static bool look(pid_t pid, struct progress *progress)
{
	struct proc_stat stat;

	if (proc_stat_read(pid, &stat) < 0 || stat.state == 'R' || stat.state == 'Z')
		return false;
	progress->cpu_time = stat.cpu_time;
	progress->in_kernel = is_of_kernel(pid, stat.state);
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

static int no_progress(pid_t pid, const struct progress *progress, int looks, struct err *e)
{
	enum step_op op = operation(progress->title);
	const char *place = strchr(progress->title, ' ');
	char where[PROC_WHERE];

	proc_describe(pid, where);
	(void) err_msg(
		e, "%s does not come to its end: for %d s the container's first process is %s",
		op == OP_COUNT ? "its start" : step_kinds[op].name, looks * LOOK_MS / 1000, where);

	/* A text that fills its room may have been cut, so it is no valid place. */
	return place && strlen(progress->title) < WIRE_TITLE - 1 ? err_at(e, place + 1) : -1;
}

/* Warn with the text of the error that this would be, and that tare goes on waiting. */
static void warn_waiting(pid_t pid, const struct progress *progress, int looks)
{
	char line[ERR_TEXT + ERR_PLACE];
	struct err e = { .code = 0 };

	(void) no_progress(pid, progress, looks, &e);
	err_line(&e, line, sizeof(line));
	log_notice("%s: still waiting", line);
}

static bool has_no_limit(const struct progress *progress, bool has_agent)
{
	enum step_op op = operation(progress->title);

	return op == OP_RUN_HOOK || (has_agent && (op == OP_SET_SECCOMP || op == OP_EXEC));
}

/* After @looks without progress: -1, or 0 where tare goes on waiting. */
static int check_looks(pid_t pid, const struct progress *progress, int looks, struct err *e)
{
	if (looks < 2)
		return 0;
	if (!progress->in_kernel || looks >= KERNEL_LOOKS)
		return no_progress(pid, progress, looks, e);
	/* After 8 s, 16 s, 32 s ... */
	if ((looks & (looks - 1)) == 0)
		warn_waiting(pid, progress, looks);

	return 0;
}

int watchdog_poll(pid_t pid, bool has_agent, struct pollfd *fds, unsigned count, struct err *e)
{
	struct progress before, now;
	int looks = 0; /* looks in a row without progress */

	for (;;) {
		int r = sys_poll(fds, count, LOOK_MS);

		if (r > 0)
			return 0;
		if (r < 0 && r != -EINTR)
			return err_sys(e, r, "wait for tare-init");
		if (r < 0)
			continue;
		memset(&now, 0, sizeof(now));

		bool asleep = look(pid, &now) && !has_no_limit(&now, has_agent);
		bool same = looks > 0 && memcmp(&before, &now, sizeof(now)) == 0;

		looks = !asleep ? 0 : same ? looks + 1 : 1;
		if (check_looks(pid, &now, looks, e) < 0)
			return -1;
		before = now;
	}
}

/* A child that runs, or sleeps in the kernel for a lock or a disk, is only slow. */
static bool child_gets_on(pid_t pid)
{
	struct proc_stat stat;

	return proc_stat_read(pid, &stat) == 0 &&
	       (stat.state == 'R' || is_of_kernel(pid, stat.state));
}

pid_t child_wait_status(pid_t pid, int *status)
{
	pid_t ended = -ETIMEDOUT;

	for (int i = 0; i < KERNEL_LOOKS / 2 && ended == -ETIMEDOUT; i++) {
		ended = sys_wait_within(pid, status, CHILD_TIMEOUT_MS);
		if (ended == -ETIMEDOUT && !child_gets_on(pid))
			break;
	}

	return ended;
}

int child_wait(pid_t pid, const char *name, int *status, struct err *e)
{
	pid_t ended = child_wait_status(pid, status);

	if (ended >= 0)
		return 0;
	sys_kill(pid, SIGKILL);

	return err_sys(e, ended, "wait for %s", name);
}
