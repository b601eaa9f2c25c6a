/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/namespaces/identity.h - may the container change what a namespace of this type holds?
 */
#pragma once

#include "plan/planner.h"

/*
 * @type (a CLONE_NEW*) is new for the container, or joined and not the one tare itself is in: what
 * is set in it does not touch the host.
 */
bool plan_has_own_namespace(const struct planner *p, uint64_t type);
