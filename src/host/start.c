/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/start.c - start
 *
 * Connecting to tare-init's socket starts the program. The end of the connection is the exec; a
 * message is the reason for a failure. Before that tare-init may send the listener for the seccomp
 * agent, which it can't reach itself from inside.
 */
#include "host/start.h"

#include "host/agent.h"
#include "host/create/message.h"
#include "host/delete.h"
#include "host/explain.h"
#include "host/find.h"
#include "host/hooks.h"
#include "host/notify.h"
#include "host/trace.h"
#include "host/watchdog.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "kernel/socket.h"
#include "state/directory.h"
#include "state/journal.h"
#include "wire/wire.h"

#include <sys/socket.h>

static int check_status(int dir, const struct record *rec, struct err *e)
{
	switch (state_status(dir, rec)) {
	case STATUS_CREATED:
		break;
	case STATUS_STOPPED:
		return err_msg(e, "cannot start a container that has stopped");
	case STATUS_PAUSED:
		return err_msg(e, "cannot start a paused container");
	default:
		return err_msg(e, "cannot start an already running container");
	}
	if (!rec->has_process)
		return err_cfg(e, "/process", "config.json has no process to start");

	return 0;
}

/* Messages of tare-init until the exec. */
struct progress {
	const struct record *rec;
	struct arena *arena;
	int socket;
	int last_message; /* memory file; -1 */
	struct init_progress progress;
};

/* tare-init has loaded the filter, and goes on when the agent has the listener. */
static int pass_listener(struct progress *p, int listener, struct err *e)
{
	if (agent_send(p->rec, p->rec->pid, STATUS_CREATING, listener, p->arena, e) < 0)
		return err_at(e, "/linux/seccomp");

	int r = wire_send(p->socket, WIRE_GO, 0, -1);

	return r < 0 && r != -EPIPE && r != -ECONNRESET ? err_sys(e, r, "let tare-init go on") : 0;
}

static int ended_early(struct err *e)
{
	return err_msg(e, "the container's first process was killed before it could start");
}

/* A program whose start was reported as failed must not run later. */
static int give_up(const struct record *rec)
{
	autoclose int pidfd = proc_open_exactly(rec->pid, rec->start_time);

	if (pidfd >= 0)
		sys_pidfd_signal(pidfd, SIGKILL);

	return -1;
}

static int read_last_message(const struct progress *p, struct err *e)
{
	struct wire_message m;
	int r = p->last_message < 0 ? 0 : wire_last_message(p->last_message, &m);

	if (r < 0)
		return err_sys(e, r, "read tare-init's last words");
	if (r > 0) {
		*e = m.error;
		return -1;
	}

	return 0;
}

/* Read messages until the end of the connection. 0: the program runs. */
static int follow(struct progress *p, struct err *e)
{
	for (;;) {
		struct pollfd input = { .fd = p->socket, .events = POLLIN };
		struct wire_message m;
		int fd;

		if (watchdog_poll(p->rec->pid, p->rec->agent != NULL, &input, 1, e) < 0)
			return give_up(p->rec);

		int r = wire_receive(p->socket, &m, &fd);
		autoclose int came = r > 0 ? fd : -1;

		if (r == -ECONNRESET)
			return ended_early(e);
		if (r < 0)
			return err_sys(e, r, "receive from tare-init");
		if (r == 0)
			return p->progress.ready ? read_last_message(p, e) : ended_early(e);
		if (message_check_start(&p->progress, p->rec->agent != NULL, &m, came, e) < 0)
			return give_up(p->rec);
		if (m.kind == WIRE_FAILED) {
			*e = m.error;
			exec_explain(p->rec->pid, p->socket, &m, e);
			return -1;
		}
		if (m.kind == WIRE_DONE)
			trace_inside(NULL, &m);
		else if (m.kind == WIRE_LAST_MESSAGE)
			p->last_message = take_fd(&came);
		else if (m.kind == WIRE_NOTIFIER && pass_listener(p, came, e) < 0)
			return -1;
	}
}

/* tare-init's socket closes before tare-init has ended, and until then `state` says "running". */
static void wait_for_end(const struct record *rec)
{
	autoclose int pidfd = proc_open_exactly(rec->pid, rec->start_time);

	(void) sys_pidfd_ends(pidfd, EXIT_MS);
}

static int connect_and_follow(int dir, const struct record *rec, struct arena *a, struct err *e)
{
	autoclose int socket = sys_connect_at(dir, STATE_SOCKET, SOCK_SEQPACKET);
	if (socket == -ECONNREFUSED)
		return err_msg(e, "cannot start a container that has stopped");
	if (socket < 0)
		return err_sys(e, socket, "connect to tare-init");

	struct progress p = { .rec = rec, .arena = a, .socket = socket, .last_message = -1 };
	int r = follow(&p, e);

	fd_close(&p.last_message);
	if (r < 0) {
		wait_for_end(rec);
		return -1;
	}
	sys_unlink_at(dir, STATE_SOCKET, 0);
	sys_unlink_at(dir, STATE_EXEC_FIFO, 0);

	return 0;
}

/* runtime-spec, runtime.md#lifecycle, step 9: a failed poststart hook stops the container. */
static int run_poststart(const struct state_root *root, const char *id, int dir,
			 const struct record *rec, struct arena *a, struct err *e)
{
	struct err undo;

	if (!hooks_recorded(rec, "poststart"))
		return 0;

	autoclose int journal = journal_reopen(dir, e);
	if (journal >= 0 &&
	    hooks_run_recorded(rec, "poststart", STATUS_RUNNING, false, journal, a, e) == 0)
		return 0;
	(void) container_remove(root, id, dir, rec, a, &undo);

	return -1;
}

/*
 * runtime-spec, runtime.md#lifecycle, step 7: a failed startContainer hook removes the container.
 * After any other failure the container stays, stopped, so that the engine can look at it.
 */
static int undo_after_hook(const struct state_root *root, const char *id, int dir,
			   const struct record *rec, struct arena *a, struct err *e)
{
	struct err undo;

	if (strncmp(e->place, "/hooks/", 7) == 0)
		(void) container_remove(root, id, dir, rec, a, &undo);

	return -1;
}

static int start(const struct state_root *root, const char *id, int dir, const struct record *rec,
		 struct notify *n, const char *notify_socket, struct arena *a, struct err *e)
{
	if (notify_open(n, dir, notify_socket, e) < 0)
		return -1;

	/*
	 * The pidfd is opened before the program runs: it may send READY= and end during the hooks.
	 */
	autoclose int pidfd = n->in < 0 ? -ESRCH : proc_open_exactly(rec->pid, rec->start_time);
	if (pidfd < 0 && pidfd != -ESRCH)
		return err_sys(e, pidfd, "open process %d", rec->pid);
	if (connect_and_follow(dir, rec, a, e) < 0)
		return undo_after_hook(root, id, dir, rec, a, e);
	if (run_poststart(root, id, dir, rec, a, e) < 0)
		return -1;
	if (pidfd < 0)
		return 0;
	/* Unlocked for other commands: the program may take long until it is ready. */
	state_unlock(dir);

	return notify_wait(n, rec->pid, pidfd, e);
}

int container_start(const struct state_root *root, const char *id, const char *notify_socket,
		    struct arena *a, struct err *e)
{
	struct notify n = NOTIFY_NONE;
	struct record rec;

	autoclose int dir = container_lookup(root, id, false, &rec, a, e);
	if (dir < 0 || check_status(dir, &rec, e) < 0)
		return -1;

	int r = start(root, id, dir, &rec, &n, notify_socket, a, e);
	notify_close(&n);

	return r;
}
