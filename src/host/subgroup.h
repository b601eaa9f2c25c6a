/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/subgroup.h - the cgroup for an exec'd process
 */
#pragma once

#include "base/err.h"
#include "heap/arena.h"
#include "state/record.h"

struct exec_target;

/* Fill in the cgroups of @t for an exec, with or without --cgroup [CTRL[,CTRL]:]PATH. In @a. */
int subgroup_choose(struct exec_target *t, const struct record *rec, const char *const *words,
		    struct arena *a, struct err *e);
