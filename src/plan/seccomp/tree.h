/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/seccomp/tree.h - the same filter, as a search tree
 */
#pragma once

#include "plan/seccomp/profile.h"

/*
 * Replace @program by an equivalent one that searches for the number among ranges with the same
 * outcome; it is usually shorter. Memory: @a. A program that this code does not understand stays as
 * it is.
 */
void seccomp_make_tree(struct seccomp_program *program, struct arena *a);
