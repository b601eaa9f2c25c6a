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
