/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/spec_default.h - the config.json that `spec` writes
 */
#pragma once

#include "heap/arena.h"

#include <stdbool.h>
#include <sys/types.h>

struct oci_config;

/*
 * A config that runs a shell in ./rootfs. @rootless: for user @uid with group @gid, with a user
 * namespace and without what takes the host's root. @cgroup_v2: with a cgroup namespace, in which
 * v2 shows only the container's own cgroup.
 */
const struct oci_config *spec_default(struct arena *a, bool rootless, uid_t uid, gid_t gid,
				      bool cgroup_v2);
