/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/seccomp/tree.h - the same filter, as a search
 */
#pragma once

#include "plan/seccomp/profile.h"

/*
 * Replace @program by one that gives the same result for every call, and searches for the number among ranges of the same
 * outcome: as a rule it is shorter. Memory: @a. What it does not understand it leaves alone.
 */
void seccomp_make_tree(struct seccomp_program *program, struct arena *a);
