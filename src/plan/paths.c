/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/paths.c - linux.maskedPaths, linux.readonlyPaths
 *
 * Read-only first: it covers a path with a copy of what is there, and a mask below it is then
 * put onto the copy.
 */
#include "kernel/process.h"
#include "plan/path_text.h"
#include "plan/planner.h"

#include <string.h>

static int add_paths(struct planner *p, enum step_op op, const char *property, const char **paths,
		     size_t count, struct err *e)
{
	if (count > 0 && !(p->new_namespaces & CLONE_NEWNS))
		return err_cfg(e, plan_place(p, "/linux/%s", property),
			       "covering paths needs a new mount namespace");

	for (size_t i = 0; i < count; i++) {
		const char *place = plan_place(p, "/linux/%s/%zu", property, i);

		if (paths[i][0] != '/')
			return err_cfg(e, place, "\"%s\" is not an absolute path", paths[i]);
		if (op == OP_MASK_PATH && strcmp(path_clean(p->arena, paths[i]), "/") == 0)
			return err_cfg(e, place, "\"%s\" is the whole rootfs", paths[i]);
		plan_add(p, op, place)->path = paths[i];
	}

	return 0;
}

int plan_paths(struct planner *p, struct err *e)
{
	const struct oci_linux *linux = p->config->linux;

	if (!linux)
		return 0;
	if (add_paths(p, OP_PROTECT_PATH, "readonlyPaths", linux->readonly_paths,
		      linux->readonly_paths_count, e) < 0)
		return -1;

	return add_paths(p, OP_MASK_PATH, "maskedPaths", linux->masked_paths,
			 linux->masked_paths_count, e);
}
