/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/criu/usable.c - can checkpoints be made on this machine?
 *
 * podman asks before it begins (`checkpoint --help`). An installed CRIU is not enough: a CRIU that
 * is older than the kernel, or a kernel without the features that CRIU needs, makes every dump
 * fail. CRIU's own command `check` finds that out.
 */
#include "host/criu/checkpoint.h"

#include "host/program.h"
#include "host/watchdog.h"
#include "kernel/fd.h"
#include "kernel/memory.h"
#include "kernel/process.h"

/* CRIU 3.11 brought joined network namespaces, and the configuration file. */
#define LEAST_MAJOR 3
#define LEAST_MINOR 11

struct check {
	const char *path;
	const char *const *env;
	int output;
};

static int become_check(void *arg)
{
	const struct check *c = arg;
	const char *const argv[] = { "criu", "check", NULL };

	sys_reset_signals();
	sys_dup_keep(c->output, 1);
	sys_dup_keep(c->output, 2);
	(void) sys_exec(c->path, argv, c->env);

	return 127;
}

/* The reason is the last line with "Error", or else the first line. */
static void quote_output(int output, struct arena *a, struct err *e)
{
	char *text = arena_alloc(a, 8192), *error = NULL;

	sys_seek(output, 0, SEEK_SET);
	ssize_t n = sys_read_all(output, text, 8191);
	text[n < 0 ? 0 : n] = '\0';
	for (char *at = text; (at = strstr(at, "Error")); at++)
		error = at;
	error = error ? error : text;
	(void) err_msg(e, "criu does not work here: %.*s", (int) strcspn(error, "\n"), error);
	err_hint(e, "`criu check` says all of it; a newer criu knows newer kernels");
}

static int run_check(const char *const *env, struct arena *a, struct err *e)
{
	struct check c = { .path = find_program("criu", env, a), .env = env };
	int status = 0;

	autoclose int output = sys_memfd_create("criu");
	if (output < 0)
		return err_sys(e, output, "make a file for the output of criu");
	c.output = output;

	pid_t pid = sys_clone_call(&(struct sys_clone) { .cgroup = -1 }, NULL, become_check, &c);
	if (pid < 0)
		return err_sys(e, pid, "start \"%s\"", c.path);
	if (child_wait(pid, "criu", &status, e) < 0)
		return -1;
	if (status == 0)
		return 0;
	quote_output(output, a, e);

	return -1;
}

int container_check_criu(const char *const *env, struct arena *a, struct err *e)
{
	struct criu_result version;

	if (criu_check_root(e) < 0 || criu_version(env, &version, a, e) < 0)
		return -1;
	if (version.major < LEAST_MAJOR ||
	    (version.major == LEAST_MAJOR && version.minor < LEAST_MINOR))
		return err_msg(e, "criu is %u.%u, and has to be %d.%d at least", version.major,
			       version.minor, LEAST_MAJOR, LEAST_MINOR);

	return run_check(env, a, e);
}
