/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/process/notify.c - NOTIFY_SOCKET in the environment of create: sd_notify(3)
 *
 * The service manager that started tare waits for a message that the program is ready. The program
 * can't reach the manager's socket, and the manager would ignore a message from a process that it
 * does not know. So the program gets a socket of its own, in a directory of the state that is
 * mounted at /run/notify, and `start` (or `run`) forwards the message (host/notify.c). The place
 * and the message are runc's, as programs in images know them.
 */
#include "plan/planner.h"

#include "base/words.h"
#include "kernel/mount.h"

#include <sched.h>

#define NOTIFY_TARGET "/run/notify"

/*
 * Is there a socket to forward the program's message to, and a place in the container for the
 * program's own socket?
 */
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
	/* sd_notify(3): an unusable NOTIFY_SOCKET is no error for the program. */
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

/* Behind the mounts of config.json, as one of them may cover /run. */
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
		/* only the host's root may search the state directory above it */
		.source_from_host = plan_has_namespace(p, CLONE_NEWUSER) && p->facts->euid == 0,
	};

	return 0;
}
