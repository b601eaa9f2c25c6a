/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/create/steps.c - the steps of tare's side
 *
 * Every effect that outlives a process is in the journal before it happens.
 */
#include "host/create/create.h"

#include "base/fmt.h"
#include "cgroup/cgroup.h"
#include "heap/log.h"
#include "host/engine_socket.h"
#include "host/explain.h"
#include "host/hooks.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "kernel/since.h"
#include "kernel/socket.h"
#include "plan/cpu_list.h"
#include "plan/process/scheduler.h"
#include "state/directory.h"
#include "state/journal.h"
#include "wire/hook.h"

#include <sys/socket.h>

/* The socket and the lock with which tare-init waits for start; only create needs them. */
static int make_start_socket(struct create *c, struct err *e)
{
	c->listener = sys_listen_at(c->state_dir, STATE_SOCKET, SOCK_SEQPACKET);
	if (c->listener < 0)
		return err_sys(e, c->listener, "make the socket for start");

	/*
	 * A FIFO, as it can't store any data: a root with CAP_SYS_PTRACE in a shared pid namespace
	 * may take this descriptor from a waiting tare-init.
	 */
	int r = sys_mknod_at(c->state_dir, STATE_EXEC_FIFO, S_IFIFO | 0600, 0);
	if (r == 0)
		r = c->hold = sys_open_at(c->state_dir, STATE_EXEC_FIFO,
					  O_RDONLY | O_NONBLOCK | O_NOFOLLOW, 0);
	if (r < 0)
		return err_sys(e, r, "make the file that says \"created\"");

	r = sys_lock(c->hold, LOCK_EX | LOCK_NB);

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

	return c->options->run ? 0 : make_start_socket(c, e);
}

static int record_mount(struct create *c, const struct step *s, struct err *e)
{
	autoclose int directory = sys_open(s->path, O_PATH | O_DIRECTORY);

	return directory < 0 ? err_sys(e, directory, "open rootfs \"%s\"", s->path)
			     : journal_mount(c->journal, directory, s->path, e);
}

static int make_cgroup(struct create *c, const struct step *s, struct err *e)
{
	char topmost[CGROUP_PATH];

	if (cgroup_find_missing(s->cgroup.path, topmost, e) < 0 ||
	    journal_cgroup(c->journal, s->cgroup.path, topmost, e) < 0)
		return -1;
	if (cgroup_make(s->cgroup.path, s->cgroup.kind, topmost, e) < 0) {
		struct err ignored;

		(void) journal_not_ours(c->journal, s->cgroup.path, &ignored);
		return -1;
	}

	return journal_made(c->journal, topmost, e);
}

int cgroup_file_choose(const struct step *s, const char **file, const char **value, struct err *e)
{
	const char *dir = s->cgroup_file.directory, *usage = s->cgroup_file.usage_file;
	bool other = s->cgroup_file.other_file && !cgroup_has_file(dir, s->cgroup_file.file);

	*file = other ? s->cgroup_file.other_file : s->cgroup_file.file;
	*value = other ? s->cgroup_file.other_value : s->cgroup_file.value;

	return usage ? cgroup_check_usage(dir, usage, s->cgroup_file.value, e) : 0;
}

static int write_cgroup(struct create *c, const struct step *s, struct err *e)
{
	const char *file, *value;

	(void) c;
	if (cgroup_file_choose(s, &file, &value, e) < 0)
		return -1;

	return cgroup_write(s->cgroup_file.directory, file, value, s->cgroup_file.optional, e);
}

static int attach_devices(struct create *c, const struct step *s, struct err *e)
{
	int r = cgroup_attach_devices(s->devices.directory, s->devices.instructions,
				      s->devices.count, e);
	bool lacking = r < 0 && (e->code == ENOSYS || e->code == EINVAL);

	(void) c;
	if (!lacking || !s->devices.may_be_missing)
		return r;
	/*
	 * Engines always send device rules. Without CAP_MKNOD the container can't make nodes, so
	 * the rules guard little: plan/limits/devices.c.
	 */
	log_warning("%s: this kernel can't put device rules in force", s->place);

	return 0;
}

static int spawn(struct create *c, const struct step *s, struct err *e)
{
	if (spawn_init(c, s, e) < 0 || watch_aim(c, e) < 0)
		return -1;

	/* exec has no journal: its process ends with the container. */
	return c->journal < 0 ? 0 : journal_process(c->journal, c->pid, c->start_time, e);
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

static int own_cgroup(struct create *c, const struct step *s, struct err *e)
{
	uid_t uid;

	if (idmap_find_outside(c->pid, false, s->cgroup_owner.uid, &uid, e) < 0)
		return -1;

	return cgroup_give(s->cgroup_owner.directory, uid, e);
}

static int set_oom_score(struct create *c, const struct step *s, struct err *e)
{
	char value[16];

	fmt_text(value, sizeof(value), "%d", (int) s->number);

	autoclose int fd = proc_open(c->pid, "oom_score_adj", O_WRONLY | O_NOFOLLOW);
	int r = fd < 0 ? fd : sys_write_all(fd, value, strlen(value));
	if (r == -EACCES || r == -EPERM) {
		(void) err_sys(e, r, "set oom_score_adj to %s", value);
		return err_hint(e, "to lower it below its caller's tare needs CAP_SYS_RESOURCE");
	}

	return r < 0 ? err_sys(e, r, "set oom_score_adj to %s", value) : 0;
}

static int set_scheduler(struct create *c, const struct step *s, struct err *e)
{
	const struct scheduler_step *o = &s->scheduler;
	const struct sys_sched_attr attr = scheduler_attributes(o);
	int r = sys_sched_setattr(c->pid, &attr);

	if (r == 0)
		return 0;
	(void) err_sys(e, r, "set the scheduling policy %s", o->name);
	/* sched_setattr(2): EPERM where the affinity leaves out a processor of the machine. */
	if (r == -EPERM && o->policy == SCHED_DEADLINE && o->some_cpus)
		err_hint(e,
			 "process scheduler can't be used together with AllowedCPUs: %s takes "
			 "all processors",
			 o->name);
	else if (r == -EPERM)
		err_hint(e, "it takes CAP_SYS_NICE, and with cgroup v1 a cpu.rt_runtime_us in the "
			    "container's cgroup for real time");
	/* E2BIG: util clamps on Linux before 5.3. */
	if (r == -EINVAL || r == -E2BIG)
		err_hint(e, "this kernel has no such policy or flag, or takes no such values");
	if (r == -ENOSYS)
		err_lacks(e, SINCE_DEADLINE);
	if (r == -EBUSY)
		err_hint(e, "the processors have not that much time left");

	return -1;
}

static int set_affinity(struct create *c, const struct step *s, struct err *e)
{
	pid_t pid = s->affinity.before_clone ? 0 : c->pid;
	int r = sys_sched_setaffinity(pid, s->affinity.mask, CPU_LIST_MOST / 8);

	if (r < 0) {
		(void) err_sys(e, r, "set the CPU affinity \"%s\"", s->affinity.list);
		if (r == -EINVAL)
			err_hint(e, "none of these CPUs is there, or allowed by the cpuset");
		return -1;
	}

	return 0;
}

static int set_io_priority(struct create *c, const struct step *s, struct err *e)
{
	/* tare-init leads a process group of its own, and is alone in it. */
	int r = sys_ioprio_set(c->pid, s->io_priority.class, s->io_priority.level);

	if (r == 0)
		return 0;
	(void) err_sys(e, r, "set the I/O priority %s %d", s->io_priority.name,
		       s->io_priority.level);
	if (r == -EPERM)
		err_hint(e, "it takes CAP_SYS_NICE or CAP_SYS_ADMIN");

	return -1;
}

/* Noted now, as the program does not run yet, and may end at once. */
static int note_root(struct create *c, const struct step *s, struct err *e)
{
	(void) s;
	(void) e;
	strays_root_of(c->pid, c->root_mount);

	return 0;
}

/*
 * Printed only now: if an earlier step fails, the user gets the error alone, without a list of what
 * was left out.
 */
static int print_omitted(struct create *c, const struct step *s, struct err *e)
{
	const struct create_options *o = c->options;

	(void) s;
	(void) e;
	if (o->event)
		o->event(o->context, &(struct run_event) { .kind = RUN_STARTING });

	return 0;
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
		.index = h->index,
		.path = h->path,
		.argv = h->argv,
		.envp = h->envp ? h->envp : c->options->own_env,
		.timeout = h->timeout,
		.directory = c->plan->bundle,
		.state = { c->plan->state_head, status_and_pid, c->plan->state_tail },
		.files = &c->hook_files,
		.interrupt = c->signals,
		.begin = journal_hook,
		.argument = c->journal,
	};

	return hook_run_explained(&call, e);
}

int (*const create_performers[OP_COUNT])(struct create *c, const struct step *s, struct err *e) = {
	[OP_CLAIM_ID] = claim_id,
	[OP_RECORD_MOUNT] = record_mount,
	[OP_MAKE_NOTIFY] = notify_make,
	[OP_MAKE_CGROUP] = make_cgroup,
	[OP_WRITE_CGROUP] = write_cgroup,
	[OP_ATTACH_DEVICES] = attach_devices,
	[OP_MAKE_RESCTRL] = resctrl_make,
	[OP_WRITE_RESCTRL] = resctrl_write,
	[OP_SPAWN] = spawn,
	[OP_START_SCOPE] = scope_perform,
	[OP_JOIN_CGROUP] = join_cgroup,
	[OP_HAND_DOWN] = hand_down,
	[OP_JOIN_RESCTRL] = resctrl_join,
	[OP_COMPARE_ID_MAP] = idmap_compare,
	[OP_WRITE_ID_MAP] = idmap_write,
	[OP_DENY_SETGROUPS] = deny_setgroups,
	[OP_OWN_CGROUP] = own_cgroup,
	[OP_SET_OOM_SCORE] = set_oom_score,
	[OP_RELEASE] = release,
	[OP_NOTE_ROOT] = note_root,
	[OP_PRINT_OMITTED] = print_omitted,
	[OP_SET_SCHEDULER] = set_scheduler,
	[OP_SET_AFFINITY] = set_affinity,
	[OP_SET_IO_PRIORITY] = set_io_priority,
	[OP_MOVE_NETDEV] = netdev_perform,
	[OP_PASS_CONSOLE] = pass_console,
	[OP_RUN_HOST_HOOK] = run_hook,
	[OP_SET_PROCESS_LIMIT] = create_limit_processes,
};
