/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check/calls.c - system calls that an older kernel, or the filter of an outer container, may lack
 *
 * Each call is made with invalid arguments. Where the caller has the rights that the call demands,
 * EPERM can only come from a filter; so can ENOSYS, if the kernel is new enough for the call.
 */
#include "check/check.h"

#include "base/fmt.h"
#include "base/table.h"
#include "kernel/calls.h"
#include "kernel/process.h"

#include <linux/sched.h>
#include <string.h>

#define NEEDED SINCE_COUNT

const struct used_call check_used_calls[] = {
	{ "bpf", NEEDED },
	{ "clone3", SINCE_CLONE3 },
	{ "close_range", SINCE_CLOSE_RANGE },
	{ "execveat", SINCE_EXECVEAT },
	{ "faccessat2", SINCE_FACCESSAT2 },
	{ "fsconfig", SINCE_FSOPEN },
	{ "fsmount", SINCE_FSOPEN },
	{ "fsopen", SINCE_FSOPEN },
	{ "keyctl", NEEDED },
	{ "memfd_create", SINCE_MEMFD },
	{ "mount", NEEDED },
	{ "mount_setattr", SINCE_MOUNT_SETATTR },
	{ "move_mount", SINCE_MOUNT_SETATTR },
	{ "open_tree", SINCE_MOUNT_SETATTR },
	{ "openat2", SINCE_OPENAT2 },
	{ "personality", NEEDED },
	{ "pidfd_open", SINCE_PIDFD },
	{ "pidfd_send_signal", SINCE_PIDFD },
	{ "pivot_root", NEEDED },
	{ "sched_setattr", SINCE_SCHED_SETATTR },
	{ "seccomp", SINCE_SECCOMP },
	{ "set_mempolicy", NEEDED },
	{ "setns", NEEDED },
	{ "statx", NEEDED },
	{ "umount2", NEEDED },
	{ "unshare", NEEDED },
};

const size_t check_used_count = ARRAY_SIZE(check_used_calls);

int check_used_number(const struct used_call *u)
{
	const struct call_row *row = call_find_name(u->name);

	return row && call_arch_own() != CALL_ARCHES ? call_number(row, call_arch_own()) : -1;
}

/* personality(2) with all bits set only returns the present value. */
int check_ask_call(int number)
{
	long r = arch_syscall(number, -1, -1, -1, -1, -1, -1);

	return r < 0 && r > -128 ? (int) -r : 0;
}

static bool is_refused(const struct used_call *u, const struct kernel_version *kernel)
{
	int number = check_used_number(u), code = number < 0 ? 0 : check_ask_call(number);
	struct kernel_version since, gone;

	if (code != ENOSYS)
		return code == EPERM;
	call_since(call_find_name(u->name), call_arch_own(), &since, &gone);

	return kernel_version_compare(kernel, &since) >= 0;
}

/* Runs in the container's namespaces, in which this process has all rights. */
static int ask_all(void *arg)
{
	const struct check *c = arg;
	const struct check_demand d = { .place = "", .what = "system calls" };
	struct kernel_version kernel;
	struct utsname name;
	char names[256] = "";

	if (sys_uname(&name) < 0 || !kernel_version_read(name.release, &kernel))
		return 0;
	for (size_t i = 0; i < check_used_count; i++) {
		const struct used_call *u = &check_used_calls[i];

		if (u->since != NEEDED && is_refused(u, &kernel))
			fmt_text(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
				 names[0] ? ", " : "", u->name);
	}
	if (names[0])
		check_answer(c, CHECK_OK, &d,
			     "an outer container, or its filter, refuses: %s; tare does without",
			     names);

	return 0;
}

/* A call that tare needs and that is refused has a row where the bundle makes tare need it. */
void check_calls(const struct check *c)
{
	check_in_child(c, check_own_namespaces(c) & (CLONE_NEWUSER | CLONE_NEWNS), ask_all);
}
