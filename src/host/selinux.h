/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/selinux.h - labels are looked up in the policy before anything is done
 */
#pragma once

#include "plan/planner.h"

/*
 * Ask tare-selinux for the labels of @config, where SELinux is in force and there are some, and put
 * the answer into @facts: `selinux`, and the first label that the policy does not know. Without
 * tare-selinux, or its answer, the kernel reports such a label when it is set.
 */
void selinux_ask(struct facts *facts, const struct oci_config *config, struct arena *a);
