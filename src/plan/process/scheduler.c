/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/process/scheduler.c - process.scheduler, ioPriority and execCPUAffinity
 *
 * runtime-spec, config.md#linux-process. tare sets both priorities from outside: the kernel asks
 * for CAP_SYS_NICE in the first user namespace, which a tare-init with a user namespace of its own
 * does not have. These steps come late, so that an idle priority does not slow down the set-up, but
 * before the ids change: an ordinary user may only change a process with the same ids.
 *
 * Rules about the policy are checked here, as runc does; values that only the kernel can judge are
 * left to it.
 */
#include "plan/process/scheduler.h"

#include "base/table.h"
#include "plan/cpu_list.h"
#include "plan/planner.h"

#include <linux/sched.h>
#include <string.h>

/* ---- the words ---- */

enum policy_kind {
	POLICY_FAIR,
	POLICY_REAL_TIME, /* takes a priority */
	POLICY_DEADLINE,  /* takes runtime, deadline and period */
	POLICY_NOT_THERE, /* the kernel defines its number, but does not implement it */
};

static const struct {
	const char *name;
	uint32_t policy;
	enum policy_kind kind;
} policies[] = {
	{ "SCHED_OTHER", SCHED_NORMAL, POLICY_FAIR },
	{ "SCHED_FIFO", SCHED_FIFO, POLICY_REAL_TIME },
	{ "SCHED_RR", SCHED_RR, POLICY_REAL_TIME },
	{ "SCHED_BATCH", SCHED_BATCH, POLICY_FAIR },
	{ "SCHED_ISO", 4, POLICY_NOT_THERE },
	{ "SCHED_IDLE", SCHED_IDLE, POLICY_FAIR },
	{ "SCHED_DEADLINE", SCHED_DEADLINE, POLICY_DEADLINE },
};

static const struct {
	const char *name;
	uint64_t flag;
} scheduler_flags[] = {
	{ "SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK },
	{ "SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM },
	{ "SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN },
	{ "SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY },
	{ "SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS },
	{ "SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN },
	{ "SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX },
};

static const struct {
	const char *name;
	int class;
} io_classes[] = {
	{ "IOPRIO_CLASS_RT", 1 },
	{ "IOPRIO_CLASS_BE", 2 },
	{ "IOPRIO_CLASS_IDLE", 3 },
};

/* ---- scheduler ---- */

#define PLACE "/process/scheduler"

/* sched(7): 1 is the lowest, 99 the highest. */
static int check_priority(const struct oci_scheduler *o, enum policy_kind kind, struct err *e)
{
	if (kind != POLICY_REAL_TIME && o->priority != 0)
		return err_cfg(
			e, PLACE "/priority",
			"scheduler.priority can only be specified for SCHED_FIFO or SCHED_RR "
			"policy");
	if (kind == POLICY_REAL_TIME && (o->priority < 1 || o->priority > 99))
		return err_cfg(e, PLACE "/priority",
			       "invalid scheduler.priority: %d, %s has 1 to 99", (int) o->priority,
			       o->policy);

	return 0;
}

/* sched_setattr(2) refuses less, and more than 63 bits. */
#define LEAST_RUNTIME 1024

#define DEADLINE "sched_setattr: `SCHED_DEADLINE` "

/* Check the rules for which sched_setattr(2) only returns EINVAL. All times are in ns. */
static int check_runtime(const struct oci_scheduler *o, struct err *e)
{
	const char *missing = !o->has_runtime ? "runtime" : !o->has_deadline ? "deadline" : NULL;
	unsigned long long runtime = o->runtime, deadline = o->deadline, period = o->period;

	if (missing)
		return err_cfg(e, PLACE, DEADLINE "requires `%s`", missing);
	if (runtime == 0)
		return err_cfg(e, PLACE "/runtime", DEADLINE "runtime must be greater than 0");
	if (runtime < LEAST_RUNTIME || runtime > INT64_MAX)
		return err_cfg(e, PLACE "/runtime",
			       DEADLINE "runtime %llu must be between %d and %lld", runtime,
			       LEAST_RUNTIME, (long long) INT64_MAX);
	if (runtime > deadline)
		return err_cfg(e, PLACE "/runtime",
			       DEADLINE "runtime %llu must be <= deadline %llu", runtime, deadline);
	/* With period 0 the kernel takes the deadline as the period. */
	if (period != 0 && deadline > period)
		return err_cfg(e, PLACE "/deadline",
			       DEADLINE "deadline %llu must be <= period %llu", deadline, period);

	return 0;
}

static int check_deadline(const struct oci_scheduler *o, enum policy_kind kind, struct err *e)
{
	if (kind == POLICY_DEADLINE)
		return check_runtime(o, e);
	if (o->runtime == 0 && o->deadline == 0 && o->period == 0)
		return 0;

	return err_cfg(e, PLACE,
		       "scheduler runtime/deadline/period can only be specified for "
		       "SCHED_DEADLINE policy");
}

static int read_flags(struct planner *p, uint64_t *flags, struct err *e)
{
	const struct oci_scheduler *o = p->config->process->scheduler;

	*flags = 0;
	for (size_t i = 0; i < o->flags_count; i++) {
		size_t k = 0;

		while (k < ARRAY_SIZE(scheduler_flags) &&
		       strcmp(scheduler_flags[k].name, o->flags[i]) != 0)
			k++;
		if (k == ARRAY_SIZE(scheduler_flags))
			return err_cfg(e, plan_place(p, PLACE "/flags/%zu", i),
				       "unknown scheduler flag \"%s\"", o->flags[i]);
		*flags |= scheduler_flags[k].flag;
	}

	return 0;
}

/* sched(7): a SCHED_DEADLINE task can't fork without SCHED_FLAG_RESET_ON_FORK. */
static int check_forks(const struct planner *p, enum policy_kind kind, uint64_t flags,
		       struct err *e)
{
	const struct oci_hooks *hooks = p->config->hooks;

	if (kind != POLICY_DEADLINE || flags & SCHED_FLAG_RESET_ON_FORK || !hooks ||
	    hooks->start_container_count == 0)
		return 0;

	return err_cfg(e, PLACE "/flags",
		       "startContainer hooks can't be started under SCHED_DEADLINE without "
		       "SCHED_FLAG_RESET_ON_FORK");
}

/* The row of the policy, or -1. */
static int find_policy(const char *name, struct err *e)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(policies) && strcmp(policies[i].name, name) != 0)
		i++;
	if (i == ARRAY_SIZE(policies))
		return err_cfg(e, PLACE "/policy", "invalid scheduler.policy: \"%s\"", name);
	if (policies[i].kind == POLICY_NOT_THERE)
		return err_cfg(e, PLACE "/policy", "Linux does not implement %s", name);

	return (int) i;
}

static int check_operands(const struct oci_scheduler *o, enum policy_kind kind, struct err *e)
{
	if (o->nice < -20 || o->nice > 19)
		return err_cfg(e, PLACE "/nice", "invalid scheduler.nice: %d", (int) o->nice);
	if (check_priority(o, kind, e) < 0)
		return -1;

	return check_deadline(o, kind, e);
}

/*
 * exec, sched(7): the child that OP_ENTER_PIDS clones would not inherit this policy, or the clone
 * would be refused.
 */
static bool is_lost_by_fork(const struct planner *p)
{
	return p->plan->entered && (p->scheduler.policy == SCHED_DEADLINE ||
				    p->scheduler.flags & SCHED_FLAG_RESET_ON_FORK);
}

static bool names_cpus(const struct oci_config *config)
{
	const struct oci_linux_resources *r = config->linux ? config->linux->resources : NULL;

	return r && r->cpu && r->cpu->cpus && r->cpu->cpus[0];
}

int plan_scheduler(struct planner *p, struct err *e)
{
	const struct oci_process *process = p->config->process;
	const struct oci_scheduler *o = process ? process->scheduler : NULL;
	uint64_t flags;

	if (!o)
		return 0;

	int i = find_policy(o->policy, e);
	if (i < 0 || check_operands(o, policies[i].kind, e) < 0 || read_flags(p, &flags, e) < 0 ||
	    check_forks(p, policies[i].kind, flags, e) < 0)
		return -1;

	p->scheduler = (struct scheduler_step) {
		.name = policies[i].name,
		.policy = policies[i].policy,
		.flags = flags,
		.nice = o->nice,
		.priority = (uint32_t) o->priority,
		.runtime = o->runtime,
		.deadline = o->deadline,
		.period = o->period,
		.some_cpus = names_cpus(p->config),
	};
	if (!is_lost_by_fork(p))
		plan_add(p, OP_SET_SCHEDULER, PLACE)->scheduler = p->scheduler;

	return 0;
}

int plan_late_scheduler(struct planner *p, struct err *e)
{
	(void) e;
	if (p->scheduler.name && is_lost_by_fork(p))
		plan_add(p, OP_SET_SCHEDULER, PLACE)->scheduler = p->scheduler;

	return 0;
}

/* ---- ioPriority ---- */

int plan_io_priority(struct planner *p, struct err *e)
{
	const struct oci_process *process = p->config->process;
	const struct oci_io_priority *o = process ? process->io_priority : NULL;
	size_t i = 0;

	if (!o)
		return 0;
	while (i < ARRAY_SIZE(io_classes) && strcmp(io_classes[i].name, o->class) != 0)
		i++;
	if (i == ARRAY_SIZE(io_classes))
		return err_cfg(e, "/process/ioPriority/class", "invalid ioPriority.class: \"%s\"",
			       o->class);
	if (o->priority < 0 || o->priority > 7)
		return err_cfg(e, "/process/ioPriority/priority", "invalid ioPriority.priority: %d",
			       (int) o->priority);

	struct step *step = plan_add(p, OP_SET_IO_PRIORITY, "/process/ioPriority");
	step->io_priority.name = io_classes[i].name;
	step->io_priority.class = io_classes[i].class;
	step->io_priority.level = o->priority;

	return 0;
}

/* ---- execCPUAffinity ---- */

/* @add: false where the list is only checked. "" changes nothing. */
static int plan_affinity(struct planner *p, const char *list, const char *place, bool add,
			 bool before_clone, struct err *e)
{
	struct cpu_set *set = arena_new(p->arena, struct cpu_set);
	const char *fault;

	if (!list)
		return 0;
	if (cpu_list_parse(list, set, &fault) < 0)
		return err_cfg(e, place, "\"%s\" %s", list, fault);
	if (!add || !list[0])
		return 0;

	struct step *step = plan_add(p, OP_SET_AFFINITY, place);
	step->affinity.list = list;
	step->affinity.mask = set->words;
	step->affinity.before_clone = before_clone;

	return 0;
}

static int plan_affinities(struct planner *p, bool initial, bool final, struct err *e)
{
	const struct oci_process *process = p->config->process;
	const struct oci_exec_cpu_affinity *o = process ? process->exec_cpu_affinity : NULL;

	if (!o)
		return 0;
	if (plan_affinity(p, o->initial, "/process/execCPUAffinity/initial", initial, true, e) < 0)
		return -1;

	return plan_affinity(p, o->final, "/process/execCPUAffinity/final", final, false, e);
}

/*
 * Is the affinity set by execCPUAffinity? Else it is reset: an engine that is bound to some CPUs
 * (taskset, CPUAffinity= of systemd) does not mean the container. config.md#linux-process: without
 * `final` the kernel alone decides.
 */
static bool is_chosen(const struct planner *p)
{
	const struct oci_process *process = p->config->process;
	const struct oci_exec_cpu_affinity *o = process ? process->exec_cpu_affinity : NULL;

	return o && ((o->initial && o->initial[0]) || (o->final && o->final[0]));
}

int plan_reset_affinity(struct planner *p, struct err *e)
{
	(void) e;
	/* execCPUAffinity does not apply to the container's first process. */
	if (!p->plan->entered || !is_chosen(p))
		plan_add(p, OP_RESET_AFFINITY, "");

	return 0;
}

int plan_exec_affinity(struct planner *p, struct err *e)
{
	return plan_affinities(p, false, false, e);
}

int plan_initial_affinity(struct planner *p, struct err *e)
{
	return plan_affinities(p, true, false, e);
}

int plan_final_affinity(struct planner *p, struct err *e)
{
	return plan_affinities(p, false, true, e);
}

struct sys_sched_attr scheduler_attributes(const struct scheduler_step *o)
{
	return (struct sys_sched_attr) {
		.size = o->flags & SCHED_FLAG_UTIL_CLAMP ? sizeof(struct sys_sched_attr)
							 : SYS_SCHED_ATTR_OLD,
		.policy = o->policy,
		.flags = o->flags,
		.nice = o->nice,
		.priority = o->priority,
		.runtime = o->runtime,
		.deadline = o->deadline,
		.period = o->period,
	};
}

const char *scheduler_policy_name(uint32_t policy)
{
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++)
		if (policies[i].policy == policy)
			return policies[i].name;

	return NULL;
}

const char *io_priority_class_name(int class)
{
	for (size_t i = 0; i < ARRAY_SIZE(io_classes); i++)
		if (io_classes[i].class == class)
			return io_classes[i].name;

	return NULL;
}
