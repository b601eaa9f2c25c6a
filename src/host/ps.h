/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/ps.h - ps: the processes of a container
 */
#pragma once

#include "heap/arena.h"
#include "state/record.h"

struct process_list {
	const pid_t *pids; /* ascending */
	size_t count;
};

/* @first and all its descendants, with their pids in our pid namespace: in @a. 0, or -1. */
int processes_of(pid_t first, struct arena *a, const pid_t **pids, size_t *count, struct err *e);

/* The pids in our pid namespace; none where the container is stopped. In @a. */
int container_processes(const struct state_root *root, const char *id, struct arena *a,
			struct process_list *list, struct err *e);

/*
 * Run the host's ps(1), found in the PATH of @env, with @args (NULL-terminated): its output is in
 * @a.
 */
int ps_run(const char *const *args, const char *const *env, struct arena *a, char **output,
	   struct err *e);
