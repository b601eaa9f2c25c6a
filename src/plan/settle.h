/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/settle.h - the last act of planning: nothing in the plan points out of the arena
 */
#pragma once

#include "plan/planner.h"

/*
 * Copy into the arena whatever the steps point at elsewhere: literals and static lists of tare, which at these
 * addresses tare-init does not have.
 */
void plan_settle(struct planner *p);
