/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/perform.c - the walk through the plan, and the way back
 *
 * tare performs the steps of its side, in turns with tare-init (wire/wire.h). Every effect that
 * outlives a process is in the journal before it happens; whatever fails, at whatever step, ends in
 * create_rollback(), which kills tare-init and has the journal undone. A stop signal is a failure
 * like any other.
 */
#include "host/host.h"

#include "base/fd.h"
#include "base/table.h"
#include "cgroup/cgroup.h"
#include "kernel/procfs.h"
#include "kernel/process.h"
#include "kernel/socket.h"
#include "state/directory.h"
#include "state/journal.h"
#include "wire/hook.h"
#include "wire/wire.h"

#include "base/fmt.h"

#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

/* ---- the steps of our side ---- */

/* What tare-init waits with; only create needs it. */
static int make_waiting_room(struct create *c, struct err *e)
{
	c->listener = sys_listen_at(c->state_dir, STATE_SOCKET, SOCK_SEQPACKET);
	if (c->listener < 0)
		return err_sys(e, c->listener, "make the socket for start");
	c->hold = sys_open_at(c->state_dir, STATE_HOLD, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (c->hold < 0)
		return err_sys(e, c->hold, "make the file that says \"created\"");

	int r = sys_lock(c->hold, LOCK_EX | LOCK_NB);

	return r < 0 ? err_sys(e, r, "lock the file that says \"created\"") : 0;
}

static int claim_id(struct create *c, const struct step *s, struct err *e)
{
	(void) s;

	c->state_dir = state_claim(&c->options->root, c->options->id, e);
	if (c->state_dir < 0)
		return -1;
	c->journal = journal_open(c->state_dir, e);
	if (c->journal < 0)
		return -1;

	return c->options->run ? 0 : make_waiting_room(c, e);
}

static int make_cgroup(struct create *c, const struct step *s, struct err *e)
{
	char topmost[CGROUP_PATH];

	if (cgroup_find_missing(s->cgroup.path, topmost, e) < 0 ||
	    journal_cgroup(c->journal, s->cgroup.path, topmost, e) < 0)
		return -1;
	if (cgroup_make(s->cgroup.path, topmost, e) < 0) {
		struct err ignored;

		(void) journal_not_ours(c->journal, s->cgroup.path, &ignored);
		return -1;
	}

	return journal_made(c->journal, topmost, e);
}

static int write_cgroup(struct create *c, const struct step *s, struct err *e)
{
	(void) c;

	return cgroup_write(s->cgroup_file.directory, s->cgroup_file.file, s->cgroup_file.value,
			    s->cgroup_file.optional, e);
}

static int attach_devices(struct create *c, const struct step *s, struct err *e)
{
	(void) c;

	return cgroup_attach_devices(s->devices.directory, s->devices.instructions,
				     s->devices.count, e);
}

static int spawn(struct create *c, const struct step *s, struct err *e)
{
	if (spawn_init(c, s, e) < 0)
		return -1;

	return journal_process(c->journal, c->pid, c->start_time, e);
}

static int join_cgroup(struct create *c, const struct step *s, struct err *e)
{
	return cgroup_join(s->cgroup.path, c->pid, e);
}

static int hand_down(struct create *c, const struct step *s, struct err *e)
{
	(void) c;

	return cgroup_hand_down(s->cgroup.path, e);
}

static int deny_setgroups(struct create *c, const struct step *s, struct err *e)
{
	(void) s;

	return idmap_deny_setgroups(c, e);
}

static int set_oom_score(struct create *c, const struct step *s, struct err *e)
{
	char path[64], value[16];

	fmt_text(path, sizeof(path), "/proc/%d/oom_score_adj", c->pid);
	fmt_text(value, sizeof(value), "%d", (int) s->number);

	autoclose int fd = sys_open(path, O_WRONLY | O_NOFOLLOW);
	int r = fd < 0 ? fd : sys_write_all(fd, value, strlen(value));
	if (r == -EACCES || r == -EPERM) {
		(void) err_sys(e, r, "set oom_score_adj to %s", value);
		return err_hint(e, "to lower it below its caller's tare needs CAP_SYS_RESOURCE");
	}

	return r < 0 ? err_sys(e, r, "set oom_score_adj to %s", value) : 0;
}

static int release(struct create *c, const struct step *s, struct err *e)
{
	(void) s;

	return spawn_release(c, e);
}

static int pass_console(struct create *c, const struct step *s, struct err *e)
{
	(void) s;

	if (c->console < 0)
		return err_msg(e, "the terminal did not arrive from tare-init");
	if (console_send(c->options->console_socket, c->console, e) < 0)
		return -1;
	sys_close(take_fd(&c->console));

	return 0;
}

static int run_hook(struct create *c, const struct step *s, struct err *e)
{
	const struct hook_step *h = &s->hook;
	char status_and_pid[64];

	fmt_text(status_and_pid, sizeof(status_and_pid), "%s\",\"pid\":%d", h->status, c->pid);

	const struct hook_call call = {
		.stage = h->stage,
		.path = h->path,
		.argv = h->argv,
		.envp = h->envp,
		.timeout = h->timeout,
		.directory = c->plan->bundle,
		.state = { c->plan->state_head, status_and_pid, c->plan->state_tail },
		.interrupt = c->signals,
	};

	return hook_run(&call, e);
}

static int (*const performers[OP_COUNT])(struct create *c, const struct step *s, struct err *e) = {
	[OP_CLAIM_ID] = claim_id,
	[OP_MAKE_CGROUP] = make_cgroup,
	[OP_WRITE_CGROUP] = write_cgroup,
	[OP_ATTACH_DEVICES] = attach_devices,
	[OP_SPAWN] = spawn,
	[OP_START_SCOPE] = scope_perform,
	[OP_JOIN_CGROUP] = join_cgroup,
	[OP_HAND_DOWN] = hand_down,
	[OP_WRITE_ID_MAP] = idmap_write,
	[OP_DENY_SETGROUPS] = deny_setgroups,
	[OP_SET_OOM_SCORE] = set_oom_score,
	[OP_RELEASE] = release,
	[OP_PASS_CONSOLE] = pass_console,
	[OP_RUN_HOST_HOOK] = run_hook,
};

/* ---- the walk ---- */

#define DYING_MS 1000

/* Put the step in front of its failure: what the table calls it, and what asked for it. */
static int step_failed(struct create *c, size_t index, struct err *e)
{
	const struct step *s = &c->plan->steps[index];

	fmt_text(e->operation, sizeof(e->operation), "%s", step_kinds[s->op].name);
	c->failed_op = s->op;

	return err_at(e, s->place);
}

/* The host steps from *@next on, up to the first of tare-init's or behind OP_SPAWN. */
static int perform_ours(struct create *c, size_t *next, struct err *e)
{
	const struct plan *plan = c->plan;

	for (; *next < plan->step_count && plan->steps[*next].on_host; (*next)++) {
		const struct step *s = &plan->steps[*next];
		int r = plan->fail_step == *next + 1
				? err_msg(e, "step %zu fails, as the test asks", *next + 1)
				: performers[s->op](c, s, e);

		if (r < 0)
			return step_failed(c, *next, e);
	}

	return 0;
}

/* Somebody wants us to stop while we wait for tare-init. */
static int interrupted(struct create *c, struct err *e)
{
	struct signalfd_siginfo info = { .ssi_signo = 0 };

	sys_read(c->signals, &info, sizeof(info));

	return err_msg(e, "interrupted by signal %u", info.ssi_signo);
}

/* tare-init ended without a word: killed, most likely for its memory limit. */
static int died(struct create *c, struct err *e)
{
	struct pollfd end = { .fd = c->pidfd, .events = POLLIN };
	int status = 0;

	/* Its descriptors are closed a moment before it can be reaped. */
	if (sys_poll(&end, 1, DYING_MS) > 0 && sys_wait(c->pid, &status, 0) == c->pid) {
		c->pid = 0;
		if ((status & 0x7f) != 0)
			(void) err_msg(e, "the container's first process was killed by signal %d",
				       status & 0x7f);
		else
			(void) err_msg(e, "the container's first process ended with %d",
				       status >> 8 & 0xff);
		if ((status & 0x7f) == SIGKILL)
			err_hint(e, "its memory limit may be too small");
		return -1;
	}

	return err_msg(e, "the container's first process closed its socket");
}

/* One message of tare-init, unless a signal comes first. As wire_receive(), but -1 with @e set. */
static int next_message(struct create *c, struct wire_message *m, struct err *e)
{
	struct pollfd fds[2] = {
		{ .fd = c->control, .events = POLLIN },
		{ .fd = c->signals, .events = POLLIN },
	};
	int r, fd;

	do
		r = sys_poll(fds, ARRAY_SIZE(fds), -1);
	while (r == -EINTR);
	if (fds[1].revents != 0)
		return interrupted(c, e);

	r = wire_receive(c->control, m, &fd);
	if (r ==
	    -ECONNRESET) /* it ended without having read all of ours; what it said itself is still there */
		r = wire_receive(c->control, m, &fd);
	if (r < 0)
		return err_sys(e, r, "hear from tare-init");
	if (r > 0 && m->kind == WIRE_DESCRIPTOR) {
		fd_close(&c->console);
		c->console = fd;
	}

	return r;
}

/* That it is gone meanwhile we hear, with the reason, from its end of the socket. */
static int give_turn(struct create *c, size_t next, struct err *e)
{
	int r = wire_send(c->control, WIRE_GO, next, -1);

	return r < 0 && r != -EPIPE && r != -ECONNRESET ? err_sys(e, r, "give tare-init its turn")
							: 0;
}

static int take_turns(struct create *c, size_t next, struct err *e)
{
	bool ready = false;

	for (;;) {
		struct wire_message m;
		int r = next_message(c, &m, e);

		if (r < 0)
			return -1;
		if (r == 0)
			return ready ? 0 : died(c, e);
		if (m.kind == WIRE_READY && !c->options->run)
			return 0;
		if (m.kind == WIRE_READY)
			ready = true;
		if (m.kind == WIRE_FAILED) {
			*e = m.error;
			return step_failed(
				c, m.step < c->plan->step_count ? m.step : c->plan->spawn, e);
		}
		if (m.kind != WIRE_TURN)
			continue;
		next = m.step;
		if (perform_ours(c, &next, e) < 0)
			return -1;
		if (give_turn(c, next, e) < 0)
			return -1;
	}
}

int create_perform(struct create *c, struct err *e)
{
	size_t next = 0, first_of_init = c->plan->spawn + 1;

	if (perform_ours(c, &next, e) < 0)
		return -1;
	if (next > first_of_init && give_turn(c, next, e) < 0)
		return -1;
	/* Only now: there may be more than fit into the socket, and it must be reading them. */
	if (sources_send(c, e) < 0)
		return -1;

	return take_turns(c, next, e);
}

/* ---- the way back ---- */

static void kill_init(struct create *c)
{
	int status;

	if (c->pid <= 0)
		return;
	sys_pidfd_signal(c->pidfd, SIGKILL);
	sys_wait(c->pid, &status, 0);
	c->pid = 0;
}

/* A failure while undoing must not hide what went wrong first. */
static void add_behind(struct err *e, const struct err *undo)
{
	size_t length = strlen(e->text);

	fmt_text(e->text + length, sizeof(e->text) - length, "; and then, while undoing: %s",
		 undo->text);
}

void create_rollback(struct create *c, struct err *e)
{
	struct err undo;

	if (c->state_dir < 0) /* the ID was not even ours */
		return;
	kill_init(c);
	if (journal_undo(c->state_dir, &undo) < 0) {
		/* The journal stays: delete --force or the next create tries again. */
		add_behind(e, &undo);
		return;
	}
	if (state_remove(&c->options->root, c->options->id, c->state_dir, &undo) < 0)
		add_behind(e, &undo);
}
