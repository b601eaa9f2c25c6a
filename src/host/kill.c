/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/kill.c - kill
 *
 * A signal is sent only through a pidfd that was checked to be the recorded process; with --all, to
 * the container's cgroups.
 */
#include "host/kill.h"

#include "cgroup/cgroup.h"
#include "heap/log.h"
#include "host/strays.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "kernel/procfs.h"

#include <signal.h>

static int not_running(struct err *e)
{
	return err_msg(e, "container not running");
}

/*
 * In its own pid namespace the kernel kills all other processes when the first one ends. Linux
 * before 4.1 does not show the pid inside the namespace. Then the answer is true: signalling
 * processes that end anyway does no harm.
 */
static bool shares_pid_namespace(pid_t pid)
{
	return proc_inner_pid(pid) != 1;
}

static bool has_processes(const char *const *cgroups)
{
	for (; *cgroups; cgroups++)
		if (!cgroup_is_empty(*cgroups))
			return true;

	return false;
}

/*
 * The first process has ended. Only in a shared pid namespace may others be left; as with runc,
 * KILL ends them: before delete no other command can.
 */
static int kill_rest(const struct record *rec, int signal, struct err *e)
{
	if (signal == SIGKILL && strays_kill(rec) > 0)
		return 0;
	if (signal != SIGKILL || !has_processes(rec->cgroups))
		return state_check_pids(rec, e) < 0 ? -1 : not_running(e);

	log_debug("the first process has ended: signal %d to its cgroups", signal);

	return cgroup_kill_all(rec->cgroups, signal, e);
}

static int kill_process(const struct record *rec, int signal, struct err *e)
{
	autoclose int pidfd = proc_open_exactly(rec->pid, rec->start_time);
	if (pidfd == -ESRCH)
		return kill_rest(rec, signal, e);
	if (pidfd < 0)
		return err_sys(e, pidfd, "open process %d", rec->pid);

	/*
	 * As runc does: in a shared pid namespace the end of the first process does not end the
	 * others.
	 */
	bool all = signal == SIGKILL && rec->cgroups[0] && shares_pid_namespace(rec->pid);
	int r = sys_pidfd_signal(pidfd, signal);
	/* Without pidfds (Linux before 5.3) kill(2) takes the pid, of another namespace perhaps. */
	if (r == -ESRCH)
		return state_check_pids(rec, e) < 0 ? -1 : not_running(e);
	log_debug("signal %d to process %d%s", signal, rec->pid, all ? ", and to its cgroups" : "");
	if (r < 0)
		return err_sys(e, r, "send signal %d to process %d", signal, rec->pid);
	if (signal == SIGKILL) {
		cgroup_let_exit(rec->cgroups);
		strays_kill(rec);
	}

	return all ? cgroup_kill_all(rec->cgroups, signal, e) : 0;
}

/* Signal all processes in the cgroups, whether the first process still runs or not. */
static int kill_everything(const struct record *rec, int signal, struct err *e)
{
	if (rec->cgroups[0])
		return cgroup_kill_all(rec->cgroups, signal, e);

	struct err ignored;

	(void) kill_process(rec, signal, &ignored);

	return 0;
}

int container_kill(const struct state_root *root, const char *id, int signal, bool all,
		   struct arena *a, struct err *e)
{
	struct record rec;

	autoclose int dir = state_open(root, id, true, e);
	if (dir < 0)
		return -1;

	int r = record_read(dir, &rec, a, e);
	if (r < 0)
		return -1;
	if (r == 0)
		return state_refuse_foreign(dir, id, e) < 0 ? -1 : not_running(e);

	return all ? kill_everything(&rec, signal, e) : kill_process(&rec, signal, e);
}
