/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup/freezer.h - stopping all processes of one cgroup; for the files of cgroup/ only
 */
#pragma once

#include <stdbool.h>

/* False where there is no freezer, or the cgroup is not frozen within @timeout_ms. */
bool freezer_freeze(const char *dir, int timeout_ms);

/* Ask the kernel to thaw @dir, which may take a moment. */
void freezer_thaw(const char *dir);

/*
 * Wait for the next change of @dir's cgroup.events, or for *@nap milliseconds, which grows;
 * returns how long that was at most. *@nap begins with 1.
 */
int freezer_wait(const char *dir, int *nap);
