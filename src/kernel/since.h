/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/since.h - the Linux versions of features, and what replaces them
 *
 * The only place with versions: error texts (err_lacks()), `check`, `kernel` and docs/kernels.md
 * use this table. tare asks the running kernel for a feature itself; the versions are only for
 * texts, and for `check --kernel`.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* In the order of kernel versions. */
enum since {
	SINCE_MOUNT_NAMESPACE,
	SINCE_UTS_NAMESPACE,
	SINCE_IPC_NAMESPACE,
	SINCE_PID_NAMESPACE,
	SINCE_NETWORK_NAMESPACE,
	SINCE_SECCOMP_FILTER,
	SINCE_USER_NAMESPACE,
	SINCE_SCHED_SETATTR,
	SINCE_DEADLINE,
	SINCE_MOUNT_OF_FD,
	SINCE_MEMFD,
	SINCE_SECCOMP,
	SINCE_TSYNC,
	SINCE_OVERLAY,
	SINCE_EXECVEAT,
	SINCE_EXEC_WITHOUT_PROC,
	SINCE_DENY_SETGROUPS,
	SINCE_NSPID,
	SINCE_AMBIENT,
	SINCE_CGROUP_V2,
	SINCE_CGROUP_NAMESPACE,
	SINCE_RESCTRL,
	SINCE_GPTPEER,
	SINCE_FILTER_LOG,
	SINCE_KILL_PROCESS,
	SINCE_ACT_LOG,
	SINCE_DELEGATE,
	SINCE_DEVICE_PROGRAM,
	SINCE_LONG_ID_MAP,
	SINCE_SPEC_ALLOW,
	SINCE_FREEZE,
	SINCE_MOUNT_WITHOUT_PLACE,
	SINCE_MOUNT_TRAVELS,
	SINCE_FSOPEN,
	SINCE_PIDFD,
	SINCE_PIDFD_GIVEN,
	SINCE_CLONE3,
	SINCE_UTIL_CLAMP,
	SINCE_TIME_NAMESPACE,
	SINCE_OPENAT2,
	SINCE_CLONE_INTO_CGROUP,
	SINCE_NOTIFY,
	SINCE_RECORD_BPF,
	SINCE_FACCESSAT2,
	SINCE_MOUNT_ID,
	SINCE_SETNS_PIDFD,
	SINCE_NOTIFY_END,
	SINCE_NOSYMFOLLOW_OLD,
	SINCE_CLOSE_RANGE,
	SINCE_SYSCALL_WORK,
	SINCE_OVERLAY_USER,
	SINCE_MOUNT_SETATTR,
	SINCE_IDMAPPED,
	SINCE_ROOTFS_OF_OTHERS,
	SINCE_COPY_OF_ALL,
	SINCE_EARLY_PROCFS,
	SINCE_LANDLOCK,
	SINCE_LANDLOCK_ASKED,
	SINCE_CGROUP_KILL,
	SINCE_NOSYMFOLLOW,
	SINCE_WAIT_KILLABLE,
	SINCE_MFD_EXEC,
	SINCE_LANDLOCK_TCP,
	SINCE_BINFMT_OF_USERS,
	SINCE_LANDLOCK_SCOPES,
	SINCE_COPY_DETACHED,
	SINCE_FOREIGN_PROCFS,
	SINCE_COUNT
};

struct since_row {
	const char *what;    /* its name in errors */
	const char *version; /* "5.6" */
	/* what tare does on an older kernel; NULL: it refuses */
	const char *instead;
};

extern const struct since_row since_rows[SINCE_COUNT];

/* A kernel's version: its first three numbers, as in uname(2)'s release "5.15.0-91-generic". */
struct kernel_version {
	unsigned part[3];
};

/* False where @text does not begin with a number. */
bool kernel_version_read(const char *text, struct kernel_version *version);

/* Below 0, 0 or above 0, as strcmp(3). */
int kernel_version_compare(const struct kernel_version *a, const struct kernel_version *b);

/* Is @version at least @since ("5.6")? */
bool kernel_version_has(const struct kernel_version *version, const char *since);

struct err;

/* Set the hint that this kernel lacks @what, with the Linux version that introduced it. */
int err_lacks(struct err *e, enum since what) __attribute__((cold));
