/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/delete.c - delete, and what run does at its end
 *
 * The journal names all traces of a container. Undoing the journal is the only way in which tare
 * removes a container, whatever its state, and however far create got.
 */
#include "host/delete.h"

#include "heap/log.h"
#include "host/hooks.h"
#include "host/lost.h"
#include "host/strays.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "state/directory.h"
#include "state/journal.h"

/* What the hook should have removed is still there: tare can only warn. */
void remove_warn(const char *id, const struct err *failure)
{
	char line[ERR_TEXT + ERR_PLACE];

	err_line(failure, line, sizeof(line));
	log_warning("delete \"%s\": %s", id, line);
}

int container_remove(const struct state_root *root, const char *id, int dir,
		     const struct record *rec, struct arena *a, struct err *e)
{
	struct err failure;

	if (!rec && state_refuse_foreign(dir, id, e) < 0)
		return -1;
	if (rec)
		strays_kill(rec);
	if (journal_undo(dir, rec, false, a, e) < 0 || state_remove(root, id, dir, e) < 0)
		return -1;
	/*
	 * runtime-spec, runtime.md#lifecycle, step 13: a failed hook gives a warning, and the
	 * others run.
	 */
	if (rec && hooks_run_recorded(rec, "poststop", STATUS_STOPPED, true, -1, a, &failure) < 0)
		remove_warn(id, &failure);

	return 0;
}

/*
 * A broken record does not matter where the journal is complete. Without both, processes of the
 * container might stay behind unnoticed. A journal without a process is complete only where no
 * record was ever written.
 */
static int delete_forced(const struct state_root *root, const char *id, int dir, struct arena *a,
			 struct err *e)
{
	struct record rec;
	struct err broken;
	int r = record_read(dir, &rec, a, &broken);

	/* Neither a cgroup nor procfs leads to the processes, and they must not stay unnoticed. */
	if (r > 0 && !rec.cgroups[0] && !proc_is_own())
		return state_check_pids(&rec, e);
	if (r > 0)
		return container_remove(root, id, dir, &rec, a, e);

	enum journal_content content = journal_examine(dir, a);
	if (content == JOURNAL_DAMAGED || (r < 0 && content != JOURNAL_PROCESS))
		return lost_remove(root, id, dir, a, e);

	return container_remove(root, id, dir, NULL, a, e);
}

static int delete_stopped(const struct state_root *root, const char *id, int dir, struct arena *a,
			  struct err *e)
{
	struct record rec;
	int r = record_read(dir, &rec, a, e);

	if (r < 0)
		return -1;
	if (r == 0) /* no record: create was killed, so no process of it is meant to run */
		return container_remove(root, id, dir, NULL, a, e);

	enum container_status status = state_status(dir, &rec);
	if (status == STATUS_STOPPED || status == STATUS_CREATED)
		return container_remove(root, id, dir, &rec, a, e);

	int seen = state_check_pids(&rec, e);
	const char *words = arena_printf(a, "cannot delete container %s that is not stopped: %s",
					 id, state_status_name(status));

	return seen < 0 ? err_in(e, "%s", words) : err_msg(e, "%s", words);
}

/*
 * A create or a start may hold the lock while it waits for a hook that never ends. With the hook or
 * the process killed, that command ends. A failure here is ignored: the later steps of delete
 * report it.
 */
static void kill_early(const struct state_root *root, const char *id, struct arena *a)
{
	struct record rec;
	struct err ignored;

	autoclose int dir = state_open(root, id, true, &ignored);
	if (dir < 0)
		return;
	pid_t killed = journal_interrupt(dir);
	if (record_read(dir, &rec, a, &ignored) <= 0 || rec.pid == killed)
		return;

	autoclose int pidfd = proc_open_exactly(rec.pid, rec.start_time);
	if (pidfd < 0)
		return;
	log_debug("kill process %d", rec.pid);
	sys_pidfd_signal(pidfd, SIGKILL);
}

int container_delete(const struct state_root *root, const char *id, bool force, struct arena *a,
		     struct err *e)
{
	if (force)
		kill_early(root, id, a);

	autoclose int dir = state_open(root, id, false, e);
	if (dir < 0 && force && e->code == ENOENT)
		return 0;
	if (dir < 0)
		return -1;

	return force ? delete_forced(root, id, dir, a, e) : delete_stopped(root, id, dir, a, e);
}

int container_sweep(const struct state_root *root, const char *id, struct arena *a, struct err *e)
{
	struct record rec;

	autoclose int dir = state_open(root, id, false, e);
	if (dir < 0)
		return e->code == ENOENT ? 0 : -1;

	int r = record_read(dir, &rec, a, e);
	if (r <= 0 || state_status(dir, &rec) != STATUS_STOPPED)
		return r < 0 ? -1 : 0;

	return container_remove(root, id, dir, &rec, a, e);
}
