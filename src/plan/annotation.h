/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/annotation.h - annotations that ask for something
 */
#pragma once

#include "plan/planner.h"

#include <string.h>

/* The value of annotation @key; NULL: it is not there. */
static inline const char *plan_annotation_value(const struct planner *p, const char *key)
{
	return oci_string_map_find(p->config->annotations, key);
}

/* Is annotation @key there, with the value "1"? */
static inline bool plan_annotation_is_set(const struct planner *p, const char *key)
{
	const char *value = plan_annotation_value(p, key);

	return value && strcmp(value, "1") == 0;
}
