/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/process/exec.c - the plan of a further process in a running container
 *
 * The subjects are those of the container's own process (plan.c), without those that make the
 * container. Limits, capabilities, no_new_privs and the filter are planned by the same functions,
 * so an exec'd process never has more rights than the first.
 */
#include "plan/process/exec.h"

#include "base/table.h"
#include "plan/namespaces/namespaces.h"

#include <sched.h>

static void add_joins(struct planner *p, const struct exec_target *target, struct spawn_step *spawn)
{
	struct ns_join *joins = arena_array(p->arena, SPAWN_JOINS_MAX, sizeof(*joins));

	for (size_t i = 0; i < ARRAY_SIZE(namespace_kinds); i++) {
		const struct namespace_kind *kind = &namespace_kinds[i];
		/* "/proc/self/ns/net": its last component is the name in /proc/PID/ns */
		const char *path = arena_printf(p->arena, "/proc/%d/ns/%s", target->pid,
						kind->own + sizeof("/proc/self/ns/") - 1);

		if (!(target->namespaces & kind->type))
			continue;
		if (kind->type == CLONE_NEWUSER) {
			spawn->join_user = path;
			continue;
		}
		joins[spawn->join_count++] = (struct ns_join) {
			.type = kind->type,
			.name = kind->name,
			.path = path,
		};
	}
	spawn->joins = joins;
	/*
	 * A container without a mount namespace of its own is confined by its root alone, so exec
	 * enters that root.
	 */
	if (!(target->namespaces & CLONE_NEWNS))
		spawn->root = arena_printf(p->arena, "/proc/%d/root", target->pid);
}

static void add_clone(struct planner *p, const struct exec_target *target)
{
	const struct oci_user *user = p->config->process->user;
	struct spawn_step spawn = {
		.enter = true,
		.late = true,
		.enter_pid = target->pid,
		.enter_start = target->start_time,
		.cgroup = target->cgroup,
		.cgroup_below = target->cgroup_below,
		.uid = user ? user->uid : 0,
		.gid = user ? user->gid : 0,
	};

	add_joins(p, target, &spawn);
	p->plan->spawn = p->count;
	plan_add(p, OP_SPAWN, "")->spawn = spawn;
	for (const char *const *dir = target->cgroups_v1; *dir; dir++)
		plan_add(p, OP_JOIN_CGROUP, "")->cgroup.path = *dir;
}

/*
 * The kernel compares with pids.max only at a clone, not when a process is moved: cgroup-v2.rst,
 * "PID". So an exec works, as with runc and crun, in a container that has reached its limit: that
 * is when users need exec most.
 */
static int join_late(struct planner *p, struct err *e)
{
	(void) e;
	for (const char *const *dir = p->late_cgroups; *dir; dir++)
		plan_add(p, OP_JOIN_CGROUP, "")->cgroup.path = *dir;

	return 0;
}

static int enter_session(struct planner *p, struct err *e)
{
	(void) e;
	plan_add(p, OP_ENTER_SESSION, "");

	return 0;
}

static plan_subject *const subjects[] = {
	/* by tare, while tare-init waits */
	plan_final_affinity,
	plan_oom_score,
	/* in the container */
	enter_session,
	plan_reset_affinity,
	plan_keyring,
	plan_open_labels,
	plan_terminal,
	plan_scheduler,
	plan_io_priority,
	plan_rlimits,
	plan_memory_policy,
	plan_personality,
	plan_user,
	plan_no_new_privs,
	plan_landlock,
	plan_prepare_exec,
	plan_set_labels,
	plan_early_seccomp,
	plan_enter_pids,
	join_late,
	plan_process_limit,
	plan_late_scheduler,
	plan_seccomp,
	plan_exec,
};

int plan_make_exec(struct arena *shared, struct arena *arena, const struct oci_config *config,
		   const struct plan_options *options, const struct facts *facts,
		   const struct exec_target *target, const struct plan **plan,
		   const char *const **warnings, struct err *e)
{
	struct planner p = {
		.arena = arena,
		.shared = shared,
		.config = config,
		.options = options,
		.facts = facts,
		.joined_namespaces = target->namespaces,
		.late_cgroups = target->cgroups_late,
	};

	plan_begin(&p);
	p.plan->foreground = options->ends_with_us;
	p.plan->entered = true;
	if (plan_initial_affinity(&p, e) < 0)
		return -1;
	add_clone(&p, target);
	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++)
		if (subjects[i](&p, e) < 0)
			return -1;
	plan_finish(&p, plan, warnings);

	return 0;
}
