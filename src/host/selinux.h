/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/selinux.h - labels are looked up in the policy before the first side effect
 */
#pragma once

#include "plan/planner.h"

/*
 * Ask tare-selinux about the labels of @config, if SELinux is in force and @config has labels. The
 * answer is put into @facts: `selinux`, and the first label that the policy does not know. Without
 * tare-selinux, or without its answer, the kernel refuses such a label when it is set.
 */
void selinux_ask(struct facts *facts, const struct oci_config *config, struct arena *a);
