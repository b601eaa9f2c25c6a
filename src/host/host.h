/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/host.h - one container while it is being created: what the files of host/ share
 */
#pragma once

#include "host/container.h"
#include "plan/plan.h"
#include "spec/load.h"

struct create {
	const struct create_options *options;
	struct arena *plan_arena; /* the memfd with the plan */
	struct bundle bundle;
	const struct plan *plan;
	int state_dir; /* ROOT/ID, locked */
	int journal;
	int listener, hold; /* for tare-init; -1 for run */
	int signals;	    /* signalfd: somebody wants us to stop */
	/* once OP_SPAWN is done */
	pid_t pid; /* 0: none */
	int pidfd;
	uint64_t start_time;
	int control; /* our end of the socket pair */
	int release; /* write end: a held tare-init waits for a byte; -1: it is not held */
	int console; /* the pty's master, once it came; -1 */
	enum step_op failed_op; /* the kind of the step that failed, once one did */
};

#define CREATE_INITIAL(o)                                                                          \
	{                                                                                          \
		.options = (o), .state_dir = -1, .journal = -1, .listener = -1, .hold = -1,        \
		.signals = -1, .pidfd = -1, .control = -1, .release = -1, .console = -1,           \
		.failed_op = OP_COUNT,                                                             \
	}

/* ---- create.c ---- */

int create_open_arena(struct arena *a, struct err *e);

/* Signals that ask us to stop become a descriptor that perform.c watches. */
int create_watch_signals(struct create *c, struct err *e);

/* --preserve-fds: more than a process can have are refused. */
int preserve_fds_check(int count, struct err *e);

/* sd_listen_fds(3): how many descriptors are handed on, if they are meant for us. */
int listen_fds_count(const char *listen_pid, const char *listen_fds);

/* ---- spawn.c ---- */

/* OP_SPAWN: start tare-init. On success pid, pidfd, control and release are set. */
int spawn_init(struct create *c, const struct step *s, struct err *e);

/* OP_RELEASE: the id maps are written, it may exec. */
int spawn_release(struct create *c, struct err *e);

/*
 * Mount sources that tare-init may not be able to reach itself: opened here, sent in the order of
 * the steps that want them. Before the first GO.
 */
int sources_send(struct create *c, struct err *e);

/* ---- idmap.c ---- */

/* OP_WRITE_ID_MAP, OP_DENY_SETGROUPS */
int idmap_write(struct create *c, const struct step *s, struct err *e);
int idmap_deny_setgroups(struct create *c, struct err *e);

/* ---- perform.c: the walk through the plan ---- */

/* Claim the ID and perform the plan up to where tare-init waits, or for run, has exec'd. */
int create_perform(struct create *c, struct err *e);

/* Kill and reap tare-init, if there is one. */
void create_kill(struct create *c);

/* Undo everything, whatever was done; what can't be undone is put into @e, behind the cause. */
void create_rollback(struct create *c, struct err *e);

/* ---- console.c ---- */

/* Send @fd with one message to the socket at @path; CONTRACT.md, B6. */
int console_send(const char *path, int fd, struct err *e);

/* ---- pidfile.c ---- */

/* The pid in decimal, no newline; by a temporary file, never through a link. */
int pidfile_write(const char *path, pid_t pid, struct err *e);

/* ---- hooks.c ---- */

/* Run the recorded hooks of @stage one after the other. @all: go on after a failure; the first one
 * is told. */
int hooks_run_recorded(const struct record *rec, const char *stage, enum container_status status,
		       bool all, struct arena *a, struct err *e);

/* ---- foreground.c ---- */

/* Be the program's terminal, pass signals on, and wait for its end: the exit code for tare. */
int foreground_wait(struct create *c, int *exit_code, struct err *e);

/* ---- remove.c ---- */

/*
 * Take down a container, whatever it does: processes, cgroups, state; then poststop hooks, whose
 * failure is only a warning. @rec may be NULL: none was written.
 */
int container_remove(const struct state_root *root, const char *id, int dir,
		     const struct record *rec, struct arena *a, struct err *e);

/* Say on stderr that a poststop hook failed; the deletion itself did not. */
void remove_warn(const char *id, const struct err *failure);
