/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/create/perform.c - the walk through the plan, and the rollback
 *
 * tare performs the steps of its side (steps.c), in turns with tare-init (wire/wire.h). A failure
 * at any step ends in create_rollback(), which kills tare-init and undoes the journal. A stop
 * signal is a failure like any other.
 */

#include "host/create/create.h"

#include "base/fmt.h"
#include "base/table.h"
#include "heap/log.h"
#include "host/advice.h"
#include "host/criu/restore.h"
#include "host/explain.h"
#include "host/hooks.h"
#include "host/trace.h"
#include "host/watchdog.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "kernel/time.h"
#include "state/directory.h"
#include "state/journal.h"
#include "wire/wire.h"

#include <sys/signalfd.h>

/* ---- the walk ---- */

/* Tare-init has done, or begun, the first @count steps. */
static void note_hooks(struct create *c, size_t count)
{
	for (size_t i = 0; i < count && !c->hook_begun; i++)
		c->hook_begun = c->plan->steps[i].op == OP_RUN_HOOK;
}

/* Put the name of the step and its place in config.json in front of the failure. */
static int step_failed(struct create *c, size_t index, struct err *e)
{
	const struct step *s = &c->plan->steps[index];

	fmt_text(e->operation, sizeof(e->operation), "%s", step_kinds[s->op].name);
	note_hooks(c, index + 1);
	step_advise(c, s, e);

	return err_at(e, s->place);
}

/* As step_failed(), for the step that tare-init names. */
static int failed_at(struct create *c, size_t index, struct err *e)
{
	return step_failed(c, index < c->plan->step_count ? index : c->plan->spawn, e);
}

int create_perform_step(struct create *c, size_t index, struct err *e)
{
	const struct step *s = &c->plan->steps[index];
	int64_t begun = c->plan->debug ? sys_clock_us() : 0;

	c->hook_begun |= s->op == OP_RUN_HOST_HOOK;

	int r = c->plan->fail_step == index + 1
			? err_msg(e, "step %zu fails, as the test asks", index + 1)
			: create_performers[s->op](c, s, e);

	if (r == 0 && c->plan->debug)
		trace_step(c->plan, index, sys_clock_us() - begun);

	return r < 0 ? step_failed(c, index, e) : 0;
}

/* Perform the host steps from *@next on, up to the first of tare-init's, or behind OP_SPAWN. */
static int perform_ours(struct create *c, size_t *next, struct err *e)
{
	for (; *next < c->plan->step_count && c->plan->steps[*next].on_host; (*next)++)
		if (create_perform_step(c, *next, e) < 0)
			return -1;

	return 0;
}

/* A signal asks tare to stop while tare-init works. */
static int interrupted(struct create *c, struct err *e)
{
	struct signalfd_siginfo info = { .ssi_signo = 0 };

	sys_read(c->signals, &info, sizeof(info));

	return err_msg(e, "interrupted by signal %u", info.ssi_signo);
}

/* tare-init ended without a message: it was killed, or had too little memory. */
static int process_ended(struct create *c, struct err *e)
{
	const char *name = c->running ? "the new process" : "the container's first process";
	int status = 0;

	/* A process closes its descriptors a moment before it can be reaped. */
	if (sys_pidfd_ends(c->pidfd, EXIT_MS) && sys_wait(c->pid, &status, 0) == c->pid) {
		c->pid = 0;
		if ((status & 0x7f) != 0)
			(void) err_msg(e, "%s was killed by signal %d", name, status & 0x7f);
		else
			(void) err_msg(e, "%s ended with %d", name, status >> 8 & 0xff);
		if (status != 0)
			memory_advise(c->plan, (status & 0x7f) == SIGKILL, e);
		return -1;
	}

	return err_msg(e, "%s closed its socket", name);
}

/* If tare-init has ended, the end of the socket reports that, with the reason. */
static int give_turn(struct create *c, size_t next, struct err *e)
{
	int r = wire_send(c->control, WIRE_GO, next, -1);

	return r < 0 && r != -EPIPE && r != -ECONNRESET ? err_sys(e, r, "give tare-init its turn")
							: 0;
}

/*
 * The container's process exists, a sibling of the process that has done the steps so far and now
 * ends. Only a child of tare is accepted, as tare signals, reaps and records the process by its
 * pid.
 */
static int take_over(struct create *c, const struct wire_message *m, struct err *e)
{
	pid_t pid = (pid_t) m->step;
	struct proc_stat stat = { .start_time = 0 };
	int status;

	if (pid == c->pid || !sys_is_child(pid))
		return err_msg(e, "tare-init says what it has not to say: process %d is not ours",
			       pid);
	if (sys_pidfd_ends(c->pidfd, CHILD_TIMEOUT_MS))
		sys_wait(c->pid, &status, 0);
	else
		sys_pidfd_signal(c->pidfd, SIGKILL);
	sys_close(c->pidfd);
	c->pid = pid;
	c->pidfd = sys_pidfd_open(pid);
	if (c->pidfd < 0)
		return err_sys(e, c->pidfd, "open process %d", pid);
	if (watch_aim(c, e) < 0)
		return -1;
	if (c->journal < 0)
		return give_turn(c, c->progress.next, e);

	int r = proc_stat_read(pid, &stat);
	if (r < 0)
		return err_sys(e, r, "read /proc/%d/stat", pid);
	c->start_time = stat.start_time;
	if (journal_process(c->journal, pid, stat.start_time, e) < 0)
		return -1;

	return give_turn(c, c->progress.next, e);
}

/* Keep, or pass on, the descriptor of @m. 1, or -1 with @e set. */
static int keep_descriptor(struct create *c, const struct wire_message *m, int fd, struct err *e)
{
	autoclose int listener = -1;
	autoclose int tree = -1;

	switch (m->kind) {
	case WIRE_ASK:
		tree = fd;
		return sources_answer(c, m->step, tree, e) < 0 ? failed_at(c, m->step, e) : 1;
	case WIRE_CLONED:
		return take_over(c, m, e) < 0 ? -1 : 1;
	case WIRE_DESCRIPTOR:
		c->console = fd;
		return 1;
	case WIRE_LAST_MESSAGE:
		c->last_message = fd;
		return 1;
	case WIRE_NOTIFIER:
		listener = fd;
		if (create_send_to_agent(c, listener, e) < 0)
			return step_failed(c, m->step, e);
		return give_turn(c, m->step, e) < 0 ? -1 : 1;
	default:
		fd_close(&fd);
		return 1;
	}
}

static bool has_agent(const struct create *c)
{
	const struct step *filter = plan_find_step(c->plan, OP_SET_SECCOMP);

	return filter && filter->seccomp.notify;
}

/* Wait for a message of tare-init, or a signal. As wire_receive(), but -1 with @e set. */
static int next_message(struct create *c, bool ready, struct wire_message *m, struct err *e)
{
	struct pollfd fds[2] = {
		{ .fd = c->control, .events = POLLIN },
		/* After READY the program may run already, and signals are for it. */
		{ .fd = ready ? -1 : c->signals, .events = POLLIN },
	};
	int fd;

	if (watchdog_poll(c->pid, has_agent(c), fds, ARRAY_SIZE(fds), e) < 0)
		return -1;
	/* A message goes before a signal: it may be READY. */
	if (fds[1].revents != 0 && fds[0].revents == 0)
		return interrupted(c, e);

	int r = wire_receive(c->control, m, &fd);
	/*
	 * tare-init ended without reading all of our messages; its own last one can still be read.
	 */
	if (r == -ECONNRESET)
		r = wire_receive(c->control, m, &fd);
	if (r < 0)
		return err_sys(e, r, "receive from tare-init");
	if (r > 0 && message_check(&c->progress, c->plan, !c->options->run, m, fd, e) < 0) {
		fd_close(&fd);
		return -1;
	}

	return r <= 0 ? r : keep_descriptor(c, m, fd, e);
}

/* Log that a step of tare-init's was done in part, which is no failure. */
static int warn_inside(struct create *c, struct wire_message *m, struct err *e)
{
	const struct step *s = m->step < c->plan->step_count ? &c->plan->steps[m->step] : NULL;
	char line[ERR_TEXT + ERR_PLACE + ERR_HINT];

	if (s) {
		err_at(&m->error, s->place);
		step_advise(c, s, &m->error);
	}
	err_line(&m->error, line, sizeof(line));
	log_warning("%s", line);

	/*
	 * The program may report the same failure: tare-init waits with the exec until the warning
	 * is printed.
	 */
	return s && s->op == OP_TRY_NETWORK ? give_turn(c, c->progress.next, e) : 0;
}

/* Does the step make a namespace that the kernel may lack? */
static bool made_namespace(const struct create *c, size_t step)
{
	enum step_op op = step < c->plan->step_count ? c->plan->steps[step].op : OP_COUNT;

	return op == OP_UNSHARE || op == OP_SET_CLOCKS;
}

static int failed_inside(struct create *c, const struct wire_message *m, struct err *e)
{
	*e = m->error;
	exec_explain(c->pid, c->control, m, e);
	if (made_namespace(c, m->step))
		spawn_explain_missing(c, e);

	return failed_at(c, message_failed_step(&c->progress, c->plan, m->step), e);
}

/* The socket was closed: the program runs, unless the memory file has a failure. */
static int read_last_message(struct create *c, struct err *e)
{
	struct wire_message m;
	int r = c->last_message < 0 ? 0 : wire_last_message(c->last_message, &m);

	if (r < 0)
		return err_sys(e, r, "read tare-init's last words");

	return r > 0 ? failed_inside(c, &m, e) : 0;
}

/* Perform the steps marked ahead; tare-init waits for GO after each. */
static int work_ahead(struct create *c, size_t from, struct err *e)
{
	for (size_t i = from; i < c->plan->step_count; i++)
		if (c->plan->steps[i].ahead &&
		    (create_perform_step(c, i, e) < 0 || give_turn(c, i + 1, e) < 0))
			return -1;

	return 0;
}

static int take_turns(struct create *c, size_t next, struct err *e)
{
	bool ready = false;

	for (;;) {
		struct wire_message m;
		int r = next_message(c, ready, &m, e);

		/* Interrupted, or without a word: tare-init may be in the middle of a hook. */
		if (r <= 0)
			note_hooks(c, message_end_of_turn(&c->progress, c->plan));
		if (r < 0)
			return -1;
		if (r == 0)
			return ready ? read_last_message(c, e) : process_ended(c, e);
		if (m.kind == WIRE_READY)
			note_hooks(c, m.step);
		if (m.kind == WIRE_READY && !c->options->run)
			return 0;
		if (m.kind == WIRE_READY) {
			ready = true;
			/*
			 * Unmounting the tmpfs takes the kernel a while; the program starts
			 * meanwhile.
			 */
			fd_close(&c->nodes);
			c->nodes = -1;
		}
		if (m.kind == WIRE_FAILED)
			return failed_inside(c, &m, e);
		if (m.kind == WIRE_WARNING && warn_inside(c, &m, e) < 0)
			return -1;
		if (m.kind == WIRE_DONE)
			trace_inside(c->plan, &m);
		if (m.kind != WIRE_TURN)
			continue;
		next = m.step;
		note_hooks(c, next);
		if (perform_ours(c, &next, e) < 0)
			return -1;
		c->progress.next = next;
		if (give_turn(c, next, e) < 0)
			return -1;
	}
}

int create_perform(struct create *c, struct err *e)
{
	size_t next = 0, first_of_init = c->plan->spawn + 1;

	/*
	 * Files of tare must be readable and writable for itself, whatever the caller's umask; the
	 * program's umask is in the plan.
	 */
	sys_umask(c->plan->umask & 0077);
	if (c->plan->hooks_print &&
	    hook_files_open(&c->hook_files, &c->plan->hooks_out, &c->plan->hooks_err, e) < 0)
		return -1;
	if (c->options->restore)
		return restore_perform(c, e);
	if (perform_ours(c, &next, e) < 0)
		return -1;
	c->progress.next = next;
	if (next > first_of_init && give_turn(c, next, e) < 0)
		return -1;
	/*
	 * The messages of sources_send() may not fit into the socket, so tare-init must already be
	 * reading.
	 */
	if (sources_send(c, e) < 0 || work_ahead(c, next, e) < 0)
		return -1;

	return take_turns(c, next, e);
}

/* ---- rollback ---- */

void create_kill(struct create *c)
{
	int status;

	if (c->pid <= 0)
		return;
	sys_pidfd_signal(c->pidfd, SIGKILL);
	/* A process that does not end is reported by journal_undo(). */
	sys_wait_within(c->pid, &status, EXIT_MS);
	c->pid = 0;
}

/* Put a failure to undo behind the first failure, which stays in front. */
static void add_behind(struct err *e, const struct err *undo)
{
	size_t length = strlen(e->text);

	fmt_text(e->text + length, sizeof(e->text) - length, "; and then, while undoing: %s",
		 undo->text);
}

/* Undoing opens files, and the lack of descriptors may be the reason for the failure. */
static void close_all(struct create *c)
{
	int *fds[] = { &c->listener, &c->hold,	  &c->signals, &c->pidfd,	 &c->control,
		       &c->release,  &c->console, &c->journal, &c->last_message, &c->nodes };

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fd_close(fds[i]);
		*fds[i] = -1;
	}
}

void create_rollback(struct create *c, struct err *e)
{
	struct arena a;
	struct err undo;

	if (c->state_dir < 0) /* the ID belongs to another container */
		return;
	create_kill(c);
	if (c->network >= 0 && journal_return_netdevs(c->state_dir, c->network, &undo) < 0)
		add_behind(e, &undo);
	if (resctrl_write_back(c, &undo) < 0)
		add_behind(e, &undo);
	fd_close(&c->network);
	c->network = -1;
	notify_close(&c->notify);
	hook_files_close(&c->hook_files);
	close_all(c);
	arena_open(&a);
	if (journal_undo(c->state_dir, NULL, true, &a, &undo) == 0 &&
	    state_remove(&c->options->root, c->options->id, c->state_dir, &undo) == 0)
		return;
	/*
	 * The journal stays, so delete --force or the next create tries again; and where the record
	 * stays, too, that delete runs the poststop hooks.
	 */
	add_behind(e, &undo);
	c->hook_begun &= !c->recorded;
}
