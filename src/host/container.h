/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/container.h - the operations of a container, as the verbs call them
 *
 * All run in tare's own process, in the host's namespaces. All: 0, or -1 with @e set; a failure of
 * create or run leaves nothing behind. The texts are those of CONTRACT.md B5.
 */
#pragma once

#include "base/err.h"
#include "heap/arena.h"
#include "state/record.h"

#include <stdbool.h>

/* create and run. Paths are as given; relative ones belong to the working directory of the call. */
struct create_options {
	struct state_root root;
	const char *id;
	const char *bundle;	    /* "." if not given */
	const char *config;	    /* --config; NULL: BUNDLE/config.json */
	const char *console_socket; /* NULL: none; likewise the next two */
	const char *pid_file;
	const char *pidfd_socket;
	bool no_pivot, no_new_keyring;
	bool systemd_cgroup, no_cgroup;
	int preserve_fds;
	const char *listen_pid, *listen_fds,
		*listen_names; /* LISTEN_*, sd_listen_fds(3); NULL: not set */
	const char *bus_address,
		*runtime_dir; /* DBUS_SESSION_BUS_ADDRESS, XDG_RUNTIME_DIR; likewise */
	unsigned fail_step;   /* --test-fail-step */
	bool run;	      /* go on without waiting for start */
	bool detach, keep;    /* run only */
};

int container_create(const struct create_options *o, struct err *e);

/* @exit_code: what tare exits with: the program's code, or 128 + signal; 0 when detached. */
int container_run(const struct create_options *o, int *exit_code, struct err *e);

/* The plan of create (or of run), without doing any of it. */
int container_plan(const struct create_options *o, bool json, struct err *e);

/* exec. What is NULL, or false, is as config.json has it. */
struct exec_options {
	struct state_root root;
	const char *id;
	const char *
		process; /* --process: a file with the whole process; nothing else is taken from config.json */
	const char *const *args; /* NULL-terminated; may be empty with --process */
	const char *user;	 /* "UID" or "UID:GID" */
	const char *const *additional_gids, *const *env, *const *caps; /* NULL-terminated lists */
	const char *cwd, *process_label, *apparmor;
	const char *cgroup; /* below the container's own */
	const char *console_socket, *pid_file, *pidfd_socket;
	bool tty, no_new_privs, detach, ignore_paused;
	int preserve_fds;
	const char *listen_pid, *listen_fds, *listen_names;
};

/* @exit_code: the program's, or 128 + signal; 0 when detached. */
int container_exec(const struct exec_options *o, int *exit_code, struct err *e);

int container_start(const struct state_root *root, const char *id, struct err *e);

/* @signal 1..64. @all: every process of its cgroup; a container that does not run is then no
 * failure. */
int container_kill(const struct state_root *root, const char *id, int signal, bool all,
		   struct err *e);

/* @force: kills first; an unknown container is then no failure. */
int container_delete(const struct state_root *root, const char *id, bool force, struct err *e);
