/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/process/notify.c - NOTIFY_SOCKET in the environment of create: sd_notify(3)
 *
 * Whoever started tare wants to hear when the program is ready. The program can't reach that socket, and if it could,
 * its word would come from a process the service manager does not know. So it gets one of its own, in a directory of the
 * state that it sees at /run/notify, and `start` (or `run`) passes the word on (host/notify.c). Place and words are
 * runc's, which programs in images know.
 */
#include "plan/planner.h"

#include "base/words.h"
#include "kernel/mount.h"

#include <sched.h>

#define NOTIFY_TARGET "/run/notify"

/* A socket that the program's word could be passed on to, and a place in the container where it can be said. */
bool plan_wants_notify(const struct planner *p)
{
	const char *socket = env_value(p->options->own_env, "NOTIFY_SOCKET");

	return socket && (socket[0] == '/' || socket[0] == '@') && p->new_namespaces & CLONE_NEWNS;
}

const char *plan_notify_variable(void)
{
	return "NOTIFY_SOCKET=" NOTIFY_TARGET "/notify.sock";
}

static const char *directory(struct planner *p)
{
	return arena_printf(p->arena, "%s/notify", p->options->state_dir);
}

int plan_notify(struct planner *p, struct err *e)
{
	const char *socket = env_value(p->options->own_env, "NOTIFY_SOCKET");

	(void) e;
	if (!socket || socket[0] == '\0')
		return 0;
	/* sd_notify(3): that nobody can be told is no failure of what there was to tell. */
	if (plan_wants_notify(p))
		plan_add(p, OP_MAKE_NOTIFY, "")->path = directory(p);
	else if (socket[0] != '/' && socket[0] != '@')
		plan_warn(p,
			  "NOTIFY_SOCKET \"%s\" is neither an absolute path nor abstract: left out",
			  socket);
	else
		plan_warn(p, "NOTIFY_SOCKET takes a new mount namespace: left out");

	return 0;
}

/* Behind the mounts of config.json, for one of them may be on /run. */
int plan_notify_mount(struct planner *p, struct err *e)
{
	(void) e;
	if (!plan_wants_notify(p))
		return 0;

	plan_add(p, OP_MOUNT, "")->mount = (struct mount_step) {
		.source = directory(p),
		.target = NOTIFY_TARGET,
		.bind = true,
		.attrs.set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
			     MOUNT_ATTR_NOEXEC,
		/* what is above it in the state is for the host's root alone */
		.source_from_host = plan_has_namespace(p, CLONE_NEWUSER) && p->facts->euid == 0,
	};

	return 0;
}
