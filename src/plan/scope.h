/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/scope.h - a container's systemd scope; between plan/scope.c and plan/scope_properties.c
 */
#pragma once

#include "plan/planner.h"

#define SCOPE_PLACE "/linux/cgroupsPath"

/* What every scope has: the first of its properties. */
const char *scope_base_properties(struct planner *p, const char *slice);
