/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/limits/resources.c - linux.resources: the limits of the container
 *
 * This file has the order of the limits; limits.h has the functions that they share.
 */
#include "base/table.h"
#include "plan/limits/limits.h"

#include <string.h>

static int plan_all(struct planner *p, const struct oci_linux_resources *r, struct err *e)
{
	static limits_subject *const subjects[] = {
		limits_memory,
		limits_cpu,
		limits_pids,
		limits_block_io,
		limits_network,
		limits_huge_pages,
		limits_rdma,
		limits_devices,
		/* files by name: written last, so that they override the others */
		limits_unified,
	};

	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++)
		if (subjects[i](p, r, e) < 0)
			return -1;

	return 0;
}

int plan_resources(struct planner *p, struct err *e)
{
	const struct oci_linux *linux = p->config->linux;

	return linux && linux->resources ? plan_all(p, linux->resources, e) : 0;
}

/* ---- limits that would slow down tare-init, or stop it ---- */

/*
 * Is it a limit that would slow tare-init down? Realtime files are not: a scheduling policy may
 * need the runtime that they give.
 */
static bool slows_down(const struct step *s)
{
	static const char *const files[] = {
		"cpu.shares",	    "cpu.weight",	 "cpu.weight.nice",
		"cpu.idle",	    "cpu.cfs_period_us", "cpu.cfs_quota_us",
		"cpu.cfs_burst_us", "cpu.max",		 "cpu.max.burst",
	};

	for (size_t i = 0; s->op == OP_WRITE_CGROUP && i < ARRAY_SIZE(files); i++)
		if (strcmp(s->cgroup_file.file, files[i]) == 0)
			return true;

	return false;
}

/*
 * Is it a limit of processes that leaves no room for OP_ENTER_PIDS? For that moment there are two:
 * tare-init, and the container's process that it clones.
 */
static bool refuses_clone(const struct planner *p, const struct step *s)
{
	return s->op == OP_WRITE_CGROUP && plan_clones_late(p) &&
	       strcmp(s->cgroup_file.file, "pids.max") == 0 &&
	       (strcmp(s->cgroup_file.value, "0") == 0 || strcmp(s->cgroup_file.value, "1") == 0);
}

int plan_put_off_limits(struct planner *p, struct err *e)
{
	struct step *late = arena_array(p->arena, p->count + 1, sizeof(*late));
	size_t kept = 0, count = 0;

	(void) e;
	for (size_t i = 0; i < p->count; i++)
		if (slows_down(&p->steps[i]) || refuses_clone(p, &p->steps[i]))
			late[count++] = p->steps[i];
		else
			p->steps[kept++] = p->steps[i];
	p->count = kept;
	p->late = late;
	p->late_count = count;

	return 0;
}

int plan_late_limits(struct planner *p, struct err *e)
{
	(void) e;
	for (size_t i = 0; i < p->late_count; i++)
		*plan_add(p, OP_WRITE_CGROUP, "") = p->late[i];
	p->late_count = 0;

	return 0;
}

static void put_back_slow_limits(struct planner *p)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->late_count; i++)
		if (slows_down(&p->late[i]))
			*plan_add(p, OP_WRITE_CGROUP, "") = p->late[i];
		else
			p->late[kept++] = p->late[i];
	p->late_count = kept;
}

/* A hook may change the limits of the container: so they are written before it runs. */
int plan_limits_for_hooks(struct planner *p, struct err *e)
{
	const struct oci_hooks *hooks = p->config->hooks;

	(void) e;
	if (hooks && (hooks->prestart_count > 0 || hooks->create_runtime_count > 0 ||
		      hooks->create_container_count > 0))
		put_back_slow_limits(p);

	return 0;
}
