/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/limits/limits.c - one limit becomes a write to one file of a cgroup
 *
 * Runs in tare while it decides. The values in a cgroup that exists already were left by another
 * container, so they are only read where the same path is used again.
 */
#include "plan/limits/limits.h"

#include "base/fmt.h"
#include "kernel/fd.h"
#include "plan/limits/cgroup.h"

const struct cgroup_hierarchy *limit_find(struct planner *p, const char *controller)
{
	const struct cgroup_hierarchy *h = cgroup_layout_find(&p->facts->cgroups, controller);

	return h && plan_cgroup_dir(p, h) ? h : NULL;
}

struct step *limit_write(struct planner *p, const char *place, const char *dir, const char *file,
			 const char *value, bool optional)
{
	struct step *step = plan_add(p, OP_WRITE_CGROUP, place);

	step->cgroup_file.directory = dir;
	step->cgroup_file.file = file;
	step->cgroup_file.value = value;
	step->cgroup_file.optional = optional;

	return step;
}

static const char *controller_here(const struct planner *p, const struct limit *l)
{
	bool on_v1 = l->v1_controller && cgroup_layout_find(&p->facts->cgroups, l->v1_controller);

	return on_v1 ? l->v1_controller : l->controller;
}

static int refuse_version(const struct limit *l, bool v2, struct err *e)
{
	return err_cfg(e, l->place, "%s is not possible on cgroup %s", l->name, v2 ? "v2" : "v1");
}

static void fill(struct step *step, const struct limit *l, bool v2)
{
	step->cgroup_file.other_file = v2 ? l->v2_other_file : l->v1_other_file;
	if (step->cgroup_file.other_file)
		step->cgroup_file.other_value =
			v2 && l->v2_other ? l->v2_other : step->cgroup_file.value;
	step->cgroup_file.usage_file = v2 ? l->v2_usage : NULL;
}

int limit_put(struct planner *p, const struct limit *l, struct err *e)
{
	const char *controller = controller_here(p, l);

	/* v2 has no file for some limits of v1, on no machine: the error says that. */
	if (!l->optional && !l->v2_file && p->facts->cgroups.mode == CGROUP_V2)
		return refuse_version(l, true, e);

	const struct cgroup_hierarchy *h = l->optional
						   ? limit_find(p, controller)
						   : plan_cgroup_need(p, controller, l->place, e);
	if (!h)
		return l->optional ? 0 : -1;

	const char *file = h->v2 ? l->v2_file : l->v1_file;
	if (!file)
		return l->optional ? 0 : refuse_version(l, h->v2, e);

	fill(limit_write(p, l->place, plan_cgroup_dir(p, h), file, h->v2 ? l->v2 : l->v1,
			 l->optional),
	     l, h->v2);

	return 0;
}

const char *limit_number(struct planner *p, int64_t value)
{
	return arena_printf(p->arena, "%lld", (long long) value);
}

const char *limit_unsigned(struct planner *p, uint64_t value)
{
	return arena_printf(p->arena, "%llu", (unsigned long long) value);
}

int64_t limit_left(struct planner *p, const char *controller, const char *file, int64_t otherwise)
{
	const struct cgroup_hierarchy *h = limit_find(p, controller);
	char text[64];
	unsigned long long value;

	if (!h)
		return otherwise;

	autoclose int fd = sys_open(arena_printf(p->arena, "%s/%s", plan_cgroup_dir(p, h), file),
				    O_RDONLY | O_NOFOLLOW);
	ssize_t n = fd < 0 ? fd : sys_read_all(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return otherwise;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';

	/* "max" and -1 are no limit, and so is a number above INT64_MAX. */
	if (fmt_parse_u64(text, &value) < 0 || value > INT64_MAX)
		return INT64_MAX;

	return (int64_t) value;
}
