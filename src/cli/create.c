/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/create.c - `create ID`: a container that waits for start
 *
 * Its flags are those of run and plan too.
 */
#include "cli/verb.h"

#include "base/table.h"

static const struct flag common_rows[] = {
	{ "bundle", 'b', false, FLAG_TEXT, offsetof(struct options, bundle), "DIR",
	  "the directory with config.json (the working directory)" },
	{ "config", 'f', false, FLAG_TEXT, offsetof(struct options, config), "FILE",
	  "read this instead of config.json" },
	{ "console-socket", 0, false, FLAG_TEXT, offsetof(struct options, console_socket), "PATH",
	  "a listening unix socket that gets the terminal's master" },
	{ "pidfd-socket", 0, false, FLAG_TEXT, offsetof(struct options, pidfd_socket), "PATH",
	  "a listening unix socket that gets a pidfd of the container" },
	{ "pid-file", 0, false, FLAG_TEXT, offsetof(struct options, pid_file), "FILE",
	  "write the container's pid here" },
	{ "no-pivot", 0, false, FLAG_BOOL, offsetof(struct options, flags.no_pivot), NULL,
	  "use chroot(2) instead of pivot_root(2); weaker, for a rootfs on a ramdisk" },
	{ "no-new-keyring", 0, false, FLAG_BOOL, offsetof(struct options, flags.no_new_keyring),
	  NULL, "keep the session keyring of the caller" },
	{ "preserve-fds", 0, false, FLAG_NUMBER, offsetof(struct options, flags.preserve_fds), "N",
	  "pass N more descriptors, from 3 on (0)" },
	{ "no-subreaper", 0, false, FLAG_BOOL, offsetof(struct options, ignored), NULL,
	  "accepted for other runtimes' sake: no effect" },
};

const struct flag_table create_flags = { common_rows, ARRAY_SIZE(common_rows) };

static const struct flag watch_rows[] = {
	{ "record", 0, false, FLAG_TEXT, offsetof(struct options, record), "FILE",
	  "record all system calls; the profile is not in force" },
	{ "record-with-profile", 0, false, FLAG_BOOL, offsetof(struct options, record_with_profile),
	  NULL, "record with the profile in force, and what it refuses" },
	{ "refused", 0, false, FLAG_MAYBE, offsetof(struct options, refused), "FILE",
	  "report the calls that the profile refuses, in FILE as a record" },
};

const struct flag_table watch_flags = { watch_rows, ARRAY_SIZE(watch_rows) };

struct watch_wishes watch_wishes_of(const struct call *call)
{
	return (struct watch_wishes) {
		.record = call->options.record,
		.with_profile = call->options.record_with_profile,
		.refused = call->options.refused,
	};
}

/* go-runc passes the same flags to create and to run. */
static const struct flag rows[] = {
	{ "detach", 'd', false, FLAG_BOOL, offsetof(struct options, ignored), NULL,
	  "accepted for other programs' sake: create always detaches" },
};

static const struct flag_table flags = { rows, ARRAY_SIZE(rows) };

struct create_options create_options_of(const struct call *call)
{
	const struct options *o = &call->options;
	struct plan_flags flags = o->flags;

	/* Both flags choose a manager; `disabled` overrides the other. */
	flags.no_cgroup = o->cgroup_manager == CGROUP_MANAGER_DISABLED;
	flags.systemd_cgroup |= o->cgroup_manager == CGROUP_MANAGER_SYSTEMD;
	flags.systemd_cgroup &= !flags.no_cgroup;

	return (struct create_options) {
		.root = call->root,
		.id = call->id,
		.bundle = o->bundle ? o->bundle : ".",
		.config = o->config,
		.console_socket = o->console_socket,
		.pid_file = o->pid_file,
		.pidfd_socket = o->pidfd_socket,
		.flags = flags,
		.own_env = call->env,
		.detach = o->detach,
		.keep = o->keep,
	};
}

static int perform(struct call *call, struct err *e)
{
	struct create_options o = create_options_of(call);

	o.watch = watch_wishes_of(call);

	return container_create(&o, call->arena, e);
}

const struct verb verb_create = {
	.name = "create",
	.arguments = "ID",
	.summary = "make a container that waits for start",
	.tables = { &create_flags, &watch_flags, &flags },
	.least = 1,
	.most = 1,
	.takes_id = true,
	.perform = perform,
};
