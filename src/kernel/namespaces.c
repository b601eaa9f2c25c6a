/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/namespaces.c - the kinds of namespaces, and whether this kernel makes them
 *
 * Runs in tare's own process, never in tare-init.
 */
#include "kernel/namespaces.h"

#include "base/table.h"
#include "kernel/process.h"
#include "kernel/since.h"

const struct sys_namespace sys_namespaces[] = {
	{ CLONE_NEWNS, "mount", SINCE_MOUNT_NAMESPACE, "max_mnt_namespaces", "mnt" },
	{ CLONE_NEWUSER, "user", SINCE_USER_NAMESPACE, "max_user_namespaces", "user" },
	{ CLONE_NEWPID, "pid", SINCE_PID_NAMESPACE, "max_pid_namespaces", "pid" },
	{ CLONE_NEWNET, "network", SINCE_NETWORK_NAMESPACE, "max_net_namespaces", "net" },
	{ CLONE_NEWIPC, "ipc", SINCE_IPC_NAMESPACE, "max_ipc_namespaces", "ipc" },
	{ CLONE_NEWUTS, "uts", SINCE_UTS_NAMESPACE, "max_uts_namespaces", "uts" },
	{ CLONE_NEWCGROUP, "cgroup", SINCE_CGROUP_NAMESPACE, "max_cgroup_namespaces", "cgroup" },
	{ CLONE_NEWTIME, "time", SINCE_TIME_NAMESPACE, "max_time_namespaces", "time" },
};
const size_t sys_namespaces_count = ARRAY_SIZE(sys_namespaces);

static int end(void *arg)
{
	(void) arg;

	return 0;
}

int sys_try_namespaces(uint64_t types)
{
	const struct sys_clone clone = { .flags = types, .cgroup = -1 };
	pid_t pid = sys_clone_call(&clone, NULL, end, NULL);
	int status;

	if (pid > 0)
		sys_wait(pid, &status, 0);

	return pid < 0 ? pid : 0;
}

static int stay(void *arg)
{
	int *ends = arg;
	char byte;

	sys_close(ends[1]);
	sys_read_all(ends[0], &byte, 1);

	return 0;
}

pid_t sys_hold_namespaces(uint64_t types, int ends[2])
{
	const struct sys_clone clone = { .flags = types, .cgroup = -1 };
	pid_t pid = sys_clone_call(&clone, NULL, stay, ends);

	sys_close(ends[0]); /* the child has its own copy */

	return pid;
}
