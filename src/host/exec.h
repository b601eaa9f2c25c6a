/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/exec.h - another process in a container
 */
#pragma once

#include "heap/arena.h"
#include "host/watch.h"
#include "libocispec/oci_types.h"
#include "plan/planner.h"
#include "state/record.h"

/* exec. What is NULL, or false, is as config.json has it. */
struct exec_options {
	struct state_root root;
	const char *id;
	const char *
		process; /* --process: a file with the whole process; nothing else is taken from config.json */
	const struct oci_config
		*made;		 /* `box`: program, user, directory and environment; NULL: none */
	bool made_caps;		 /* its capabilities, too */
	const char *const *args; /* NULL-terminated; may be empty with --process */
	const char *user;	 /* "UID" or "UID:GID" */
	const char *const *additional_gids, *const *env, *const *caps; /* NULL-terminated lists */
	const char *cwd, *process_label, *apparmor;
	const char *const *cgroups; /* [CTRL[,CTRL]:]PATH, below the container's own */
	const char *console_socket, *pid_file, *pidfd_socket;
	bool tty, no_new_privs, detach, ignore_paused;
	struct plan_flags flags;    /* preserve_fds only */
	const char *const *own_env; /* what tare itself was executed with */
	struct watch_wishes watch;
};

/* @exit_code: the program's, or 128 + signal; 0 when detached. */
int container_exec(const struct exec_options *o, int *exit_code, struct arena *a, struct err *e);
