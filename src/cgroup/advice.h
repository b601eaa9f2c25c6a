/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup/advice.h - hints for refusals of the kernel in a cgroup
 *
 * Each function adds a hint to the failure @e of err_sys(), where one helps and @e has none. They
 * only read, run in tare, and return -1.
 */
#pragma once

#include "base/err.h"
#include "cgroup/cgroup.h"

/* Writing @file of @dir failed. */
int cgroup_advise_file(const char *dir, const char *file, struct err *e);

/* Has this kernel no huge pages of the size in @file, "hugetlb.3MB.max"? */
bool cgroup_lacks_page_size(const char *file);

/* Making a cgroup failed. */
int cgroup_advise_make(struct err *e);

/* Moving a process into @dir failed. */
int cgroup_advise_join(const char *dir, struct err *e);
