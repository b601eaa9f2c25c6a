/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/restore.c - `restore ID`: a container as it was saved by checkpoint
 *
 * It goes on as with `run`: in the foreground its exit code is ours.
 */
#include "cli/criu.h"

#include "base/table.h"

#define FIELD(name) offsetof(struct options, name)

static const struct flag rows[] = {
	{ "bundle", 'b', false, FLAG_TEXT, FIELD(bundle), "DIR",
	  "the directory with config.json (the working directory)" },
	{ "config", 'f', false, FLAG_TEXT, FIELD(config), "FILE",
	  "read this instead of config.json" },
	{ "detach", 'd', false, FLAG_BOOL, FIELD(detach), NULL,
	  "return as soon as the container runs" },
	{ "console-socket", 0, false, FLAG_TEXT, FIELD(console_socket), "PATH",
	  "a listening unix socket that gets the terminal's master" },
	{ "pidfd-socket", 0, false, FLAG_TEXT, FIELD(pidfd_socket), "PATH",
	  "a listening unix socket that gets a pidfd of the container" },
	{ "pid-file", 0, false, FLAG_TEXT, FIELD(pid_file), "FILE",
	  "write the container's pid here" },
	{ "keep", 0, false, FLAG_BOOL, FIELD(keep), NULL,
	  "do not delete the container when the program has ended" },
	{ "tcp-close", 0, false, FLAG_BOOL, FIELD(criu.tcp_close), NULL,
	  "TCP connections that were saved are closed" },
	{ "lsm-profile", 0, false, FLAG_TEXT, FIELD(criu.lsm_profile), "TYPE:NAME",
	  "another AppArmor profile or SELinux label: apparmor:NAME, selinux:LABEL" },
	{ "lsm-mount-context", 0, false, FLAG_TEXT, FIELD(criu.lsm_mount_context), "CONTEXT",
	  "another SELinux context of its mounts" },
	{ "no-pivot", 0, false, FLAG_BOOL, FIELD(ignored), NULL,
	  "accepted for other runtimes' sake: CRIU changes the root" },
	{ "no-subreaper", 0, false, FLAG_BOOL, FIELD(ignored), NULL,
	  "accepted for other runtimes' sake: no effect" },
};

static const struct flag_table flags = { rows, ARRAY_SIZE(rows) };

static int perform(struct call *call, struct err *e)
{
	struct create_options o = create_options_of(call);
	struct criu_options restore;
	int exit_code;

	if (criu_options_of(call, &restore, e) < 0)
		return -1;
	o.run = true;
	o.restore = &restore;
	if (container_run(&o, &exit_code, call->arena, e) < 0)
		return -1;

	return exit_code;
}

const struct verb verb_restore = {
	.name = "restore",
	.arguments = "ID",
	.summary = "make a container go on that checkpoint has saved",
	.tables = { &criu_flags, &flags },
	.least = 1,
	.most = 1,
	.takes_id = true,
	.perform = perform,
};
