/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/seccomp/newer.h - system calls that are newer than the profile
 */
#pragma once

#include "plan/seccomp/profile.h"

#include <seccomp.h>

/*
 * Put instructions in front of @program, which @filter compiled from @config: for each architecture
 * of @filter, calls with a higher number than all that @config names get ENOSYS.
 */
void seccomp_newer_add(struct seccomp_program *program, scmp_filter_ctx filter,
		       const struct oci_linux_seccomp *config, struct arena *a);
