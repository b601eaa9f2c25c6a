/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/process/rlimits.c - process.rlimits
 *
 * runtime-spec, config.md#posix-process: an unknown type and one that is given twice are errors.
 */
#include "plan/process/rlimits.h"

#include "plan/planner.h"

#include <string.h>
#include <sys/resource.h>

const struct rlimit_name rlimit_names[RLIMIT_NAMES] = {
	{ "RLIMIT_AS", RLIMIT_AS },
	{ "RLIMIT_CORE", RLIMIT_CORE },
	{ "RLIMIT_CPU", RLIMIT_CPU },
	{ "RLIMIT_DATA", RLIMIT_DATA },
	{ "RLIMIT_FSIZE", RLIMIT_FSIZE },
	{ "RLIMIT_LOCKS", RLIMIT_LOCKS },
	{ "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK },
	{ "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE },
	{ "RLIMIT_NICE", RLIMIT_NICE },
	{ "RLIMIT_NOFILE", RLIMIT_NOFILE },
	{ "RLIMIT_NPROC", RLIMIT_NPROC },
	{ "RLIMIT_RSS", RLIMIT_RSS },
	{ "RLIMIT_RTPRIO", RLIMIT_RTPRIO },
	{ "RLIMIT_RTTIME", RLIMIT_RTTIME },
	{ "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING },
	{ "RLIMIT_STACK", RLIMIT_STACK },
};

static int find(const char *name)
{
	for (size_t i = 0; i < RLIMIT_NAMES; i++)
		if (strcmp(rlimit_names[i].name, name) == 0)
			return (int) i;

	return -1;
}

static void add_limit(struct planner *p, enum step_op op, int row, const struct oci_rlimit *limit,
		      const char *place)
{
	struct step *step = plan_add(p, op, place);

	step->rlimit.name = rlimit_names[row].name;
	step->rlimit.resource = rlimit_names[row].resource;
	step->rlimit.soft = limit->soft;
	step->rlimit.hard = limit->hard;
}

static int plan_one(struct planner *p, size_t i, uint64_t *seen, struct err *e)
{
	const struct oci_rlimit *limit = &p->config->process->rlimits[i];
	const char *place = plan_place(p, "/process/rlimits/%zu", i);
	int row = find(limit->type);

	if (row < 0)
		return err_cfg(e, plan_place(p, "%s/type", place),
			       "rlimit type \"%s\" is not known", limit->type);
	if (*seen & (uint64_t) 1 << row)
		return err_cfg(e, plan_place(p, "%s/type", place), "rlimit \"%s\" is given twice",
			       limit->type);
	if (limit->soft > limit->hard)
		return err_cfg(e, plan_place(p, "%s/soft", place),
			       "soft limit %llu is above the hard limit %llu",
			       (unsigned long long) limit->soft, (unsigned long long) limit->hard);
	*seen |= (uint64_t) 1 << row;

	/*
	 * RLIMIT_NPROC counts the processes of the user. With OP_ENTER_PIDS there are two more for
	 * a moment, so the limit is set behind that step.
	 */
	if (rlimit_names[row].resource != RLIMIT_NPROC || !plan_clones_late(p))
		add_limit(p, OP_SET_RLIMIT, row, limit, place);

	return 0;
}

int plan_process_limit(struct planner *p, struct err *e)
{
	const struct oci_process *process = p->config->process;

	(void) e;
	for (size_t i = 0; process && plan_clones_late(p) && i < process->rlimits_count; i++) {
		const struct oci_rlimit *limit = &process->rlimits[i];
		int row = find(limit->type);

		if (rlimit_names[row].resource == RLIMIT_NPROC)
			add_limit(p, OP_SET_PROCESS_LIMIT, row, limit,
				  plan_place(p, "/process/rlimits/%zu", i));
	}

	return 0;
}

int plan_rlimits(struct planner *p, struct err *e)
{
	const struct oci_process *process = p->config->process;
	uint64_t seen = 0;

	for (size_t i = 0; process && i < process->rlimits_count; i++)
		if (plan_one(p, i, &seen, e) < 0)
			return -1;

	return 0;
}
