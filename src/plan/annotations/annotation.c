/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/annotations/annotation.c - annotations that name something of the host
 */
#include "plan/annotations/annotation.h"

#include "plan/annotations/allow.h"

int plan_annotation_path(struct planner *p, const char *key, struct host_path *path, struct err *e)
{
	const char *value = plan_annotation_value(p, key), *warning;

	if (!value)
		return 0;
	if (allow_path(p->options->own_env, key, value, p->arena, path, &warning, e) < 0)
		return -1;
	if (warning)
		plan_warn(p, "%s", warning);

	return 0;
}
