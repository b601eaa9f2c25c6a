/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/limits/unified.c - linux.resources.unified: files of cgroup v2 by name
 *
 * runtime-spec, config-linux.md#unified: a file that tare does not know is written, too, and a
 * missing controller is an error. A value of several lines is written line by line, as the kernel's
 * files with one entry for each device need it.
 */
#include "plan/limits/limits.h"

#include "base/table.h"
#include "heap/json_text.h"
#include "plan/limits/cgroup.h"

#include <string.h>

static const struct cgroup_hierarchy *find_v2(const struct cgroup_layout *layout)
{
	/* v2, if any, is the last one. */
	const struct cgroup_hierarchy *last =
		layout->count > 0 ? &layout->hierarchies[layout->count - 1] : NULL;

	return last && last->v2 ? last : NULL;
}

/*
 * The controller of @file: the part before the dot. "cgroup" is the core, and needs no controller;
 * neither does "pressure".
 */
static const char *controller_of(struct planner *p, const char *file)
{
	static const char *const controllers[] = {
		"cpu", "cpuset", "hugetlb", "io", "memory", "misc", "pids", "rdma",
	};
	const char *name = arena_memdup(p->arena, file, strcspn(file, "."));

	if (strcmp(file + strlen(name), ".pressure") == 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++)
		if (strcmp(controllers[i], name) == 0)
			return controllers[i];

	return NULL;
}

static int check_file(struct planner *p, const struct cgroup_hierarchy *v2, const char *file,
		      const char *value, const char *place, struct err *e)
{
	const char *controller = controller_of(p, file);

	if (strchr(file, '/') || strcmp(file, ".") == 0 || strcmp(file, "..") == 0)
		return err_cfg(e, place, "\"%s\" is not the name of a file of a cgroup", file);
	if (strcmp(file, "cgroup.freeze") == 0 && strcmp(value, "0") != 0)
		return err_cfg(e, place, "a container can't be created in a frozen cgroup");
	if (controller && cgroup_layout_find(&p->facts->cgroups, controller) != v2) {
		err_cfg(e, place, "cgroup v2 has no %s controller here", controller);
		return err_hint(e, "the kernel has none, or it is in use by cgroup v1");
	}

	return 0;
}

static int put_file(struct planner *p, const char *file, const char *value, struct err *e)
{
	const struct cgroup_layout *layout = &p->facts->cgroups;
	const struct cgroup_hierarchy *v2 = find_v2(layout);
	const char *place = arena_printf(p->arena, LIMITS_PLACE "unified/%s",
					 json_pointer_token(p->arena, file));

	if (layout->mode == CGROUP_V1)
		return err_cfg(e, place,
			       "invalid configuration: unified is not possible on cgroup v1");
	if (!v2)
		return plan_cgroup_need(p, "cgroup", place, e) ? 0 : -1;
	if (check_file(p, v2, file, value, place, e) < 0 || plan_cgroup_check(p, v2, place, e) < 0)
		return -1;
	for (size_t length; *value; value += length) {
		value += strspn(value, "\n");
		length = strcspn(value, "\n");
		if (length > 0)
			limit_write(p, place, plan_cgroup_dir(p, v2), file,
				    arena_memdup(p->arena, value, length), false);
	}

	return 0;
}

int limits_unified(struct planner *p, const struct oci_linux_resources *r, struct err *e)
{
	const struct oci_string_map *unified = r->unified;

	for (size_t i = 0; unified && i < unified->count; i++)
		if (put_file(p, unified->keys[i], unified->values[i], e) < 0)
			return -1;

	return 0;
}
