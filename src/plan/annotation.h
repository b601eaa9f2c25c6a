/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/annotation.h - annotations that ask for something
 */
#pragma once

#include "plan/planner.h"

#include <string.h>

/* Is annotation @key there, with the value "1"? */
static inline bool plan_annotation_is_set(const struct planner *p, const char *key)
{
	const struct oci_string_map *annotations = p->config->annotations;

	for (size_t i = 0; annotations && i < annotations->count; i++)
		if (strcmp(annotations->keys[i], key) == 0)
			return strcmp(annotations->values[i], "1") == 0;

	return false;
}
