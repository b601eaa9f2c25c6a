/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/seccomp/watch.c - the filter of a container whose calls are recorded
 *
 * Runs in tare while it decides. The kernel allows one listener, and of several filters the most
 * restrictive answer counts. So the profile is not loaded beside this filter; the recorder runs the
 * profile for each call that the listener receives.
 */
#include "plan/seccomp/watch.h"

#include "base/table.h"
#include "kernel/process.h"
#include "kernel/since.h"

#include <linux/seccomp.h>
#include <string.h>

#define PLACE "/linux/seccomp"

static const struct sock_filter every_call[] = {
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
};

/*
 * The profile, with a listener in place of each errno. Calls that the profile kills are killed by
 * the kernel, and counted by the program of contract/bpf.c.
 */
static void notify_refusals(const struct seccomp_program *profile, struct seccomp_program *watched,
			    struct arena *a)
{
	struct sock_filter *filter = arena_array(a, profile->count, sizeof(*filter));

	memcpy(filter, profile->filter, profile->count * sizeof(*filter));
	for (size_t i = 0; i < profile->count; i++)
		if (filter[i].code == (BPF_RET | BPF_K) &&
		    (filter[i].k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO)
			filter[i].k = SECCOMP_RET_USER_NOTIF;
	watched->filter = filter;
	watched->count = profile->count;
}

int seccomp_watch(struct planner *p, const struct seccomp_program *profile,
		  struct seccomp_program *watched, struct err *e)
{
	const uint32_t listener = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC |
				  SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
	const uint32_t known = p->facts->seccomp_flags;

	if (!(known & SECCOMP_FILTER_FLAG_TSYNC_ESRCH)) {
		(void) err_msg(e, "calls can't be recorded: a filter can't be listened to");
		return err_lacks(e, SINCE_NOTIFY);
	}
	if (profile && profile->notify) {
		(void) err_cfg(e, PLACE, "the profile has an agent already (SCMP_ACT_NOTIFY)");
		return err_hint(e, "the kernel allows one listener");
	}
	/*
	 * Without WAIT_KILLABLE_RECV a signal may make the caller repeat a call, and the listener
	 * receives the call twice.
	 */
	*watched = (struct seccomp_program) {
		.filter = every_call,
		.count = ARRAY_SIZE(every_call),
		.flags = listener | (known & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) |
			 (profile ? profile->flags & ~SECCOMP_FILTER_FLAG_LOG
				  : known & SECCOMP_FILTER_FLAG_SPEC_ALLOW),
		.notify = true,
	};
	if (p->options->watch == WATCH_REFUSED)
		notify_refusals(profile, watched, p->arena);

	return 0;
}
