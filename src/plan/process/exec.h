/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/process/exec.h - the plan of a further process in a running container
 */
#pragma once

#include "plan/planner.h"

/* The container, as its record has it. */
struct exec_target {
	pid_t pid;
	uint64_t start_time;
	uint64_t namespaces;	       /* CLONE_NEW*: the namespaces to join */
	const char *cgroup;	       /* v2 directory; NULL: none */
	const char *cgroup_below;      /* as in struct spawn_step */
	const char *const *cgroups_v1; /* NULL-terminated */
	/*
	 * NULL-terminated: those, of v1 or v2, that count processes and may have no room for
	 * another clone. The program's process joins them when nothing is left to be cloned.
	 */
	const char *const *cgroups_late;
	const char *bundle;
};

/*
 * As plan_make(), for config->process. The rest of config.json is read only for what every process
 * of the container gets.
 */
int plan_make_exec(struct arena *shared, struct arena *arena, const struct oci_config *config,
		   const struct plan_options *options, const struct facts *facts,
		   const struct exec_target *target, const struct plan **plan,
		   const char *const **warnings, struct err *e);
