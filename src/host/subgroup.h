/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/subgroup.h - which of a container's cgroups an exec'd process goes to
 */
#pragma once

#include "base/err.h"
#include "heap/arena.h"
#include "state/record.h"

struct exec_target;

/* The cgroups of an exec, without or with some --cgroup [CTRL[,CTRL]:]PATH. What is in @t, in @a. */
int subgroup_choose(struct exec_target *t, const struct record *rec, const char *const *words,
		    struct arena *a, struct err *e);

/* Open the v2 cgroup below @dir that @pid is in: a descriptor, -ENOENT where it is not below, or -errno. */
int subgroup_of_process(const char *dir, pid_t pid);
