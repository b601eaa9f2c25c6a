/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/process/scheduler.h - the operands of sched_setattr(2)
 */
#pragma once

#include "kernel/process.h"
#include "plan/plan.h"

struct sys_sched_attr scheduler_attributes(const struct scheduler_step *o);
