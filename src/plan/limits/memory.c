/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/limits/memory.c - linux.resources.memory
 *
 * At each write v1 checks that the limit of memory is not above the limit of memory and swap. In a
 * new cgroup both are without limit, but a cgroup that is used again has the values of its last
 * container.
 */
#include "plan/limits/limits.h"

/* The file and value are the same for both versions, but for the text of "no limit". */
static int put_bytes(struct planner *p, struct limit *w, bool given, int64_t value, struct err *e)
{
	if (!given || value == 0)
		return 0;
	if (value < -1)
		return err_cfg(e, w->place, "%lld is neither a size nor -1", (long long) value);
	w->controller = "memory";
	w->optional = value == -1;
	w->v1 = limit_number(p, value);
	w->v2 = value == -1 ? "max" : w->v1;

	return limit_put(p, w, e);
}

/*
 * checkBeforeUpdate: v1 refuses a limit below the memory that is in use and can't be reclaimed. v2
 * takes the limit and kills processes, so OP_WRITE_CGROUP compares with the usage first.
 */
static const char *usage_file(const struct oci_linux_memory *m, const char *file)
{
	return m->has_check_before_update && m->check_before_update ? file : NULL;
}

static int put_limit(struct planner *p, const struct oci_linux_memory *m, struct err *e)
{
	struct limit w = { .place = LIMITS_PLACE "memory/limit",
			   .name = "limit",
			   .v1_file = "memory.limit_in_bytes",
			   .v2_file = "memory.max",
			   .v2_usage = usage_file(m, "memory.current") };

	return put_bytes(p, &w, m->has_limit, m->limit, e);
}

static int check_swap(const struct oci_linux_memory *m, struct err *e)
{
	const char *place = LIMITS_PLACE "memory/swap";

	if (m->swap < -1)
		return err_cfg(e, place, "%lld is neither a size nor -1", (long long) m->swap);
	if (m->swap <= 0)
		return 0;
	if (!m->has_limit || m->limit <= 0)
		return err_cfg(e, place, "unable to set swap limit without memory limit");
	if (m->swap < m->limit)
		return err_cfg(e, place, "memory+swap limit %lld should be >= memory limit %lld",
			       (long long) m->swap, (long long) m->limit);

	return 0;
}

/* config.json and v1 limit the sum of memory and swap; v2 limits the swap alone. */
static int put_swap(struct planner *p, const struct oci_linux_memory *m, struct err *e)
{
	int64_t swap = m->has_swap ? m->swap : 0;

	if (check_swap(m, e) < 0)
		return -1;
	/* No limit of memory, and no swap in config.json: the sum has no limit either. */
	if (swap == 0 && m->has_limit && m->limit == -1)
		swap = -1;
	if (swap == 0)
		return 0;

	const struct cgroup_hierarchy *h = cgroup_layout_find(&p->facts->cgroups, "memory");
	struct limit w = {
		.controller = "memory",
		.place = LIMITS_PLACE "memory/swap",
		.name = "swap",
		.v1_file = "memory.memsw.limit_in_bytes",
		.v2_file = "memory.swap.max",
		.v1 = limit_number(p, swap),
		.v2 = swap == -1 ? "max" : limit_number(p, swap - m->limit),
		.v2_usage = swap == -1 ? NULL : usage_file(m, "memory.swap.current"),
		/*
		 * A v2 kernel without that file has no swap, which is what a limit of 0 asks for.
		 */
		.optional = swap == -1 || (h && h->v2 && swap == m->limit),
	};

	return limit_put(p, &w, e);
}

/*
 * Is the new limit of memory above the old limit of memory and swap, which must then be raised
 * first?
 */
static bool must_raise_first(struct planner *p, const struct oci_linux_memory *m)
{
	if (!m->has_limit || m->limit == 0)
		return false;

	return m->limit == -1 ||
	       limit_left(p, "memory", "memory.memsw.limit_in_bytes", INT64_MAX) < m->limit;
}

/*
 * Lift an old limit of memory and swap that is below the new limit of memory and not in config.json
 * any more.
 */
static int raise_both(struct planner *p, struct err *e)
{
	return limit_put(p,
			 &(struct limit) { .controller = "memory",
					   .place = LIMITS_PLACE "memory/limit",
					   .v1_file = "memory.memsw.limit_in_bytes",
					   .v1 = "-1",
					   .optional = true },
			 e);
}

/*
 * The kernel checks at each write that memory is not above memory and swap: so the sum is raised
 * first, and lowered last.
 */
static int plan_limit_and_swap(struct planner *p, const struct oci_linux_memory *m, struct err *e)
{
	bool asked = m->has_swap && m->swap != 0;
	bool swap_first = must_raise_first(p, m);

	if (swap_first && !asked && m->limit > 0 && raise_both(p, e) < 0)
		return -1;
	if (swap_first && put_swap(p, m, e) < 0)
		return -1;
	if (put_limit(p, m, e) < 0)
		return -1;

	return swap_first ? 0 : put_swap(p, m, e);
}

static int put_other_bytes(struct planner *p, const struct oci_linux_memory *m, struct err *e)
{
	struct limit reservation = { .place = LIMITS_PLACE "memory/reservation",
				     .name = "reservation",
				     .v1_file = "memory.soft_limit_in_bytes",
				     .v2_file = "memory.low" };
	struct limit kernel = { .place = LIMITS_PLACE "memory/kernel",
				.name = "kernel",
				.v1_file = "memory.kmem.limit_in_bytes" };
	struct limit tcp = { .place = LIMITS_PLACE "memory/kernelTCP",
			     .name = "kernelTCP",
			     .v1_file = "memory.kmem.tcp.limit_in_bytes" };

	if (put_bytes(p, &reservation, m->has_reservation, m->reservation, e) < 0 ||
	    put_bytes(p, &kernel, m->has_kernel, m->kernel, e) < 0)
		return -1;

	return put_bytes(p, &tcp, m->has_kernel_tcp, m->kernel_tcp, e);
}

static int put_swappiness(struct planner *p, const struct oci_linux_memory *m, struct err *e)
{
	const char *place = LIMITS_PLACE "memory/swappiness";

	if (!m->has_swappiness)
		return 0;
	if (m->swappiness > 100)
		return err_cfg(e, place, "swappiness %llu is above 100",
			       (unsigned long long) m->swappiness);

	return limit_put(p,
			 &(struct limit) { .controller = "memory",
					   .place = place,
					   .name = "swappiness",
					   .v1_file = "memory.swappiness",
					   .v1 = limit_number(p, (int64_t) m->swappiness) },
			 e);
}

static int put_oom_killer(struct planner *p, const struct oci_linux_memory *m, struct err *e)
{
	if (!m->has_disable_oom_killer || !m->disable_oom_killer)
		return 0;

	return limit_put(p,
			 &(struct limit) { .controller = "memory",
					   .place = LIMITS_PLACE "memory/disableOOMKiller",
					   .name = "disableOOMKiller",
					   .v1_file = "memory.oom_control",
					   .v1 = "1" },
			 e);
}

/* All v2 cgroups are hierarchical, and so are v1's by default since Linux 5.11. */
static int put_use_hierarchy(struct planner *p, const struct oci_linux_memory *m, struct err *e)
{
	if (!m->has_use_hierarchy)
		return 0;

	return limit_put(p,
			 &(struct limit) { .controller = "memory",
					   .place = LIMITS_PLACE "memory/useHierarchy",
					   .name = "useHierarchy false",
					   .v1_file = "memory.use_hierarchy",
					   .v1 = m->use_hierarchy ? "1" : "0",
					   .optional = m->use_hierarchy },
			 e);
}

int limits_memory(struct planner *p, const struct oci_linux_resources *r, struct err *e)
{
	const struct oci_linux_memory *m = r->memory;

	if (!m)
		return 0;
	if (plan_limit_and_swap(p, m, e) < 0 || put_other_bytes(p, m, e) < 0 ||
	    put_swappiness(p, m, e) < 0 || put_oom_killer(p, m, e) < 0)
		return -1;

	return put_use_hierarchy(p, m, e);
}
