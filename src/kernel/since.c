/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/since.c - the Linux versions of features, and what replaces them
 *
 * Versions are from the kernel's history and the man pages; the replacements are those of the files
 * in this directory. tests/kernels/since.py reads the table as text: a row is { "WHAT", "VERSION",
 * INSTEAD("TEXT") } or ends in NULL.
 */
#include "kernel/since.h"

#include "base/err.h"
#include "kernel/process.h"

/*
 * tare-init only reports a missing feature. Without the long texts each waiting container takes
 * less memory.
 */
#ifdef SINCE_SHORT
#define INSTEAD(text) NULL
#else
#define INSTEAD(text) text
#endif

const struct since_row since_rows[SINCE_COUNT] = {
	[SINCE_MOUNT_NAMESPACE] = { "mount namespaces", "2.4.19", NULL },
	[SINCE_UTS_NAMESPACE] = { "uts namespaces", "2.6.19", NULL },
	[SINCE_IPC_NAMESPACE] = { "ipc namespaces", "2.6.19", NULL },
	[SINCE_PID_NAMESPACE] = { "pid namespaces", "2.6.24", NULL },
	[SINCE_NETWORK_NAMESPACE] = { "network namespaces", "2.6.29", NULL },
	[SINCE_SECCOMP_FILTER] = { "seccomp filters", "3.5", NULL },
	[SINCE_USER_NAMESPACE] = { "user namespaces", "3.8", NULL },
	[SINCE_SCHED_SETATTR] = { "sched_setattr", "3.14",
				  INSTEAD("sched_setscheduler and setpriority") },
	[SINCE_DEADLINE] = { "SCHED_DEADLINE", "3.14", NULL },
	[SINCE_MOUNT_OF_FD] = { "the mount that a descriptor is of, in /proc/self/fdinfo", "3.15",
				INSTEAD("it is unknown: without openat2 nothing in procfs is written then "
					"(sysctl, labels)") },
	[SINCE_MEMFD] = { "memfd_create", "3.17",
			  INSTEAD("a file without a name in /dev/shm, /run, /tmp or /var/tmp; for "
				  "tare-init in one of them that may hold programs, opened again read-only "
				  "(also where vm.memfd_noexec forbids programs in memory)") },
	[SINCE_SECCOMP] = { "seccomp", "3.17",
			    INSTEAD("prctl(PR_SET_SECCOMP), which has no flags") },
	[SINCE_TSYNC] = { "SECCOMP_FILTER_FLAG_TSYNC", "3.17",
			  INSTEAD("the flag is left out: tare-init has one thread") },
	[SINCE_OVERLAY] = { "overlays", "3.18", NULL },
	[SINCE_EXECVEAT] = { "execveat", "3.19",
			     INSTEAD("execve of /proc/self/fd/N, if that is a procfs") },
	[SINCE_EXEC_WITHOUT_PROC] = { "execution without a procfs at /proc", "3.19", NULL },
	[SINCE_DENY_SETGROUPS] = { "/proc/PID/setgroups", "3.19",
				   INSTEAD("there is nothing to deny") },
	[SINCE_NSPID] = { "NSpid in /proc/PID/status", "4.1",
			  INSTEAD("kill KILL ends all in the cgroups, whether or not they share the host's "
				  "pid namespace") },
	[SINCE_AMBIENT] = { "ambient capabilities", "4.3", NULL },
	[SINCE_CGROUP_V2] = { "cgroup v2", "4.5", INSTEAD("the hierarchies of v1") },
	[SINCE_CGROUP_NAMESPACE] = { "cgroup namespaces", "4.6", NULL },
	[SINCE_RESCTRL] = { "resctrl", "4.10", NULL },
	[SINCE_GPTPEER] = { "TIOCGPTPEER", "4.13",
			    INSTEAD("the slave by its number, in the devpts of its master, and proved to "
				    "be that") },
	[SINCE_FILTER_LOG] = { "SECCOMP_FILTER_FLAG_LOG", "4.14", NULL },
	[SINCE_KILL_PROCESS] = { "SCMP_ACT_KILL_PROCESS", "4.14", NULL },
	[SINCE_ACT_LOG] = { "SCMP_ACT_LOG", "4.14", NULL },
	[SINCE_DELEGATE] = { "/sys/kernel/cgroup/delegate", "4.15",
			     INSTEAD("cgroup.procs, cgroup.subtree_control and cgroup.threads are given to "
				     "a user") },
	[SINCE_DEVICE_PROGRAM] = { "device rules on cgroup v2", "4.15", NULL },
	[SINCE_LONG_ID_MAP] = { "a map of more than 5 ranges", "4.15", NULL },
	[SINCE_SPEC_ALLOW] = { "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "4.17", NULL },
	[SINCE_FREEZE] = { "cgroup.freeze", "5.2",
			   INSTEAD("the freezer of v1; without one pause is refused") },
	[SINCE_MOUNT_WITHOUT_PLACE] = { "mounts without a place", "5.2", NULL },
	[SINCE_MOUNT_TRAVELS] = { "mounts that travel from a container to the host", "5.2", NULL },
	[SINCE_FSOPEN] = { "fsopen", "5.2",
			   INSTEAD("device nodes for a user namespace are the host's own, with its mode "
				   "and owner; newer ones are made by tare, as config.json has them") },
	[SINCE_PIDFD] = { "pidfd_open, pidfd_send_signal", "5.3",
			  INSTEAD("the directory of the process in /proc, held open: a signal goes to the "
				  "pid only while that is there and no zombie; its end is looked for, at "
				  "most every 100 ms") },
	[SINCE_PIDFD_GIVEN] = { "pidfds", "5.3", NULL },
	[SINCE_CLONE3] = { "clone3", "5.3", INSTEAD("clone") },
	[SINCE_UTIL_CLAMP] = { "SCHED_FLAG_UTIL_CLAMP_MIN and its like", "5.3", NULL },
	[SINCE_TIME_NAMESPACE] = { "time namespaces", "5.6", NULL },
	[SINCE_OPENAT2] = { "openat2", "5.6",
			    INSTEAD("a walk component by component, O_PATH and O_NOFOLLOW; `..` is walked "
				    "again from the root, links of a process in /proc are refused, and no "
				    "mount in procfs is crossed where that counts") },
	[SINCE_CLONE_INTO_CGROUP] = { "CLONE_INTO_CGROUP", "5.7",
				      INSTEAD("the child waits on a pipe until its pid is in cgroup.procs, "
					      "and only then becomes tare-init; a helper of exec goes there "
					      "itself before it joins anything") },
	[SINCE_NOTIFY] = { "SCMP_ACT_NOTIFY", "5.7", NULL },
	[SINCE_RECORD_BPF] = { "calls counted by bpf", "5.8",
			       INSTEAD("a filter that notifies, as for ordinary users") },
	[SINCE_FACCESSAT2] = { "faccessat2", "5.8", INSTEAD("faccessat") },
	[SINCE_MOUNT_ID] = { "STATX_MNT_ID", "5.8", INSTEAD("/proc/self/fdinfo") },
	[SINCE_SETNS_PIDFD] = { "setns of a pidfd", "5.8",
				INSTEAD("exec opens each namespace by its file in /proc, and looks whether "
					"the process is still alive") },
	[SINCE_NOTIFY_END] = { "the end of a seccomp listener", "5.9",
			       INSTEAD("a record ends a second after the first process") },
	[SINCE_NOSYMFOLLOW_OLD] = { "nosymfollow of mount", "5.10", NULL },
	[SINCE_CLOSE_RANGE] = { "CLOSE_RANGE_CLOEXEC, and of 5.9 close_range", "5.11",
				INSTEAD("/proc/self/fd lists what is open; without it each number below "
					"65536 is tried") },
	[SINCE_SYSCALL_WORK] = { "syscall_work in the kernel's thread_info", "5.11",
				 INSTEAD("where bpf counts calls, status is looked for 8 bytes before") },
	[SINCE_OVERLAY_USER] = { "overlays without root", "5.11", NULL },
	[SINCE_MOUNT_SETATTR] = { "mount_setattr, and of 5.2 open_tree, move_mount, fsopen ...",
				  "5.12",
				  INSTEAD("mount, through /proc/self/fd/N: each mount is made and "
					  "configured on a tmpfs where no path leads, for it lies under the "
					  "rootfs, and moved to its place whole; an exec with the host's "
					  "/dev/null as standard input is refused in a container that has "
					  "removed its own") },
	[SINCE_IDMAPPED] = { "id-mapped mounts", "5.12", NULL },
	[SINCE_ROOTFS_OF_OTHERS] = { "mounts in that of others", "5.12", NULL },
	[SINCE_COPY_OF_ALL] = { "copies of the whole tree", "5.12", NULL },
	[SINCE_EARLY_PROCFS] = { "a procfs made before a user namespace is joined", "5.12", NULL },
	[SINCE_LANDLOCK] = { "Landlock", "5.13",
			     INSTEAD("`box --landlock` leaves it out with a line; the annotation "
				     "org.tare.landlock is an error") },
	[SINCE_LANDLOCK_ASKED] = { "restriction by Landlock", "5.13", NULL },
	[SINCE_CGROUP_KILL] = { "cgroup.kill", "5.14",
				INSTEAD("freeze, a signal to each process that is still there, thaw, until "
					"it is empty") },
	[SINCE_NOSYMFOLLOW] = { "nosymfollow", "5.14", NULL },
	[SINCE_WAIT_KILLABLE] = { "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", "5.19", NULL },
	[SINCE_MFD_EXEC] = { "MFD_EXEC", "6.3", INSTEAD("without it") },
	[SINCE_LANDLOCK_TCP] = { "Landlock for TCP", "6.7",
				 INSTEAD("without namespaces a box that is to have no network is refused") },
	[SINCE_BINFMT_OF_USERS] = { "binfmt_misc of a user namespace", "6.7", NULL },
	[SINCE_LANDLOCK_SCOPES] = { "Landlock for signals and sockets", "6.12",
				    INSTEAD("`box` leaves it out; without namespaces with a line") },
	[SINCE_COPY_DETACHED] = { "open_tree of a mount that is not attached", "6.15",
				  INSTEAD("the tmpfs with the device nodes of a user namespace covers the "
					  "host's root for a moment, where no path leads to it") },
	[SINCE_FOREIGN_PROCFS] = { "a procfs of a pid namespace that its maker is not in", "6.17",
				   INSTEAD("a process in that namespace makes it") },
};

bool kernel_version_read(const char *text, struct kernel_version *version)
{
	*version = (struct kernel_version) { { 0 } };
	for (int i = 0; i < 3; i++) {
		if (*text < '0' || *text > '9')
			return i > 0;
		for (; *text >= '0' && *text <= '9' && version->part[i] < 100000; text++)
			version->part[i] = version->part[i] * 10 + (unsigned) (*text - '0');
		if (*text != '.')
			return true;
		text++;
	}

	return true;
}

int kernel_version_compare(const struct kernel_version *a, const struct kernel_version *b)
{
	for (int i = 0; i < 3; i++)
		if (a->part[i] != b->part[i])
			return a->part[i] < b->part[i] ? -1 : 1;

	return 0;
}

bool kernel_version_has(const struct kernel_version *version, const char *since)
{
	struct kernel_version first;

	return kernel_version_read(since, &first) && kernel_version_compare(version, &first) >= 0;
}

int err_lacks(struct err *e, enum since what)
{
	struct utsname name;

	if (sys_uname(&name) < 0)
		name.release[0] = '\0';

	/* The kernel may be newer, and an outer container's filter deny the call. */
	return err_hint(e, "%s came with Linux %s; this kernel (%s), or a filter, has none",
			since_rows[what].what, since_rows[what].version, name.release);
}
