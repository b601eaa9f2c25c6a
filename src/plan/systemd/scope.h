/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/systemd/scope.h - a container's systemd scope; between plan/systemd/scope.c,
 * plan/systemd/scope_properties.c and plan/features.c
 */
#pragma once

#include "plan/planner.h"

#define SCOPE_PLACE "/linux/cgroupsPath"

/* The prefix of annotations that set a property of the scope. */
#define SCOPE_PROPERTY "org.systemd.property."

/*
 * Does annotation @key set @property, by its name on the bus? "...TimeoutStopSec" sets
 * TimeoutStopUSec.
 */
bool scope_annotation_sets(const char *key, const char *property);

/* The properties that every scope gets; they come first. */
const char *scope_base_properties(struct planner *p, const char *slice);
