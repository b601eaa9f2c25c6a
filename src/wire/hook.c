/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wire/hook.c - run one hook, on either side
 *
 * The hook reads the state from a memory file, not a pipe: a hook that does not read its stdin
 * causes neither SIGPIPE nor a wait. The output is read from a pipe, and its last bytes are kept
 * for the error. Children that a hook leaves behind with that pipe open are not waited for.
 */
#include "wire/hook.h"

#include "base/fmt.h"
#include "base/table.h"
#include "kernel/fd.h"
#include "kernel/memory.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "kernel/time.h"

#include <errno.h>
#include <signal.h>

#define EXEC_FAILED "exec"

/* The end of a hook's output, for the error. */
struct tail {
	char text[400];
	size_t length;
};

static void tail_add(struct tail *t, const char *text, size_t length)
{
	if (length > sizeof(t->text)) {
		text += length - sizeof(t->text);
		length = sizeof(t->text);
	}

	size_t keep = sizeof(t->text) - length < t->length ? sizeof(t->text) - length : t->length;

	memmove(t->text, t->text + t->length - keep, keep);
	memcpy(t->text + keep, text, length);
	t->length = keep + length;
}

/* Read the bytes that are in the pipe; 0 at its end. */
static ssize_t tail_read(struct tail *t, int pipe)
{
	char block[512];
	ssize_t n = sys_read(pipe, block, sizeof(block));

	if (n > 0)
		tail_add(t, block, (size_t) n);

	return n;
}

/* Append the output to @e as one line: line ends become "; ". */
static void tail_append_to(const struct tail *t, struct err *e)
{
	char line[sizeof(t->text) * 2];
	size_t length = 0, end = t->length;

	while (end > 0 && (t->text[end - 1] == '\n' || t->text[end - 1] == ' '))
		end--;
	for (size_t i = 0; i < end; i++) {
		if (t->text[i] == '\n')
			line[length++] = ';';
		line[length++] = (unsigned char) t->text[i] < ' ' ? ' ' : t->text[i];
	}
	if (length > 0) {
		size_t at = strlen(e->text);

		fmt_text(e->text + at, sizeof(e->text) - at, ": %.*s", (int) length, line);
	}
}

static int write_state(const struct hook_call *hook, struct err *e)
{
	int file = sys_memfd_create("state");
	if (file < 0)
		return err_sys(e, file, "make a file for the state");

	for (size_t i = 0; i < sizeof(hook->state) / sizeof(hook->state[0]) && hook->state[i];
	     i++) {
		int r = sys_write_all(file, hook->state[i], strlen(hook->state[i]));

		if (r < 0) {
			sys_close(file);
			return err_sys(e, r, "write the state");
		}
	}
	sys_seek(file, 0, SEEK_SET);

	return file;
}

struct child {
	const struct hook_call *hook;
	int state, output;
};

/* In the hook's process. An error goes to stderr, which is the pipe. */
static int become_hook(void *arg)
{
	const struct child *c = arg;
	const struct hook_files *files = c->hook->files;
	const char *failed = EXEC_FAILED;

	sys_setpgid(0, 0);

	int r = c->hook->begin ? c->hook->begin(c->hook->argument) : 0;

	sys_reset_signals();
	sys_cloexec_from(3);
	sys_dup_keep(c->state, 0);
	sys_dup_keep(files && files->out >= 0 ? files->out : c->output, 1);
	sys_dup_keep(files && files->err >= 0 ? files->err : c->output, 2);

	if (r < 0)
		failed = "write the journal";
	else if (c->hook->directory && (r = sys_chdir(c->hook->directory)) < 0)
		failed = "chdir to its working directory";
	else if (c->hook->filter &&
		 (r = sys_seccomp_filter(c->hook->filter, c->hook->filter_flags)) < 0)
		failed = "load the seccomp filter";
	else
		r = sys_exec(c->hook->path, c->hook->argv, c->hook->envp);

	const char *cause = errno_text(-r);

	sys_write_all(2, failed, strlen(failed));
	sys_write_all(2, ": ", 2);
	sys_write_all(2, cause, strlen(cause));

	return 127;
}

/*
 * Collect the output until the process ends. 0; -ETIMEDOUT once @deadline (ms, 0: none) has passed;
 * -ECANCELED when @interrupt can be read.
 */
static int wait_until(pid_t pid, int output, int interrupt, int64_t deadline, struct tail *t)
{
	struct pollfd fds[] = {
		{ .fd = -1, .events = POLLIN },
		{ .fd = output, .events = POLLIN },
		{ .fd = interrupt, .events = POLLIN },
	};

	for (;;) {
		int64_t left = deadline > 0 ? deadline - sys_clock_ms() : -1;

		if (deadline > 0 && left <= 0)
			return -ETIMEDOUT;

		int r = sys_child_poll(pid, fds, ARRAY_SIZE(fds), (int) left);
		if (r < 0 && r != -EINTR)
			return r;
		if (r > 0 && fds[1].revents != 0 && tail_read(t, output) <= 0)
			fds[1].fd = -1;
		if (r > 0 && fds[0].revents != 0)
			return 0;
		if (r > 0 && fds[2].revents != 0)
			return -ECANCELED;
	}
}

/* Read the rest of the pipe, without waiting for children that hold it open. */
static void drain(int output, struct tail *t)
{
	struct pollfd p = { .fd = output, .events = POLLIN };

	while (sys_poll(&p, 1, 0) > 0 && tail_read(t, output) > 0)
		;
}

/* The errno of the exec in become_hook(), from its message; 0: the hook was executed. */
static int exec_error(const struct tail *t)
{
	static const int codes[] = { ENOENT, EACCES, ENOEXEC, EPERM, ELOOP, ELIBBAD };
	char text[64];

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		size_t length =
			fmt_text(text, sizeof(text), EXEC_FAILED ": %s", errno_text(codes[i]));

		if (length == t->length && memcmp(text, t->text, length) == 0)
			return codes[i];
	}

	return 0;
}

static int refuse_end(const struct hook_call *hook, int status, const struct tail *t, struct err *e)
{
	if (status == 0)
		return 0;
	if ((status & 0x7f) == SIGSYS)
		(void) err_msg(
			e, "%s hook \"%s\" was killed by signal %d, bad system call: by a filter",
			hook->stage, hook->path, SIGSYS);
	else if ((status & 0x7f) != 0)
		(void) err_msg(e, "%s hook \"%s\" was killed by signal %d", hook->stage, hook->path,
			       status & 0x7f);
	else
		(void) err_msg(e, "%s hook \"%s\" exited with %d", hook->stage, hook->path,
			       status >> 8 & 0xff);
	e->code = exec_error(t);
	tail_append_to(t, e);

	return -1;
}

#define END_TIMEOUT_MS 2000

/* The hook was killed, but is in a system call that SIGKILL does not interrupt. */
static int does_not_end(const struct hook_call *hook, pid_t pid, struct err *e)
{
	char where[PROC_WHERE];

	proc_describe(pid, where);

	return err_msg(e, "%s hook \"%s\" was killed and does not end: process %d is %s",
		       hook->stage, hook->path, pid, where);
}

static int watch(const struct hook_call *hook, pid_t pid, int output, struct err *e)
{
	struct tail t = { .length = 0 };
	int64_t deadline = hook->timeout > 0 ? sys_clock_ms() + (int64_t) hook->timeout * 1000 : 0;
	int status = 0, r = wait_until(pid, output, hook->interrupt, deadline, &t);

	if (r < 0)
		sys_kill(-pid, SIGKILL);
	if (sys_wait_within(pid, &status, END_TIMEOUT_MS) < 0)
		return does_not_end(hook, pid, e);
	drain(output, &t);
	if (r == -ETIMEDOUT) {
		(void) err_msg(e, "%s hook \"%s\" timed out after %u s", hook->stage, hook->path,
			       hook->timeout);
		tail_append_to(&t, e);
		return -1;
	}
	if (r == -ECANCELED)
		return err_msg(e, "interrupted by a signal, in %s hook \"%s\"", hook->stage,
			       hook->path);
	if (r < 0)
		return err_sys(e, r, "wait for %s hook \"%s\"", hook->stage, hook->path);

	return refuse_end(hook, status, &t, e);
}

static int run(const struct hook_call *hook, struct err *e)
{
	struct sys_clone clone = { .cgroup = -1 };
	int ends[2], r = sys_pipe(ends);

	if (r < 0)
		return err_sys(e, r, "make a pipe");

	autoclose int output = ends[0];
	autoclose int input = ends[1];
	autoclose int state = write_state(hook, e);
	if (state < 0)
		return err_in(e, "%s hook \"%s\"", hook->stage, hook->path);

	struct child child = { .hook = hook, .state = state, .output = input };
	pid_t pid = sys_clone_call(&clone, NULL, become_hook, &child);
	if (pid < 0)
		return err_sys(e, pid, "start %s hook \"%s\"", hook->stage, hook->path);

	/* The child does the same: whichever is first, the group exists before kill(2) of it. */
	sys_setpgid(pid, pid);
	fd_close(&input);
	input = -1;

	return watch(hook, pid, output, e);
}

/* The text begins as runc's, with the index: users with several hooks search for it. */
int hook_run(const struct hook_call *hook, struct err *e)
{
	return run(hook, e) < 0 ? err_in(e, "error running %s hook #%u", hook->stage, hook->index)
				: 0;
}
