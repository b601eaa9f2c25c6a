/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/advice.h - why a step may have failed, for who reads the error
 */
#pragma once

#include "base/err.h"
#include "plan/plan.h"

struct create;

/* The step @s failed, also inside, with @e: add a hint where one helps and none is there. -1 */
int step_advise(const struct create *c, const struct step *s, struct err *e);

/*
 * tare-init was @killed, or ended without a word: the place and the value of the memory limit that
 * may be why. Without a limit @killed alone gets a hint. -1
 */
int memory_advise(const struct plan *plan, bool killed, struct err *e);
