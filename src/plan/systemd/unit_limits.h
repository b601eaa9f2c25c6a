/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/systemd/unit_limits.h - a file of cgroup v2 as properties of a unit: systemd.resource-control(5)
 */
#pragma once

#include "plan/systemd/property.h"

/*
 * What systemd calls @value in @file, if it has a word for it: memory.max is MemoryMax, cpu.max is CPUQuotaPerSecUSec
 * (rounded up to 10 ms of each second, as systemd counts) and CPUQuotaPeriodUSec.
 */
void unit_limit_add(struct properties *p, const char *file, const char *value);

/*
 * The value that @file of the scope's cgroup is to have when the container's own, below, has the limit @value: NULL where it is
 * what systemd writes. The kernel charges the structures of a cgroup to the parent, so the scope with the same memory.max
 * would be full before the container, and memory.events of the container would not count what happens to it.
 */
const char *unit_limit_above(const char *file, const char *value, struct arena *a);
