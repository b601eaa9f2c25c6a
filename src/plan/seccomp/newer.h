/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/seccomp/newer.h - system calls that are younger than the profile
 */
#pragma once

#include "plan/seccomp/profile.h"

#include <seccomp.h>

/*
 * Put in front of @program, compiled from @config by @filter: what is newer than all the calls that @config names, for
 * each architecture of @filter, gets ENOSYS.
 */
void seccomp_newer_add(struct seccomp_program *program, scmp_filter_ctx filter,
		       const struct oci_linux_seccomp *config, struct arena *a);
