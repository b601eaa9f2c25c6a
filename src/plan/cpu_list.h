/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/cpu_list.h - lists of processors: "0-3,7"
 *
 * As the kernel writes them (Documentation/admin-guide/kernel-parameters, "cpu lists"), without its
 * strides.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* More than any kernel is built for (NR_CPUS of x86 with MAXSMP). */
#define CPU_LIST_MOST 8192

struct cpu_set {
	uint64_t words[CPU_LIST_MOST / 64];
};

/*
 * Read @text, which may be empty and may have blanks beside its commas. 0 with @set filled; or -1,
 * and *@fault is a constant text with the reason, to stand behind "... ".
 */
int cpu_list_parse(const char *text, struct cpu_set *set, const char **fault);
