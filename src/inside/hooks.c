/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/hooks.c - the hooks that run in the container's namespaces
 *
 * createContainer: before pivot_root(2), so its path is the host's; startContainer: after it, so
 * its path is the container's.
 */
#include "inside/inside.h"

#include "base/fmt.h"
#include "kernel/process.h"
#include "wire/hook.h"

int hooks_run(struct inside *in, const struct step *s, struct err *e)
{
	const struct hook_step *h = &s->hook;
	char status_and_pid[64];

	/* runtime-spec, runtime.md#state: the pid as seen in the container. */
	fmt_text(status_and_pid, sizeof(status_and_pid), "%s\",\"pid\":%d", h->status, sys_pid());

	const struct hook_call call = {
		.stage = h->stage,
		.path = h->path,
		.argv = h->argv,
		.envp = h->envp,
		.timeout = h->timeout,
		.directory = h->in_container ? "/" : in->plan->bundle,
		.state = { in->plan->state_head, status_and_pid, in->plan->state_tail },
		.files = &in->hook_files,
		.interrupt = -1,
	};

	/* Ours is 0. In the container, and so behind OP_SET_UMASK, it is the program's. */
	if (!h->in_container)
		sys_umask(in->plan->umask);

	int r = hook_run(&call, e);

	if (!h->in_container)
		sys_umask(0);

	return r;
}
