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

/* exec. A member that is NULL, or false, leaves what config.json has. */
struct exec_options {
	struct state_root root;
	const char *id;
	/* --process: a file with the whole process; config.json's is ignored */
	const char *process;
	/*
	 * `box`: program, user, directory and environment; without @detach the program is killed
	 * if tare is. NULL: none.
	 */
	const struct oci_config *made;
	bool made_caps;		 /* take the capabilities of @made, too */
	const char *const *args; /* NULL-terminated; may be empty with --process */
	const char *user;	 /* "UID" or "UID:GID" */
	const char *const *additional_gids, *const *env, *const *caps; /* NULL-terminated lists */
	const char *cwd, *process_label, *apparmor;
	const char *const *cgroups; /* [CTRL[,CTRL]:]PATH, below the container's own */
	const char *console_socket, *pid_file, *pidfd_socket;
	const char *pid_file_place; /* as in create_options */
	bool tty, no_new_privs, detach, ignore_paused;
	bool input_ends;	    /* as in create_options */
	struct plan_flags flags;    /* preserve_fds only */
	const char *const *own_env; /* tare's environment */
	struct watch_wishes watch;
};

/* @exit_code: the program's, or 128 + signal; 0 when detached. */
int container_exec(const struct exec_options *o, int *exit_code, struct arena *a, struct err *e);
