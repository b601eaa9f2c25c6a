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
 * A shell in ./rootfs. @rootless: one that user @uid with group @gid can run, with a user namespace
 * and nothing that takes the host's root. @cgroup_v2: with a cgroup namespace, which shows v2
 * sensibly.
 */
const struct oci_config *spec_default(struct arena *a, bool rootless, uid_t uid, gid_t gid,
				      bool cgroup_v2);
