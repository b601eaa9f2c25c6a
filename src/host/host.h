/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/host.h - one container while it is being created: what the files of host/ share
 */
#pragma once

#include "host/container.h"
#include "host/create/message.h"
#include "plan/plan.h"
#include "plan/seccomp/cache.h"
#include "spec/load.h"
#include "wire/hook.h"

/* NOTIFY_SOCKET: where the program's word comes in, and whom it is for. */
struct notify {
	int in, out; /* -1: nobody waits for it */
};

#define NOTIFY_NONE                                                                                \
	{                                                                                          \
		.in = -1, .out = -1                                                                \
	}

struct create {
	const struct create_options *options;
	struct arena *plan_arena; /* the memfd with the plan */
	struct bundle bundle;
	const struct plan *plan;
	const char *const *warnings, *const *notes; /* of planning */
	struct seccomp_cache seccomp_cache;
	int state_dir; /* ROOT/ID, locked */
	int journal;
	int listener, hold; /* for tare-init; -1 for run */
	int signals;	    /* signalfd: somebody wants us to stop */
	/* once OP_SPAWN is done */
	pid_t pid; /* 0: none */
	int pidfd;
	uint64_t start_time;
	int control; /* our end of the socket pair */
	int release; /* write end: a held tare-init waits for a byte; -1: it is not held, or for WIRE_GO */
	struct heard heard;	      /* what it has said */
	int console;		      /* the pty's master, once it came; -1 */
	const struct record *running; /* exec: the container's; NULL: it is being created */
	enum step_op failed_op;	      /* the kind of the step that failed, once one did */
	int last_message;	      /* memory file that tare-init may leave a failure in; -1 */
	struct {
		const char *path; /* NULL: nothing to write back */
		char text[4096];
	} schemata_was;	   /* of a resctrl group that was there before */
	bool resctrl_made; /* the class is new */
	const char *
		agent_below; /* the directory that the seccomp agent's socket is confined to; NULL: none */
	bool keeps;	     /* something of ours outlives a created container: journal_created() */
	int network;	     /* the container's network namespace, once a device went there; -1 */
	struct notify notify;	      /* run only */
	struct hook_files hook_files; /* the plan's, once it is performed */
};

#define CREATE_INITIAL(o)                                                                          \
	{                                                                                          \
		.options = (o), .state_dir = -1, .journal = -1, .listener = -1, .hold = -1,        \
		.signals = -1, .pidfd = -1, .control = -1, .release = -1, .console = -1,           \
		.failed_op = OP_COUNT, .last_message = -1, .network = -1, .notify = NOTIFY_NONE,   \
		.hook_files = HOOK_FILES_NONE,                                                     \
	}

/* ---- create.c ---- */

int create_open_arena(struct arena *a, struct err *e);

/* Signals that ask us to stop become a descriptor that perform.c watches. */
int create_watch_signals(struct create *c, struct err *e);

/* Tell the warnings of planning, before anything is done. */
void create_tell_warnings(const struct create *c);

/* --preserve-fds: more than a process can have are refused. */
int preserve_fds_check(int count, struct err *e);

/* sd_listen_fds(3): how many descriptors are handed on, if they are meant for us. */
int listen_fds_count(const char *listen_pid, const char *listen_fds);

/* The cgroups that the steps of @plan make, or take: NULL-terminated, in @a. */
const char *const *planned_cgroups(const struct plan *plan, struct arena *a);

/* ---- spawn.c ---- */

/* OP_SPAWN: start tare-init. On success pid, pidfd, control and release are set. */
int spawn_init(struct create *c, const struct step *s, struct err *e);

/* The kernel had no such namespace: the hint in @e says which of all that are to be made are missing. */
void spawn_explain_missing(const struct create *c, struct err *e);

/* OP_RELEASE: the id maps are written, it may exec. */
int spawn_release(struct create *c, struct err *e);

/* ---- story.c: --debug ---- */

struct wire_message;

/* A step of ours is done, and took so many microseconds. */
void trace_step(const struct plan *plan, size_t index, int64_t us);

/* tare-init says so of one of its. @plan: NULL where it is not at hand. */
void trace_inside(const struct plan *plan, const struct wire_message *m);

/* ---- patience.c ---- */

/*
 * Wait until one of @fds is ready: 0. -1 where for several seconds @pid, a tare-init, does not get on; the error says with
 * what, and where it sleeps. Where it sleeps for the kernel itself standard error says so, and we go on for ten minutes.
 * @has_agent: a seccomp agent may have it wait as it likes.
 */
struct pollfd;
int watchdog_poll(pid_t pid, bool has_agent, struct pollfd *fds, unsigned count, struct err *e);

#define CHILD_PATIENCE_MS 8000 /* for what a child of ours does that is short */

/*
 * Wait until our child @pid, a program called @name, ends: 0 with its @status (wait(2)). -1: it has not in time, and is killed.
 * A child that runs, or waits for the kernel itself, has ten minutes.
 */
int child_wait(pid_t pid, const char *name, int *status, struct err *e);

/* The same without a name: its pid, or -errno; it is not killed. */
pid_t child_wait_status(pid_t pid, int *status);

/* ---- sources.c ---- */

/*
 * Mount sources that tare-init may not be able to reach itself: opened here, sent in the order of
 * the steps that want them. Before the first GO.
 */
int sources_send(struct create *c, struct err *e);

/* WIRE_ASK: the source of @step; or, with a detached mount @tree, the owners of its files are mapped. */
int sources_answer(struct create *c, size_t step, int tree, struct err *e);

/* ---- nodes.c ---- */

/*
 * OP_BRING_DEVICES at @step: a detached tmpfs with the nodes of the steps behind it that want one from here, by the index of each.
 * -ENOSYS: they can't be made here; -1 with @e set where one is asked for that can't be.
 */
int nodes_make(const struct create *c, size_t step, struct err *e);

/* ---- resctrl.c ---- */

/* OP_MAKE_RESCTRL, OP_WRITE_RESCTRL, OP_JOIN_RESCTRL */
int resctrl_make(struct create *c, const struct step *s, struct err *e);
int resctrl_write(struct create *c, const struct step *s, struct err *e);
int resctrl_join(struct create *c, const struct step *s, struct err *e);

/* After a failure: what somebody else's group had before OP_WRITE_RESCTRL. */
int resctrl_write_back(struct create *c, struct err *e);

/* ---- netdev.c ---- */

/* OP_MOVE_NETDEV */
int netdev_perform(struct create *c, const struct step *s, struct err *e);

/* ---- idmap.c ---- */

/* OP_COMPARE_ID_MAP, OP_WRITE_ID_MAP, OP_DENY_SETGROUPS */
int idmap_compare(struct create *c, const struct step *s, struct err *e);
int idmap_write(struct create *c, const struct step *s, struct err *e);
int idmap_deny_setgroups(struct create *c, struct err *e);

/* Who user, or group, @inside of the namespace of process @pid is in ours. */
int idmap_find_outside(pid_t pid, bool group, uid_t inside, uid_t *outside, struct err *e);

/* The user namespace of @pid: its descriptor, or -1. */
int idmap_open_namespace(pid_t pid, struct err *e);

/* A user namespace with these maps and no process in it, for mounts: its descriptor, or -1. */
int idmap_make_namespace(const struct id_ranges *uids, const struct id_ranges *gids, struct err *e);

/* ---- scope.c ---- */

/* OP_START_SCOPE */
int scope_perform(struct create *c, const struct step *s, struct err *e);

/* ---- explain.c ---- */

/*
 * The tare-init @pid at the other end of @socket sent the failure @m. If it could not execute the program, look why, add that
 * to @e as a hint, and let it go on, which is to end. Takes no longer than two seconds.
 */
struct wire_message;
void exec_explain(pid_t pid, int socket, const struct wire_message *m, struct err *e);

/* ---- advice.c ---- */

/* The step @s failed, also inside, with @e: add a hint where one helps and none is there. -1 */
int step_advise(const struct create *c, const struct step *s, struct err *e);

/*
 * tare-init was @killed, or ended without a word: the place and the value of the memory limit that
 * may be why. Without a limit @killed alone gets a hint. -1
 */
int memory_advise(const struct plan *plan, bool killed, struct err *e);

/* ---- perform.c: the walk through the plan ---- */

/* Claim the ID and perform the plan up to where tare-init waits, or for run, has exec'd. */
int create_perform(struct create *c, struct err *e);

/* Kill and reap tare-init, if there is one. */
void create_kill(struct create *c);

/* Undo everything, whatever was done; what can't be undone is put into @e, behind the cause. */
void create_rollback(struct create *c, struct err *e);

/* OP_WRITE_CGROUP: the file that this kernel has of the two a step may name, and what to write. -1: less than is in use. */
int cgroup_file_choose(const struct step *s, const char **file, const char **value, struct err *e);

/* ---- console.c ---- */

/* Send @fd with one message to the socket at @path; docs/CONTRACT.md, B6. */
int console_send(const char *path, int fd, struct err *e);

/* The same with a pidfd, where the kernel has them. */
int pidfd_send(const struct host_path *path, int pidfd, struct err *e);

/* A connection to the socket at @path, which may be of any length; or -errno. @type: SOCK_STREAM, SOCK_DGRAM. */
int socket_connect(const char *path, int type);

/* ---- host_path.c: what annotations name ---- */

/* As open(2) and socket_connect(), but beneath the directory that it is confined to, and then through no link: -ELOOP. */
int host_path_open(const struct host_path *p, int flags, mode_t mode);
int host_path_connect(const struct host_path *p, int type);

/* ---- notify.c: NOTIFY_SOCKET ---- */

/* OP_MAKE_NOTIFY; run listens from then on. */
int notify_make(struct create *c, const struct step *s, struct err *e);

/*
 * Connect to @address (NULL: nobody is there), and listen in the container's directory, below @dir; @n stays as it is where
 * create has made none, or, with a warning, where nobody listens at @address.
 */
int notify_open(struct notify *n, int dir, const char *address, struct err *e);

/*
 * Wait until the program says READY=; pass that on, and its @pid, and wait until both are read. 0 too if the process
 * of @pidfd ends before.
 */
int notify_wait(const struct notify *n, pid_t pid, int pidfd, struct err *e);

/* The same in the foreground, and without its pid: take what there is; once it was the word, close. */
void notify_pass(struct notify *n);

void notify_close(struct notify *n);

/* ---- agent.c: SCMP_ACT_NOTIFY ---- */

/*
 * Give the agent the filter's listener with the state of the container in @rec: runtime-spec,
 * config-linux.md#containerprocessstate. A connection of its own, closed again.
 */
int agent_tell(const struct record *rec, pid_t pid, enum container_status status, int listener,
	       struct arena *a, struct err *e);

/* ---- create.c ---- */

/* agent_tell() while there is no record on disk yet: `run`. */
int create_tell_agent(const struct create *c, int listener, struct err *e);

/* ---- pidfile.c ---- */

/* The pid in decimal, no newline; by a temporary file, never through a link. */
int pidfile_write(const char *path, pid_t pid, struct err *e);

/* ---- hooks.c ---- */

/* For what hooks print; NULL: no file. 0, or -1, and what is open in @files is still to be closed. */
int hook_files_open(struct hook_files *files, const struct host_path *out,
		    const struct host_path *err, struct err *e);
void hook_files_close(struct hook_files *files);
/* Are there any? */
bool hooks_recorded(const struct record *rec, const char *stage);

/* Run the recorded hooks of @stage one after the other. @all: go on after a failure; the first one
 * is told. @journal: each is written there; -1: nowhere. */
int hooks_run_recorded(const struct record *rec, const char *stage, enum container_status status,
		       bool all, int journal, struct arena *a, struct err *e);

/* ---- subgroup.c ---- */

struct exec_target;

/* The cgroups of an exec, without or with some --cgroup [CTRL[,CTRL]:]PATH. What is in @t, in @a. */
int subgroup_choose(struct exec_target *t, const struct record *rec, const char *const *words,
		    struct arena *a, struct err *e);

/* Open the v2 cgroup below @dir that @pid is in: a descriptor, -ENOENT where it is not below, or -errno. */
int subgroup_of_process(const char *dir, pid_t pid);

/* ---- foreground.c ---- */

/* What is passed on to the program: everything but what is about ourselves (docs/CONTRACT.md, B6). */
uint64_t foreground_signals(void);

/* Be the program's terminal, pass signals on, and wait for its end: the exit code for tare. */
int foreground_wait(struct create *c, int *exit_code, struct err *e);

/* ---- lookup.c ---- */

/*
 * Open ROOT/ID as state_open() does and read its record: the descriptor, or -1. All in @a.
 */
int container_lookup(const struct state_root *root, const char *id, bool shared, struct record *rec,
		     struct arena *a, struct err *e);

/* ---- interfaces.c ---- */

/* The network interfaces of @pid, unless they are ours. In @a. */
void interfaces_read(pid_t pid, struct arena *a, struct container_stats *stats);

/* The text of /proc/PID/net/dev as interfaces; `lo` is left out. Changes @text. */
void interfaces_parse(char *text, struct arena *a, struct container_stats *stats);

/* ---- schemata.c ---- */

/* Write @schemata to the resctrl group that @pid is in, but for the root's. 0, or -1 with @e set. */
int schemata_update(pid_t pid, const struct update_schemata *schemata, struct arena *a,
		    struct err *e);

/* The same with the mount (NULL: none) and the text of /proc/PID/cpu_resctrl_groups. */
int schemata_write(const char *mount, const char *groups, const struct update_schemata *schemata,
		   struct arena *a, struct err *e);

/* ---- lost.c ---- */

/*
 * Take down a container of which neither record nor journal say anything: what is in the cgroup of its name. -1, and nothing is
 * done, where it can't be found, or may be somebody else's.
 */
int lost_remove(const struct state_root *root, const char *id, int dir, struct arena *a,
		struct err *e);

/* ---- remove.c ---- */

/*
 * Take down a container, whatever it does: processes, cgroups, state; then poststop hooks, whose
 * failure is only a warning. @rec may be NULL: none was written.
 */
int container_remove(const struct state_root *root, const char *id, int dir,
		     const struct record *rec, struct arena *a, struct err *e);

/* Say on stderr that a poststop hook failed; the deletion itself did not. */
void remove_warn(const char *id, const struct err *failure);
