/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/create/create.h - one container while it is being created: what the files of create/ share
 */
#pragma once

#include "host/container.h"
#include "host/create/message.h"
#include "host/notify.h"
#include "host/watch.h"
#include "plan/plan.h"
#include "plan/seccomp/cache.h"
#include "spec/load.h"
#include "wire/hook.h"

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
	struct notify notify;		  /* run only */
	struct hook_files hook_files;	  /* the plan's, once it is performed */
	struct watch watch;		  /* --record, --refused */
	const char *const *watch_command; /* exec: the program with its arguments */
};

#define CREATE_INITIAL(o)                                                                          \
	{                                                                                          \
		.options = (o), .state_dir = -1, .journal = -1, .listener = -1, .hold = -1,        \
		.signals = -1, .pidfd = -1, .control = -1, .release = -1, .console = -1,           \
		.failed_op = OP_COUNT, .last_message = -1, .network = -1, .notify = NOTIFY_NONE,   \
		.hook_files = HOOK_FILES_NONE, .watch = WATCH_INITIAL,                             \
	}

/* ---- create.c ---- */

int create_open_arena(struct arena *a, struct err *e);

/* Signals that ask us to stop become a descriptor that perform.c watches. */
int create_watch_signals(struct create *c, struct err *e);

/* Tell the warnings of planning, before anything is done. */
void create_tell_warnings(const struct create *c);

/* --preserve-fds: more than a process can have are refused. */
int preserve_fds_check(unsigned count, struct err *e);

/* sd_listen_fds(3), with the variables of @env: how many descriptors are handed on, if they are meant for us. */
int listen_fds_count(const char *const *env);

/* The cgroups that the steps of @plan make, or take: NULL-terminated, in @a. */
const char *const *planned_cgroups(const struct plan *plan, struct arena *a);

/* agent_tell() while there is no record on disk yet: `run`. */
int create_tell_agent(const struct create *c, int listener, struct err *e);

/* ---- spawn.c ---- */

/* OP_SPAWN: start tare-init. On success pid, pidfd, control and release are set. */
int spawn_init(struct create *c, const struct step *s, struct err *e);

/* The kernel had no such namespace: the hint in @e says which of all that are to be made are missing. */
void spawn_explain_missing(const struct create *c, struct err *e);

/* OP_RELEASE: the id maps are written, it may exec. */
int spawn_release(struct create *c, struct err *e);

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

/* ---- perform.c ---- */

/* Claim the ID and perform the plan up to where tare-init waits, or for run, has exec'd. */
int create_perform(struct create *c, struct err *e);

/* Perform the step of that index, which is ours. 0, or -1 with the step in @e. */
int create_perform_step(struct create *c, size_t index, struct err *e);

/* Kill and reap tare-init, if there is one. */
void create_kill(struct create *c);

/* Undo everything, whatever was done; what can't be undone is put into @e, behind the cause. */
void create_rollback(struct create *c, struct err *e);

/* OP_WRITE_CGROUP: the file that this kernel has of the two a step may name, and what to write. -1: less than is in use. */
int cgroup_file_choose(const struct step *s, const char **file, const char **value, struct err *e);

/* ---- pidfile.c ---- */

/* The pid in decimal, no newline; by a temporary file, never through a link. */
int pidfile_write(const char *path, pid_t pid, struct err *e);
