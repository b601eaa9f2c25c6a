/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/systemd/unit_limits.h - a file of cgroup v2 as properties of a unit:
 * systemd.resource-control(5)
 */
#pragma once

#include "plan/systemd/property.h"

/*
 * Append the property for @value in @file, if systemd has one: memory.max is MemoryMax; cpu.max is
 * CPUQuotaPerSecUSec (rounded up to 10 ms of each second, as systemd does) and CPUQuotaPeriodUSec.
 */
void unit_limit_add(struct properties *p, const char *file, const char *value);

/*
 * The value for @file of the scope's cgroup where the container's cgroup, below it, has the limit
 * @value; NULL: the value that systemd writes. The kernel charges the structures of a cgroup to its
 * parent. So with the same memory.max the scope would be full before the container, and
 * memory.events of the container would not count it.
 */
const char *unit_limit_above(const char *file, const char *value, struct arena *a);
