/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/hooks.c - hooks in the container's namespaces
 *
 * createContainer: before pivot_root(2), so its path is the host's; startContainer: after it, so
 * its path is the container's.
 */
#include "inside/inside.h"

#include "base/fmt.h"
#include "kernel/process.h"
#include "wire/hook.h"

/* The filter of the container's program; NULL: none. */
static const struct step *find_filter(const struct inside *in)
{
	for (size_t i = in->step; i < in->plan->step_count; i++)
		if (in->plan->steps[i].op == OP_SET_SECCOMP)
			return &in->plan->steps[i];

	return NULL;
}

/*
 * A startContainer hook is a program of the image, so it runs under the program's filter. A filter
 * with a listener is loaded again later for the program itself; in a hook a notified call fails
 * with ENOSYS, as there is no listener (seccomp_unotify(2)).
 */
static const struct sock_fprog *filter_of(const struct inside *in, const struct hook_step *h,
					  struct sock_fprog *program, unsigned *flags)
{
	const unsigned single = SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	const struct step *step = h->in_container ? find_filter(in) : NULL;

	*flags = step ? step->seccomp.flags & single : 0;
	*program = (struct sock_fprog) {
		.len = step ? step->seccomp.count : 0,
		.filter = step ? (struct sock_filter *) step->seccomp.filter : NULL,
	};

	return step ? program : NULL;
}

int hooks_run(struct inside *in, const struct step *s, struct err *e)
{
	const struct hook_step *h = &s->hook;
	struct sock_fprog program;
	unsigned flags;
	char status_and_pid[64];

	/* runtime-spec, runtime.md#state: the pid as seen in the container. */
	fmt_text(status_and_pid, sizeof(status_and_pid), "%s\",\"pid\":%d", h->status, sys_pid());

	const struct sock_fprog *filter = filter_of(in, h, &program, &flags);
	const struct hook_call call = {
		.stage = h->stage,
		.index = h->index,
		.path = h->path,
		.argv = h->argv,
		.envp = h->envp ? h->envp : in->envp,
		.timeout = h->timeout,
		/*
		 * Existing createContainer hooks name files of the rootfs as "./lib/x", since runc
		 * starts them in the rootfs. startContainer hooks start in process.cwd, as with
		 * runc and crun: OP_CHANGE_DIR made it ours. The specification does not say where.
		 */
		.directory = h->in_container ? NULL : in->plan->rootfs,
		.state = { in->plan->state_head, status_and_pid, in->plan->state_tail },
		.files = &in->hook_files,
		.interrupt = -1,
		.filter = filter,
		.filter_flags = flags,
	};

	/* Our umask is 0. In the container, behind OP_SET_UMASK, it is the program's. */
	if (!h->in_container)
		sys_umask(in->plan->umask);

	int r = hook_run(&call, e);

	if (!h->in_container)
		sys_umask(0);
	if (r < 0 && e->code != 0)
		in->failed_program = h->path;

	return r;
}
