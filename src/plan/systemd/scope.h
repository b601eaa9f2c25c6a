/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/systemd/scope.h - a container's systemd scope; between plan/systemd/scope.c, plan/systemd/scope_properties.c and plan/features.c
 */
#pragma once

#include "plan/planner.h"

#define SCOPE_PLACE "/linux/cgroupsPath"

/* Annotations that are a property of the scope: this and its name. */
#define SCOPE_PROPERTY "org.systemd.property."

/* Does annotation @key set @property, as the bus calls it? "...TimeoutStopSec" sets TimeoutStopUSec. */
bool scope_annotation_sets(const char *key, const char *property);

/* What every scope has: the first of its properties. */
const char *scope_base_properties(struct planner *p, const char *slice);
