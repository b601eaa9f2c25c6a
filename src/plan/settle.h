/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/settle.h - the end of planning: all pointers of the plan lead into the arena
 */
#pragma once

#include "plan/planner.h"

/*
 * Copy into the arena all that steps point to elsewhere, such as literals and static lists of tare:
 * tare-init does not have them at these addresses.
 */
void plan_settle(struct planner *p);
