/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/create/create.h - one container while it is being created, for the files of create/
 */
#pragma once

#include "host/container.h"
#include "host/create/message.h"
#include "host/notify.h"
#include "host/strays.h"
#include "host/watch.h"
#include "plan/plan.h"
#include "plan/seccomp/cache.h"
#include "spec/load.h"
#include "wire/hook.h"

struct create {
	const struct create_options *options;
	/* the memfd with the plan */
	struct arena *plan_arena;
	struct bundle bundle;
	const struct plan *plan;
	/* of planning */
	const char *const *warnings, *const *notes;
	struct seccomp_cache seccomp_cache;
	/* ROOT/ID, locked */
	int state_dir;
	int journal;
	/* for tare-init; -1 for run */
	int listener, hold;
	/* signalfd: a signal asks tare to stop */
	int signals;
	/* set by OP_SPAWN, down to @release; 0: there is no process */
	pid_t pid;
	int pidfd;
	uint64_t start_time;
	/* our end of the socket pair */
	int control;
	/*
	 * write end of the pipe on which a held tare-init waits for a byte; -1: not held, or
	 * WIRE_GO
	 */
	int release;
	/* according to tare-init's messages */
	struct init_progress progress;
	/* the pty's master, once it came; -1 */
	int console;
	/* exec: the container's record; NULL: the container is being created */
	const struct record *running;
	/* a hook has begun, so poststop hooks are due if the create fails */
	bool hook_begun;
	/* the record is written, from which delete runs the poststop hooks */
	bool recorded;
	/* memory file of WIRE_LAST_MESSAGE; -1 */
	int last_message;
	/* the tmpfs of nodes_make(), until tare-init is done with it; -1 */
	int nodes;
	/* the old content of a resctrl group that was there before */
	struct {
		/* NULL: nothing to write back */
		const char *path;
		char text[4096];
	} saved_schemata;
	/* the resctrl group is new */
	bool resctrl_made;
	/* the directory that the seccomp agent's socket is confined to; NULL: none */
	const char *agent_below;
	/* connections for the pidfd: to --pidfd-socket, and to the annotation's socket; -1: none */
	int pidfd_socket, pidfd_receiver;
	/* opened by pidfile_prepare(); -1 */
	int special_pid_file;
	/*
	 * a moved network device or a shared resctrl group stays once the container is created:
	 * journal_created()
	 */
	bool keeps;
	/* the container's network namespace, once a device went there; -1 */
	int network;
	/* run only */
	struct notify notify;
	/* the plan's, once it is performed */
	char root_mount[STRAYS_ROOT]; /* after OP_NOTE_ROOT; "" */
	struct hook_files hook_files;
	/* --record, --refused */
	struct watch watch;
	/* exec: the program with its arguments */
	const char *const *watch_command;
};

#define CREATE_INITIAL(o)                                                                          \
	{                                                                                          \
		.options = (o), .state_dir = -1, .journal = -1, .listener = -1, .hold = -1,        \
		.signals = -1, .pidfd = -1, .control = -1, .release = -1, .console = -1,           \
		.last_message = -1, .nodes = -1, .network = -1, .notify = NOTIFY_NONE,             \
		.pidfd_socket = -1, .pidfd_receiver = -1, .special_pid_file = -1,                  \
		.hook_files = HOOK_FILES_NONE, .watch = WATCH_INITIAL,                             \
	}

/* ---- create.c ---- */

int create_open_arena(struct arena *a, struct err *e);

static inline bool create_wants_terminal(const struct oci_config *config)
{
	return config->process && config->process->terminal;
}

/* Block the signals that ask tare to stop; perform.c watches the signalfd instead. */
int create_watch_signals(struct create *c, struct err *e);

/* Log the warnings of planning, before the first step. */
void create_log_warnings(const struct create *c);

/* --preserve-fds: a @count above the limit of descriptors is refused. */
int preserve_fds_check(unsigned count, struct err *e);

/* sd_listen_fds(3) with @env: LISTEN_FDS, where LISTEN_PID is our pid; else 0. */
int listen_fds_count(const char *const *env);

/* ---- publish.c ---- */

/*
 * Before the first step of a create or exec: connect to the sockets that get the pidfd, and open a
 * pid file that can't be replaced. 0, or -1; publish_close() closes these descriptors either way.
 */
int publish_prepare(struct create *c, struct err *e);

void publish_close(struct create *c);

/* All of the record but pid, start time and mounts, which come after the plan is performed. */
void publish_fill(const struct create *c, struct record *rec, struct arena *a);

/*
 * Write the saved configuration and the record, send the pidfd, and write the pid file last:
 * engines take it as success. 0, or -1.
 */
int publish(struct create *c, const struct record *rec, struct arena *a, struct err *e);

/*
 * The parts of publish() that exec needs, too: send the pidfd to --pidfd-socket and to the
 * annotation's socket; write the pid file. 0, or -1; without the flags there is nothing to do.
 */
int publish_pidfd(const struct create *c, struct err *e);
int publish_pid_file(const struct create *c, struct err *e);

/* The cgroups that the steps of @plan make, or find and use: NULL-terminated, in @a. */
const char *const *planned_cgroups(const struct plan *plan, struct arena *a);

/* agent_send() while there is no record on disk yet: `run`. */
int create_send_to_agent(const struct create *c, int listener, struct err *e);

/* ---- spawn.c ---- */

/* OP_SPAWN: start tare-init. On success pid, pidfd, control and release are set. */
int spawn_init(struct create *c, const struct step *s, struct err *e);

/* After EINVAL of the clone: the hint in @e names the namespaces that this kernel lacks. */
void spawn_explain_missing(const struct create *c, struct err *e);

/* OP_RELEASE: the id maps are written, so tare-init may exec. */
int spawn_release(struct create *c, struct err *e);

/* ---- sources.c ---- */

/*
 * Open the mount sources that tare-init may have no right to, and send them in the order of their
 * steps. Before the first GO.
 */
int sources_send(struct create *c, struct err *e);

/*
 * WIRE_ASK: the source of @step; or, with a detached mount @tree, the owners of its files are
 * mapped.
 */
int sources_answer(struct create *c, size_t step, int tree, struct err *e);

/* ---- nodes.c ---- */

/*
 * OP_BRING_DEVICES at @step: a detached tmpfs with a node for each later step with
 * device_step.from_host, named by the index of that step. -ENOSYS: tare can't make nodes either; -1
 * with @e set.
 */
int nodes_make(const struct create *c, size_t step, struct err *e);

/* ---- resctrl.c ---- */

/* OP_MAKE_RESCTRL, OP_WRITE_RESCTRL, OP_JOIN_RESCTRL */
int resctrl_make(struct create *c, const struct step *s, struct err *e);
int resctrl_write(struct create *c, const struct step *s, struct err *e);
int resctrl_join(struct create *c, const struct step *s, struct err *e);

/* After a failure: write saved_schemata back to a group that was there before. */
int resctrl_write_back(struct create *c, struct err *e);

/* ---- netdev.c ---- */

/* OP_MOVE_NETDEV */
int netdev_perform(struct create *c, const struct step *s, struct err *e);

/* ---- idmap.c ---- */

/* OP_COMPARE_ID_MAP, OP_WRITE_ID_MAP, OP_DENY_SETGROUPS */
int idmap_compare(struct create *c, const struct step *s, struct err *e);
int idmap_write(struct create *c, const struct step *s, struct err *e);
int idmap_deny_setgroups(struct create *c, struct err *e);

/* The ID in our user namespace of the user, or group, @inside of process @pid's. */
int idmap_find_outside(pid_t pid, bool group, uid_t inside, uid_t *outside, struct err *e);

/* The user namespace of @pid: its descriptor, or -1. */
int idmap_open_namespace(pid_t pid, struct err *e);

/* A user namespace with these maps and no process in it, for mounts: its descriptor, or -1. */
int idmap_make_namespace(const struct id_ranges *uids, const struct id_ranges *gids, struct err *e);

/* ---- scope.c ---- */

/* OP_START_SCOPE */
int scope_perform(struct create *c, const struct step *s, struct err *e);

/* ---- process_limit.c ---- */

/* OP_SET_PROCESS_LIMIT. 0, or -1. */
int create_limit_processes(struct create *c, const struct step *s, struct err *e);

/* ---- perform.c ---- */

/* Claim the ID and perform the plan until tare-init waits for start, or for run, has exec'd. */
int create_perform(struct create *c, struct err *e);

/* Perform the host step at @index. 0, or -1 with the step in @e. */
int create_perform_step(struct create *c, size_t index, struct err *e);

/* Kill and reap tare-init, if there is one. */
void create_kill(struct create *c);

/* Undo all that the journal names; a failure to undo is put into @e, behind the cause. */
void create_rollback(struct create *c, struct err *e);

/* ---- steps.c ---- */

/* How each step of tare's side is performed; NULL: a step of tare-init. 0, or -1. */
extern int (*const create_performers[OP_COUNT])(struct create *c, const struct step *s,
						struct err *e);

/*
 * OP_WRITE_CGROUP: of @file and @other_file of the step, the one that this kernel has, and its
 * value. -1 with @e set: the value is below what is in use.
 */
int cgroup_file_choose(const struct step *s, const char **file, const char **value, struct err *e);

/* ---- pidfile.c ---- */

/*
 * Check, before the first step, that a file can be made at @path: otherwise a `run` or `exec` would
 * fail after its program has run. A device, a FIFO or a descriptor of the caller's is opened now,
 * as only an open shows whether it can be written: *@special gets the descriptor, which the caller
 * closes, and is unchanged for other files. A FIFO must be opened only once, as its reader would
 * take the first close(2) for the end.
 */
int pidfile_prepare(const char *path, int *special, struct err *e);

/*
 * Write the pid in decimal, without a newline: into @special, or, where that is -1, by a temporary
 * file and rename(2), so that no link is followed.
 */
int pidfile_write(const char *path, int special, pid_t pid, struct err *e);
