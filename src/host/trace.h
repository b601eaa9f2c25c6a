/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/trace.h - --debug: each step, as it is done
 */
#pragma once

#include "plan/plan.h"

struct wire_message;

/* A step of ours is done, and took so many microseconds. */
void trace_step(const struct plan *plan, size_t index, int64_t us);

/* tare-init says so of one of its. @plan: NULL where it is not at hand. */
void trace_inside(const struct plan *plan, const struct wire_message *m);
