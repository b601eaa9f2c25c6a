/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * state/journal_undo.c - the effects that the journal names, undone
 *
 * Runs in tare's own process: of a create that failed, of delete, or of the next create with the ID
 * of a create that was killed.
 */
#include "state/journal_entries.h"

#include "cgroup/cgroup.h"
#include "heap/log.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "kernel/time.h"
#include "netdev/netdev.h"
#include "state/directory.h"
#include "state/unreaped.h"

#include <linux/limits.h>

#define LOOK_MS 500

/*
 * The time for CRIU to notice that tare is gone, which it checks several times a second; delete
 * --force takes five seconds at most.
 */
#define CRIU_ENDING_MS 3000

static int kill_in_cgroups(const struct journal_entries *entries, struct err *e)
{
	const char *const scope[] = { entries->scope_cgroup, NULL };

	if (entries->count > 0 && cgroup_kill_all(entries->cgroups, SIGKILL, e) < 0)
		return -1;

	/* SIGKILL first: systemd would send SIGTERM to the scope's processes, and wait */
	return entries->scope.unit ? cgroup_kill_all(scope, SIGKILL, e) : 0;
}

/* A pidfd; -ESRCH where the process has ended. */
static int open_process(const struct journal_process *process)
{
	return process->pid > 0 ? proc_open_exactly(process->pid, process->start_time) : -ESRCH;
}

/*
 * Kill a hook and its process group: the tare that ran it was killed. The hook was alive a moment
 * ago, so the group still has its number. Processes that an ended hook left behind are left alone.
 */
static void kill_hook(const struct journal_process *hook)
{
	autoclose int pidfd = open_process(hook);

	if (pidfd >= 0)
		sys_kill(-hook->pid, SIGKILL);
}

/*
 * The tare that started this CRIU has ended. CRIU notices that and undoes its own work, parts of
 * which only CRIU knows. So CRIU is killed only if it hangs.
 */
static void end_criu(const struct journal_process *criu)
{
	autoclose int pidfd = open_process(criu);

	if (pidfd >= 0 && !sys_pidfd_ends(pidfd, CRIU_ENDING_MS))
		sys_pidfd_signal(pidfd, SIGKILL);
}

static int does_not_end(const struct journal_entries *entries, pid_t pid, struct err *e)
{
	char where[PROC_WHERE], frozen[PATH_MAX];

	proc_describe(pid, where);
	(void) err_msg(e, "process %d does not end: it is %s", pid, where);
	if (cgroup_frozen_above(entries->cgroups))
		return err_hint(e, "a cgroup above its own is frozen: write THAWED to its "
				   "freezer.state");
	if (cgroup_froze_elsewhere(pid, frozen, sizeof(frozen)))
		return err_hint(e,
				"it was moved to cgroup \"%s\", which is frozen: write THAWED to "
				"its freezer.state",
				frozen);

	return unreaped_explain(pid, e);
}

/*
 * Does a killed process sleep in the kernel for a lock or a disk? Such a sleep ends, though it may
 * take long. A process that v1's freezer stopped is in the same state: it ends only once the cgroup
 * above, or that to which the process was moved, is thawed.
 */
static bool sleeps_for_kernel(const struct journal_entries *entries, pid_t pid)
{
	struct proc_stat stat;
	char dir[PATH_MAX];

	return proc_stat_read(pid, &stat) == 0 && stat.state == 'D' &&
	       !cgroup_frozen_above(entries->cgroups) &&
	       !cgroup_froze_elsewhere(pid, dir, sizeof(dir));
}

static void say_waiting(pid_t pid)
{
	char where[PROC_WHERE];

	proc_describe(pid, where);
	log_notice("process %d is killed, and still %s: waiting for its end", pid, where);
}

/* Wait until @pid has ended, as long as there is progress. */
static int wait_for_end(const struct journal_entries *entries, pid_t pid, int pidfd, struct err *e)
{
	struct cgroup_progress progress = { .dirs = entries->cgroups };
	int64_t begun = sys_clock_ms();
	bool said = false;

	for (;;) {
		if (sys_pidfd_ends(pidfd, LOOK_MS))
			return 0;

		int64_t waited = sys_clock_ms() - begun;
		bool hope = cgroup_gets_on(&progress) ||
			    (waited < CGROUP_LONGEST && sleeps_for_kernel(entries, pid));

		if (!hope)
			return does_not_end(entries, pid, e);
		if (waited > CGROUP_TIMEOUT + 2 * LOOK_MS && !said) {
			said = true;
			say_waiting(pid);
		}
	}
}

/*
 * Kill the process, then all in its cgroups, where a freezer may keep the process from ending. Wait
 * for the end, as its cgroup can't be removed before.
 */
static int kill_processes(const struct journal_entries *entries, struct err *e)
{
	pid_t pid = entries->init.pid;

	kill_hook(&entries->hook);

	autoclose int pidfd = open_process(&entries->init);
	if (pidfd < 0 && pidfd != -ESRCH)
		return err_sys(e, pidfd, "open process %d", pid);

	if (pidfd >= 0)
		log_debug("kill process %d, and what is left in its cgroups", pid);

	int r = pidfd >= 0 ? sys_pidfd_signal(pidfd, SIGKILL) : 0;
	if (r < 0 && r != -ESRCH)
		return err_sys(e, r, "kill process %d", pid);
	if (kill_in_cgroups(entries, e) < 0)
		return -1;

	return pidfd >= 0 ? wait_for_end(entries, pid, pidfd, e) : 0;
}

/*
 * Remove the cgroups that are already empty (usually all): no freeze and no kill is needed for
 * them.
 */
static void remove_empty_cgroups(struct journal_entries *entries)
{
	size_t kept = 0;

	for (size_t i = 0; i < entries->count; i++) {
		const char *dir = entries->cgroups[i];

		if (cgroup_remove_empty(dir)) {
			log_debug("removed cgroup \"%s\"", dir);
			cgroup_remove_parents(dir, entries->topmost[i]);
			continue;
		}
		entries->cgroups[kept] = dir;
		entries->topmost[kept++] = entries->topmost[i];
	}
	entries->count = kept;
	entries->cgroups[kept] = NULL;
}

static int remove_cgroups(const struct journal_entries *entries, struct err *e)
{
	for (size_t i = entries->count; i-- > 0;) {
		if (cgroup_remove(entries->cgroups[i], entries->cgroups, e) < 0)
			return -1;
		log_debug("removed cgroup \"%s\", and all below", entries->cgroups[i]);
		cgroup_remove_parents(entries->cgroups[i], entries->topmost[i]);
	}

	return 0;
}

static int remove_scope(const struct journal_entries *entries, struct err *e)
{
	if (!entries->scope.unit)
		return 0;
	log_debug("stop scope \"%s\"", entries->scope.unit);

	return scope_stop(&entries->scope, e);
}

/* The record is only written after the journal is complete: so the journal was damaged. */
static void take_from_record(struct journal_entries *entries, const struct record *rec)
{
	*entries = (struct journal_entries) {
		.init = { rec->pid, rec->start_time },
		.notify = true,
	};
	for (size_t n = 0; n < JOURNAL_CGROUPS && rec->cgroups[n]; n++) {
		entries->cgroups[n] = rec->cgroups[n];
		entries->topmost[n] = "";
		entries->count++;
	}
}

/*
 * The network namespace of the devices: a descriptor, or -errno where it has ended with all its
 * devices.
 */
static int open_namespace(const struct journal_entries *entries, const struct journal_netdev *d)
{
	if (d->namespace)
		return sys_open(d->namespace, O_RDONLY);
	if (entries->init.pid <= 0)
		return -ESRCH;

	autoclose int ns = proc_open(entries->init.pid, "ns/net", O_RDONLY);
	/* The pidfd is checked after the open: if that process still runs, the path was its own. */
	autoclose int pidfd = open_process(&entries->init);
	if (pidfd < 0)
		return pidfd;

	return take_fd(&ns);
}

static int return_netdev(const struct netdev_entry *entry, int ns, int own, struct err *e)
{
	char name[IFNAMSIZ];
	bool up;
	const char *is = entry->is ? entry->is : entry->device.passing;
	int found = netdev_find(ns, is, &up, e);
	if (found <= 0)
		return found;

	const struct netdev_move move = {
		.from = ns,
		.to = own,
		.name = is,
		.passing = entry->device.passing,
		.new_name = entry->device.name,
		.up = entry->device.up,
	};

	return netdev_move(&move, name, e);
}

static int return_from(const struct journal_entries *entries, int network, struct err *e)
{
	autoclose int own = netdev_own_namespace(e);
	if (own < 0)
		return -1;
	for (size_t i = entries->netdev_count; i-- > 0;)
		if (return_netdev(&entries->netdevs[i], network, own, e) < 0)
			return -1;

	return 0;
}

/* All devices went to the same namespace. */
static int return_netdevs(const struct journal_entries *entries, struct err *e)
{
	if (entries->netdev_count == 0)
		return 0;

	autoclose int network = open_namespace(entries, &entries->netdevs[0].device);

	return network < 0 ? 0 : return_from(entries, network, e);
}

/* Processes in a removed group go back to the root's group. */
static int remove_resctrls(const struct journal_entries *entries, bool keep_shared, struct err *e)
{
	for (size_t i = entries->resctrl_count; i-- > 0;) {
		const struct resctrl_entry *entry = &entries->resctrls[i];
		int r = 0;

		if (!entry->shared || !keep_shared)
			r = sys_unlink_at(AT_FDCWD, entry->path, AT_REMOVEDIR);
		if (r < 0 && r != -ENOENT)
			return err_sys(e, r, "remove resctrl group \"%s\"", entry->path);
	}

	return 0;
}

/* The container has no files in this directory, as its mount of the directory is read-only. */
static int remove_notify(int dir, struct err *e)
{
	int r = sys_unlink_at(dir, STATE_NOTIFY_SOCKET, 0);

	if (r == 0 || r == -ENOENT)
		r = sys_unlink_at(dir, STATE_NOTIFY, AT_REMOVEDIR);

	return r < 0 && r != -ENOENT ? err_sys(e, r, "remove the directory of NOTIFY_SOCKET") : 0;
}

int journal_undo(int dir, const struct record *rec, bool failed, struct arena *a, struct err *e)
{
	struct journal_entries entries;

	if (journal_read(dir, &entries, a, e) < 0)
		return -1;
	if (rec && entries.init.pid != rec->pid)
		take_from_record(&entries, rec);

	bool created = entries.created && !failed;

	if (!created && return_netdevs(&entries, e) < 0)
		return -1;
	/* Before the cgroups are removed: CRIU would make them again. */
	end_criu(&entries.criu);
	remove_empty_cgroups(&entries);
	if (kill_processes(&entries, e) < 0)
		return -1;
	if (remove_resctrls(&entries, created, e) < 0 || remove_cgroups(&entries, e) < 0)
		return -1;
	if (entries.notify && remove_notify(dir, e) < 0)
		return -1;
	if (entries.mount.path && journal_mount_undo(&entries.mount, e) < 0)
		return -1;

	return remove_scope(&entries, e);
}

pid_t journal_interrupt(int dir)
{
	struct journal_entries entries;
	struct err ignored;
	struct arena a;
	pid_t killed = 0;

	arena_open(&a);
	if (journal_read(dir, &entries, &a, &ignored) == 0) {
		autoclose int pidfd = open_process(&entries.init);

		if (pidfd >= 0) {
			killed = entries.init.pid;
			log_debug("kill process %d", killed);
			sys_pidfd_signal(pidfd, SIGKILL);
		}
		kill_hook(&entries.hook);
	}
	arena_close(&a);

	return killed;
}

int journal_return_netdevs(int dir, int network, struct err *e)
{
	struct journal_entries entries;
	struct arena a;

	arena_open(&a);
	int r = journal_read(dir, &entries, &a, e);
	if (r == 0)
		r = return_from(&entries, network, e);
	arena_close(&a);

	return r < 0 ? -1 : 0;
}
