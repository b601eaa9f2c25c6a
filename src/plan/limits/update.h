/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/limits/update.h - new limits for a container that is there
 *
 * Reads the cgroups of the container, and changes nothing.
 */
#pragma once

#include "plan/planner.h"

/*
 * What puts @resources in force in @cgroups, the container's directories (NULL-terminated, as the
 * record has them): OP_WRITE_CGROUP steps, in an order in which the kernel takes each. Devices are
 * left out. @facts: euid and cgroups are used. All in @a.
 *
 * 0; or -1 with a place below /linux/resources: what is asked for can't be had, or
 * checkBeforeUpdate found more in use.
 */
int plan_update(const struct oci_linux_resources *resources, const char *const *cgroups,
		const struct facts *facts, struct arena *a, const struct step **steps,
		size_t *count, struct err *e);
