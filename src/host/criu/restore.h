/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/criu/restore.h - restore: a saved container instead of a new one
 */
#pragma once

#include "host/create/create.h"

/*
 * create_perform() of a restore: the plan is that of `run`, of which tare performs its own steps,
 * and CRIU does what tare-init would. On success @c->pid is the container's first process, a child
 * of ours, which runs. 0, or -1.
 */
int restore_perform(struct create *c, struct err *e);

/*
 * Those of the first process that are not in the plan: CRIU restores clocks into a time namespace.
 */
uint64_t restore_namespaces(pid_t pid);

/* ---- hooks.c ---- */

/* OP_RUN_HOOK, in the namespaces of the first process, which is there. 0, or -1. */
int restore_run_hook(const struct create *c, const struct step *s, struct err *e);
