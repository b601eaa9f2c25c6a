/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup/advice.h - what the kernel means when it refuses a cgroup
 *
 * Each adds a hint to the failure @e, which err_sys() told, where one helps; a hint that is there stays. Only
 * reads, runs in tare. All return -1.
 */
#pragma once

#include "base/err.h"
#include "cgroup/cgroup.h"

/* To write to @file of @dir failed. */
int cgroup_advise_file(const char *dir, const char *file, struct err *e);

/* To make a cgroup failed. */
int cgroup_advise_make(struct err *e);

/* To move a process into @dir failed. */
int cgroup_advise_join(const char *dir, struct err *e);
