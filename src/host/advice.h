/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/advice.h - why a step may have failed, as a hint for the user
 */
#pragma once

#include "base/err.h"
#include "plan/plan.h"

struct create;

/*
 * The step @s of tare or tare-init failed with @e: add a hint where one helps and @e has none.
 * Returns -1.
 */
int step_advise(const struct create *c, const struct step *s, struct err *e);

/*
 * tare-init was @killed, or ended without a message: put the memory limit that may be the reason,
 * and its place, into @e. Without a limit only @killed gets a hint. Returns -1.
 */
int memory_advise(const struct plan *plan, bool killed, struct err *e);
