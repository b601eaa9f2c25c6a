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

static bool is_alive(const struct record *rec)
{
	struct proc_stat stat;
	int r = proc_stat_read(rec->pid, &stat);

	/*
	 * EACCES and the like do not mean that the process is dead: delete removes what state calls
	 * stopped.
	 */
	if (r < 0)
		return r != -ENOENT && r != -ESRCH;

	return proc_started_at(&stat, rec->start_time) && stat.state != 'Z' && stat.state != 'X';
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
