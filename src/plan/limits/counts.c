/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/limits/counts.c - linux.resources.pids, hugepageLimits and rdma: limits that count
 */
#include "plan/limits/cgroup.h"
#include "plan/limits/limits.h"

#include "heap/json_text.h"

#include <sched.h>
#include <string.h>

int limits_pids(struct planner *p, const struct oci_linux_resources *r, struct err *e)
{
	const char *place = LIMITS_PLACE "pids/limit";

	if (!r->pids || !r->pids->has_limit)
		return 0;
	/*
	 * A limit of 0 is written after the clone (plan_cgroup_limit_pids_to_none(), or
	 * plan_late_limits()): with it in force the kernel refuses to clone a process into the
	 * cgroup.
	 */
	if (r->pids->limit == 0 && !(p->joined_namespaces & CLONE_NEWPID))
		return plan_cgroup_need(p, "pids", place, e) ? 0 : -1;

	bool unlimited = r->pids->limit < 0;
	const char *value = unlimited ? "max" : limit_number(p, r->pids->limit);

	return limit_put(p,
			 &(struct limit) { .controller = "pids",
					   .place = place,
					   .v1_file = "pids.max",
					   .v2_file = "pids.max",
					   .v1 = value,
					   .v2 = value,
					   .optional = unlimited },
			 e);
}

/*
 * hugetlb.SIZE.rsvd limits reservations; pages that are faulted in without a reservation count
 * there, too. Linux before 5.7 only limits pages that are faulted in. runtime-spec,
 * config-linux.md#huge-page-limits.
 */
static int put_huge_page(struct planner *p, size_t i, const struct oci_linux_hugepage_limit *h,
			 struct err *e)
{
	const char *size = h->page_size, *value = limit_unsigned(p, h->limit);
	struct arena *a = p->arena;

	return limit_put(
		p,
		&(struct limit) {
			.controller = "hugetlb",
			.place = plan_place(p, LIMITS_PLACE "hugepageLimits/%zu", i),
			.v1_file = arena_printf(a, "hugetlb.%s.rsvd.limit_in_bytes", size),
			.v2_file = arena_printf(a, "hugetlb.%s.rsvd.max", size),
			.v1 = value,
			.v2 = value,
			.v1_other_file = arena_printf(a, "hugetlb.%s.limit_in_bytes", size),
			.v2_other_file = arena_printf(a, "hugetlb.%s.max", size),
		},
		e);
}

int limits_huge_pages(struct planner *p, const struct oci_linux_resources *r, struct err *e)
{
	for (size_t i = 0; i < r->hugepage_limits_count; i++)
		if (put_huge_page(p, i, &r->hugepage_limits[i], e) < 0)
			return -1;

	return 0;
}

/* runtime-spec, config-linux.md#rdma: at least one of the two. */
static int put_rdma(struct planner *p, const char *device, const struct oci_linux_rdma *limits,
		    struct err *e)
{
	const char *place = arena_printf(p->arena, LIMITS_PLACE "rdma/%s",
					 json_pointer_token(p->arena, device));
	struct arena *a = p->arena;

	if (!limits->has_hca_handles && !limits->has_hca_objects)
		return err_cfg(e, place, "neither hcaHandles nor hcaObjects is given");
	if (device[0] == '\0' || device[strcspn(device, " \t\n")] != '\0')
		return err_cfg(e, place, "\"%s\" is not the name of a device", device);

	const char *handles =
		limits->has_hca_handles
			? arena_printf(a, " hca_handle=%lu", (unsigned long) limits->hca_handles)
			: "";
	const char *objects =
		limits->has_hca_objects
			? arena_printf(a, " hca_object=%lu", (unsigned long) limits->hca_objects)
			: "";
	const char *value = arena_printf(a, "%s%s%s", device, handles, objects);

	return limit_put(p,
			 &(struct limit) { .controller = "rdma",
					   .place = place,
					   .v1_file = "rdma.max",
					   .v2_file = "rdma.max",
					   .v1 = value,
					   .v2 = value },
			 e);
}

int limits_rdma(struct planner *p, const struct oci_linux_resources *r, struct err *e)
{
	const struct oci_linux_rdma_map *rdma = r->rdma;

	for (size_t i = 0; rdma && i < rdma->count; i++)
		if (put_rdma(p, rdma->keys[i], &rdma->values[i], e) < 0)
			return -1;

	return 0;
}
