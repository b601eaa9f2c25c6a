/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * state/status.c - the present status of a container
 *
 * The kernel is asked each time: is there a process with this pid and start time, does tare-init
 * still hold the lock with which it waits for start (the exec releases the lock), is the cgroup
 * frozen? So a crash of tare can't make the status wrong.
 */
#include "state/record.h"

#include "cgroup/cgroup.h"
#include "kernel/fd.h"
#include "kernel/procfs.h"
#include "state/directory.h"

#include <sys/file.h>

static const char *const names[] = {
	[STATUS_CREATING] = "creating", [STATUS_CREATED] = "created", [STATUS_RUNNING] = "running",
	[STATUS_PAUSED] = "paused",	[STATUS_STOPPED] = "stopped",
};

const char *state_status_name(enum container_status status)
{
	return names[status];
}

static bool is_locked(int fd)
{
	if (sys_lock(fd, LOCK_SH | LOCK_NB) == -EWOULDBLOCK)
		return true;
	sys_lock(fd, LOCK_UN);

	return false;
}

/* 0: the process of @rec; -ESRCH: there is none with its pid and start time; or another -errno. */
static int find_process(const struct record *rec, struct proc_stat *stat)
{
	int r = proc_stat_read(rec->pid, stat);

	if (r < 0)
		return r == -ENOENT ? -ESRCH : r;

	return proc_started_at(stat, rec->start_time) ? 0 : -ESRCH;
}

int state_check_pids(const struct record *rec, struct err *e)
{
	uint64_t own = proc_pid_namespace();

	if (own != 0 && rec->pid_namespace != 0 && own != rec->pid_namespace) {
		(void) err_msg(e, "process %d belongs to another pid namespace", rec->pid);
		return err_hint(
			e, "call tare in the pid namespace in which the container was created");
	}
	if (proc_is_own())
		return 0;
	(void) err_msg(e, "process %d can't be looked up: /proc is not this pid namespace's",
		       rec->pid);

	return err_hint(e, "mount -t proc proc /proc");
}

/*
 * As far as can be told from another pid namespace: cgroup v1 lists none of the processes there, so
 * a cgroup that still exists counts. v2, the last of @cgroups, says whether it is populated.
 */
static bool may_have_processes(const char *const *cgroups)
{
	bool found = false;

	for (; *cgroups; cgroups++) {
		if (cgroup_has_file(*cgroups, "cgroup.events"))
			return !cgroup_is_empty(*cgroups);
		found |= cgroup_has_file(*cgroups, "cgroup.procs");
	}

	return found;
}

static bool is_alive(const struct record *rec)
{
	struct proc_stat stat;
	struct err ignored;
	int r = find_process(rec, &stat);

	if (r == 0)
		return stat.state != 'Z' && stat.state != 'X';
	/*
	 * EACCES and the like do not mean that the process is dead: delete removes what state calls
	 * stopped.
	 */
	if (r != -ESRCH)
		return true;

	if (state_check_pids(rec, &ignored) == 0)
		return false;

	/* A record of an earlier pid namespace, without a cgroup, is most likely a left one. */
	return rec->cgroups[0] ? may_have_processes(rec->cgroups) : !proc_is_own();
}

/*
 * Does the container's tare-init still wait for start, and so hold the lock? If the lock is free we
 * get it, and release it with the descriptor.
 */
static bool is_waiting(int dir)
{
	autoclose int hold =
		sys_open_at(dir, STATE_EXEC_FIFO, O_RDONLY | O_NONBLOCK | O_NOFOLLOW, 0);

	return hold >= 0 && sys_lock(hold, LOCK_SH | LOCK_NB) == -EWOULDBLOCK;
}

enum container_status state_status(int dir, const struct record *rec)
{
	if (!rec)
		return is_locked(dir) ? STATUS_CREATING : STATUS_STOPPED;
	if (!is_alive(rec))
		return STATUS_STOPPED;
	if (cgroup_any_frozen(rec->cgroups))
		return STATUS_PAUSED;

	return is_waiting(dir) ? STATUS_CREATED : STATUS_RUNNING;
}
