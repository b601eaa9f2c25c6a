/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/limits/resources.h - conversions of limits; for the tests
 */
#pragma once

#include <stdint.h>

/*
 * cpu.shares of v1 as cpu.weight of v2: ceil(10^((l^2 + 125 l) / 612 - 7 / 34)), l = log2(shares),
 * between 1 and 10000; 2 is 1, 1024 is 100, 262144 is 10000.
 */
unsigned resources_cpu_weight(uint64_t shares);
