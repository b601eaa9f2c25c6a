/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/namespaces/identity.h - is a setting of a namespace the container's own?
 */
#pragma once

#include "plan/planner.h"

/*
 * Is the namespace of @type (CLONE_NEW*) new for the container, or a joined one that tare itself is
 * not in? Then a setting in it does not change the host.
 */
bool plan_has_own_namespace(const struct planner *p, uint64_t type);

/* CLONE_NEW* of the namespace that has the sysctl @key (with slashes); 0: none has it. */
uint64_t sysctl_namespace(const char *key);
