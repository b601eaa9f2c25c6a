/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/process/scheduler.h - the operands of sched_setattr(2)
 */
#pragma once

#include "kernel/process.h"
#include "plan/plan.h"

/* "SCHED_OTHER"; NULL: no policy that config.json can name. */
const char *scheduler_policy_name(uint32_t policy);

/* "IOPRIO_CLASS_BE"; NULL: likewise. */
const char *io_priority_class_name(int class);

struct sys_sched_attr scheduler_attributes(const struct scheduler_step *o);
