/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/annotations/annotation.h - annotations that ask for something
 */
#pragma once

#include "plan/planner.h"

#include <string.h>

/* The value of annotation @key; NULL: config.json has no such annotation. */
static inline const char *plan_annotation_value(const struct planner *p, const char *key)
{
	return oci_string_map_find(p->config->annotations, key);
}

/*
 * The value of @key as a path of the host, if allow.h lets tare reach it. A path that is switched
 * off gives a warning. 0, or -1.
 */
int plan_annotation_path(struct planner *p, const char *key, struct host_path *path, struct err *e);

/* tare's own annotations, which `box` sets: config.json has no member for these. */
/* "1": tare-init stays as process 1, passes signals on, and reaps. */
#define ANNOTATION_INIT "org.tare.init"
/* What landlock(7) lets the program do: plan/process/landlock.c. */
#define ANNOTATION_LANDLOCK "org.tare.landlock"
/* A line for the binfmt_misc of the container's user namespace: plan/mounts/binfmt.c. */
#define ANNOTATION_BINFMT "org.tare.binfmt"
/* "1": the program is a login shell, so its argv[0] begins with a dash. */
#define ANNOTATION_LOGIN "org.tare.login"

/* Is annotation @key there, with the value "1"? */
static inline bool plan_annotation_is_set(const struct planner *p, const char *key)
{
	const char *value = plan_annotation_value(p, key);

	return value && strcmp(value, "1") == 0;
}
