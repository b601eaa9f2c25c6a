/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/process/rlimits.h - the names of resource limits: config.md#posix-process, getrlimit(2)
 */
#pragma once

#define RLIMIT_NAMES 16

extern const struct rlimit_name {
	const char *name;
	int resource; /* RLIMIT_* */
} rlimit_names[RLIMIT_NAMES];
