/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup/scope.c - a container's systemd scope: started, changed and stopped
 *
 * The lines go to tare-systemd by a memory file. Its output, or the dynamic linker's in its place,
 * comes back by a pipe, whose end is the program's end. tare-systemd is killed with tare: after
 * that tare's PIDs may belong to other processes.
 */
#include "cgroup/scope.h"

#include "base/fmt.h"
#include "base/table.h"
#include "kernel/fd.h"
#include "kernel/helper.h"
#include "kernel/memory.h"
#include "kernel/process.h"
#include "kernel/time.h"

#define TIMEOUT_MS 60000 /* more than the helper's own timeouts, for each answer and each job */
#define PATH_SIZE  4096

enum outcome {
	OUTCOME_DONE,
	OUTCOME_REFUSED, /* nothing is changed */
	OUTCOME_UNKNOWN,
};

struct helper {
	char path[PATH_SIZE];
	const char *verb;
	int input, output;
	char said[1024];
	size_t length;
	const char *property; /* part of @said; NULL: no property is at fault */
};

/* ---- where it is ---- */

static int find_helper(char path[PATH_SIZE], struct err *e)
{
	if (helper_find("tare-systemd", TARE_SYSTEMD, path, PATH_SIZE) == 0)
		return 0;
	(void) err_msg(e, "the program tare-systemd is not installed");

	return err_hint(e, "it belongs to \"%s\", and speaks to systemd for tare", TARE_SYSTEMD);
}

/* ---- its process ---- */

static int become_helper(void *arg)
{
	static const char failed[] = "tare-systemd can't be executed";
	const struct helper *h = arg;
	const char *const argv[] = { "tare-systemd", h->verb, NULL }, *const envp[] = { NULL };

	sys_reset_signals();
	sys_prctl(PR_SET_PDEATHSIG, SIGKILL, 0);
	sys_cloexec_from(3);
	sys_dup_keep(h->input, 0);
	sys_dup_keep(h->output, 1);
	sys_dup_keep(h->output, 2);
	(void) sys_exec(h->path, argv, envp);
	sys_write_all(2, failed, sizeof(failed) - 1);

	return 1;
}

/* Read what the helper prints, until it closes the pipe. 0; -ETIMEDOUT, -ECANCELED. */
static int listen_to(struct helper *h, int pipe, int interrupt)
{
	struct pollfd fds[] = {
		{ .fd = pipe, .events = POLLIN },
		{ .fd = interrupt, .events = POLLIN },
	};
	int64_t deadline = sys_clock_ms() + TIMEOUT_MS;

	for (;;) {
		int64_t left = deadline - sys_clock_ms();
		int r = left > 0 ? sys_poll(fds, ARRAY_SIZE(fds), (int) left) : 0;

		if (r == 0)
			return -ETIMEDOUT;
		if (r < 0 && r != -EINTR)
			return r;
		if (r > 0 && fds[1].revents != 0)
			return -ECANCELED;
		if (r <= 0)
			continue;

		char block[256];
		ssize_t n = sys_read(pipe, block, sizeof(block));
		if (n <= 0)
			return (int) n;

		size_t room = sizeof(h->said) - 1 - h->length;
		size_t kept = (size_t) n < room ? (size_t) n : room;
		memcpy(h->said + h->length, block, kept);
		h->length += kept;
	}
}

static int watch(struct helper *h, pid_t pid, int pipe, int interrupt, int *status, struct err *e)
{
	int r = listen_to(h, pipe, interrupt);

	if (r < 0)
		sys_kill(pid, SIGKILL);
	sys_wait(pid, status, 0);
	h->said[h->length] = '\0';
	if (r == -ECANCELED)
		return err_msg(e, "interrupted by a signal, while waiting for systemd");
	if (r == -ETIMEDOUT)
		return err_msg(e, "systemd did not answer within %d s", TIMEOUT_MS / 1000);

	return r < 0 ? err_sys(e, r, "wait for tare-systemd") : 0;
}

/* The helper's lines, three at most: the error, the remedy, and the property at fault. */
static void tell(struct helper *h, int status, struct err *e)
{
	char *rest = h->said;
	const char *why = strsep(&rest, "\n"), *hint = strsep(&rest, "\n");

	h->property = strsep(&rest, "\n");
	if (why[0])
		(void) err_msg(e, "%s", why);
	else
		(void) err_msg(e, "tare-systemd ended with status 0x%x", (unsigned) status);
	if (hint && hint[0])
		err_hint(e, "%s", hint);
}

static enum outcome run(struct helper *h, int interrupt, struct err *e)
{
	const struct sys_clone clone = { .cgroup = -1 };
	int ends[2], status = 0, r = sys_pipe(ends);

	if (r < 0) {
		(void) err_sys(e, r, "make a pipe");
		return OUTCOME_REFUSED;
	}

	autoclose int ours = ends[0];
	h->output = ends[1];
	pid_t pid = sys_clone_call(&clone, NULL, become_helper, h);
	sys_close(h->output);
	if (pid < 0) {
		(void) err_sys(e, pid, "start tare-systemd");
		return OUTCOME_REFUSED;
	}
	if (watch(h, pid, ours, interrupt, &status, e) < 0)
		return OUTCOME_UNKNOWN;
	if (status == 0)
		return OUTCOME_DONE;
	tell(h, status, e);

	return status == 1 << 8 ? OUTCOME_REFUSED : OUTCOME_UNKNOWN;
}

/* ---- the lines for it ---- */

static int put_line(int file, const char *key, const char *value)
{
	const char *const parts[] = { key, " ", value, "\n" };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(parts) && r == 0; i++)
		r = sys_write_all(file, parts[i], strlen(parts[i]));

	return r;
}

static int write_input(int file, const struct scope *scope, pid_t pid, const char *properties)
{
	char number[16];
	int r = put_line(file, "unit", scope->unit);

	fmt_text(number, sizeof(number), "%d", (int) pid);
	if (r == 0 && scope->bus)
		r = put_line(file, "bus", scope->bus);
	if (r == 0 && pid > 0)
		r = put_line(file, "pid", number);
	if (r == 0)
		r = sys_write_all(file, properties, strlen(properties));
	sys_seek(file, 0, SEEK_SET);

	return r;
}

static enum outcome call(struct helper *h, const struct scope *scope, pid_t pid,
			 const char *properties, int interrupt, struct err *e)
{
	if (find_helper(h->path, e) < 0)
		return OUTCOME_REFUSED;

	autoclose int input = sys_memfd_create("tare-systemd");
	int r = input < 0 ? input : write_input(input, scope, pid, properties);
	if (r < 0) {
		(void) err_sys(e, r, "make a file for tare-systemd");
		return OUTCOME_REFUSED;
	}
	h->input = input;

	return run(h, interrupt, e);
}

int scope_start(const struct scope *scope, const char *properties, pid_t pid, int interrupt,
		struct scope_refusal *refusal, struct err *e)
{
	struct helper h = { .verb = "start" };
	enum outcome outcome = call(&h, scope, pid, properties, interrupt, e);

	refusal->surely = outcome == OUTCOME_REFUSED;
	fmt_text(refusal->property, sizeof(refusal->property), "%s", h.property ? h.property : "");

	return outcome == OUTCOME_DONE ? 0 : -1;
}

int scope_set(const struct scope *scope, const char *properties, struct err *e)
{
	struct helper h = { .verb = "set" };

	return call(&h, scope, 0, properties, -1, e) == OUTCOME_DONE ? 0 : -1;
}

int scope_stop(const struct scope *scope, struct err *e)
{
	struct helper h = { .verb = "stop" };

	return call(&h, scope, 0, "", -1, e) == OUTCOME_DONE ? 0 : -1;
}
