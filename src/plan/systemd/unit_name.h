/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/systemd/unit_name.h - systemd's names: of units, and of the cgroups it makes for them
 *
 * systemd.unit(5), systemd.slice(5). Only arithmetic with strings; all results in the arena.
 */
#pragma once

#include "heap/arena.h"

#define UNIT_NAME_LONGEST 255

/*
 * The directories of @slice below the root one, with a slash in front of each: "a-b.slice" is
 * "/a.slice/a-b.slice", "-.slice" and "-" are "". NULL: it is not the name of a slice.
 */
const char *unit_slice_path(const char *slice, struct arena *a);

/*
 * PREFIX-NAME.scope, or NAME.scope with an empty prefix; escaped as systemd-escape(1) does. NULL:
 * longer than systemd takes.
 */
const char *unit_scope_name(const char *prefix, const char *name, struct arena *a);

/* The directory of a unit: its name, with a `_` before a name that the kernel uses itself. */
const char *unit_cgroup_name(const char *unit, struct arena *a);
