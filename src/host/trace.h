/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/trace.h - --debug: each step, as it is done
 */
#pragma once

#include "plan/plan.h"

struct wire_message;

/* Log a step of tare, which took @us microseconds. */
void trace_step(const struct plan *plan, size_t index, int64_t us);

/* Log a step of tare-init from its message. @plan: NULL where the caller has none. */
void trace_inside(const struct plan *plan, const struct wire_message *m);
