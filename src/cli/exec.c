/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/exec.c - `exec ID COMMAND...`: a further process in a running container
 *
 * Both crun's and runc's flags. A failure is exit code 255, which no program's own end is likely to
 * be.
 */
#include "cli/verb.h"

#include "base/table.h"
#include "host/exec.h"

#include <limits.h>

static const struct flag rows[] = {
	{ "process", 'p', false, FLAG_TEXT, offsetof(struct options, process), "FILE",
	  "the process as JSON; then no command is needed" },
	{ "detach", 'd', false, FLAG_BOOL, offsetof(struct options, detach), NULL,
	  "return as soon as the program runs" },
	{ "tty", 't', false, FLAG_BOOL, offsetof(struct options, tty), NULL, "give it a terminal" },
	{ "user", 'u', false, FLAG_TEXT, offsetof(struct options, user), "UID[:GID]",
	  "run as these ids (those of config.json)" },
	{ "additional-gids", 'g', false, FLAG_LIST, offsetof(struct options, additional_gids),
	  "GID", "a further group; may be repeated" },
	{ "cwd", 0, false, FLAG_TEXT, offsetof(struct options, cwd), "DIR",
	  "the working directory (that of config.json)" },
	{ "env", 'e', false, FLAG_LIST, offsetof(struct options, env), "NAME=VALUE",
	  "a further variable; may be repeated" },
	{ "cap", 'c', false, FLAG_LIST, offsetof(struct options, caps), "CAP",
	  "a further capability; may be repeated" },
	{ "no-new-privs", 0, false, FLAG_BOOL, offsetof(struct options, no_new_privs), NULL,
	  "no new privileges by an exec" },
	{ "process-label", 0, false, FLAG_TEXT, offsetof(struct options, process_label), "LABEL",
	  "the SELinux label" },
	{ "apparmor", 0, false, FLAG_TEXT, offsetof(struct options, apparmor), "PROFILE",
	  "the AppArmor profile" },
	{ "console-socket", 0, false, FLAG_TEXT, offsetof(struct options, console_socket), "PATH",
	  "a listening unix socket that gets the terminal's master" },
	{ "pidfd-socket", 0, false, FLAG_TEXT, offsetof(struct options, pidfd_socket), "PATH",
	  "a listening unix socket that gets a pidfd of the process" },
	{ "pid-file", 0, false, FLAG_TEXT, offsetof(struct options, pid_file), "FILE",
	  "write the process's pid here" },
	{ "preserve-fds", 0, false, FLAG_NUMBER, offsetof(struct options, flags.preserve_fds), "N",
	  "pass N more descriptors, from 3 on (0)" },
	{ "cgroup", 0, false, FLAG_LIST, offsetof(struct options, cgroups), "[CTRL[,CTRL]:]PATH",
	  "a cgroup below the container's own; with v1 controllers may be repeated" },
	{ "ignore-paused", 0, false, FLAG_BOOL, offsetof(struct options, ignore_paused), NULL,
	  "also in a paused container" },
	{ "no-subreaper", 0, true, FLAG_BOOL, offsetof(struct options, ignored), NULL, "" },
};

static const struct flag_table flags = { rows, ARRAY_SIZE(rows) };

static int perform(struct call *call, struct err *e)
{
	const struct options *o = &call->options;
	const struct exec_options exec = {
		.root = call->root,
		.id = call->id,
		.process = o->process,
		.args = call->args.items + 1,
		.user = o->user,
		.additional_gids = o->additional_gids.items,
		.env = o->env.items,
		.caps = o->caps.items,
		.cwd = o->cwd,
		.process_label = o->process_label,
		.apparmor = o->apparmor,
		.cgroups = o->cgroups.items,
		.console_socket = o->console_socket,
		.pid_file = o->pid_file,
		.pidfd_socket = o->pidfd_socket,
		.tty = o->tty,
		.no_new_privs = o->no_new_privs,
		.detach = o->detach,
		.ignore_paused = o->ignore_paused,
		.flags = o->flags,
		.own_env = call->env,
		.watch = watch_wishes_of(call),
	};
	int exit_code;

	if (container_exec(&exec, &exit_code, call->arena, e) < 0)
		return err_in(e, "exec failed");

	return exit_code;
}

const struct verb verb_exec = {
	.name = "exec",
	.arguments = "ID COMMAND [ARGUMENT...]",
	.summary = "execute a further process in a running container",
	.tables = { &flags, &watch_flags },
	.least = 1,
	.most = UINT_MAX,
	.takes_id = true,
	.stops = true,
	.fails_with = 255,
	.perform = perform,
};
