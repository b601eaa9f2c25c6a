/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/explain.c - why a program could not be executed
 *
 * Runs in tare, while the tare-init that failed still waits, so that its mounts exist. A child of
 * tare examines the file. A process of the container may serve the filesystem (FUSE) and never
 * answer: a child that waits for that can be killed.
 */
#include "host/explain.h"

#include "base/fmt.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "kernel/socket.h"
#include "program/program.h"
#include "wire/hook.h"
#include "wire/wire.h"

#include <linux/limits.h>

#define EXPLAIN_MS 1000
#define END_MS	   1000

/* The target of the link /proc/PID/@name. False where it can't be read. */
static bool read_link(pid_t pid, const char *name, char target[PATH_MAX])
{
	char path[64];

	fmt_text(path, sizeof(path), "/proc/%d/%s", pid, name);

	ssize_t n = sys_read_link_at(AT_FDCWD, path, target, PATH_MAX - 1);
	target[n > 0 ? n : 0] = '\0';

	return n > 0;
}

/*
 * The working directory of @pid below its own root: without a mount namespace /proc shows the
 * host's path.
 */
static void read_cwd(pid_t pid, char cwd[PATH_MAX])
{
	char root[PATH_MAX];
	size_t length;

	if (!read_link(pid, "cwd", cwd) || !read_link(pid, "root", root)) {
		fmt_text(cwd, PATH_MAX, "/");
		return;
	}
	length = strcmp(root, "/") == 0 ? 0 : strlen(root);
	if (strncmp(cwd, root, length) == 0)
		memmove(cwd, cwd + length, strlen(cwd + length) + 1);
}

struct question {
	pid_t pid; /* the program is looked up in the root of this process */
	const char *program;
	int code;   /* errno of execve(2) */
	int answer; /* write end of a pipe */
};

static int look(void *arg)
{
	const struct question *q = arg;
	char cwd[PATH_MAX], text[ERR_HINT];

	read_cwd(q->pid, cwd);

	autoclose int root = proc_open(q->pid, "root", O_PATH | O_DIRECTORY);
	if (root < 0)
		return 1;

	const struct program_case c = {
		.root = root,
		.cwd = cwd,
		.path = q->program,
		.code = q->code,
	};
	if (!program_explain(&c, text, sizeof(text)))
		return 1;

	return sys_write_all(q->answer, text, strlen(text)) < 0;
}

/* The child's answer; "" for none, or none in time. */
static void receive_hint(int answer, char text[ERR_HINT])
{
	struct pollfd input = { .fd = answer, .events = POLLIN };
	ssize_t n = sys_poll(&input, 1, EXPLAIN_MS) > 0 ? sys_read(answer, text, ERR_HINT - 1) : 0;

	text[n > 0 ? n : 0] = '\0';
}

/* Add the reason to @e, which has the errno; without an answer @e stays. */
static void ask(pid_t pid, const char *program, struct err *e)
{
	char text[ERR_HINT];
	const struct sys_clone clone = { .cgroup = -1 };
	int ends[2], status;

	if (e->hint[0] != '\0' || sys_pipe(ends) < 0)
		return;

	struct question q = { pid, program, e->code, ends[1] };
	pid_t child = sys_clone_call(&clone, NULL, look, &q);

	sys_close(ends[1]);
	if (child > 0) {
		receive_hint(ends[0], text);
		if (text[0] != '\0')
			err_hint(e, "%s", text);
		sys_kill(child, SIGKILL);
		sys_wait_within(child, &status, END_MS);
	}
	sys_close(ends[0]);
}

void exec_explain(pid_t pid, int socket, const struct wire_message *m, struct err *e)
{
	if (m->program[0] == '\0')
		return;
	ask(pid, m->program, e);
	(void) wire_send(socket, WIRE_GO, m->step, -1);
}

int hook_run_explained(const struct hook_call *hook, struct err *e)
{
	if (hook_run(hook, e) == 0)
		return 0;
	if (e->code != 0)
		ask(sys_pid(), hook->path, e);

	return -1;
}
