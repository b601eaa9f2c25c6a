/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/limits/update.h - new limits for an existing container
 *
 * Reads the cgroups of the container, and changes nothing.
 */
#pragma once

#include "plan/planner.h"

/*
 * The steps that put @resources in force in @cgroups, the container's directories (NULL-terminated,
 * from its record): OP_WRITE_CGROUP, in an order in which the kernel accepts each. Devices are left
 * out. Of @facts, euid and cgroups are used. All in @a.
 * 0; or -1 with a place below /linux/resources: this host can't put it in force, or
 * checkBeforeUpdate found more in use.
 */
int plan_update(const struct oci_linux_resources *resources, const char *const *cgroups,
		const struct facts *facts, struct arena *a, const struct step **steps,
		size_t *count, struct err *e);
