/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/criu/restore.h - restore: a saved container instead of a new one
 */
#pragma once

#include "host/create/create.h"

/*
 * create_perform() of a restore: the plan is that of `run`. tare performs its own steps of the
 * plan, and CRIU takes the place of tare-init. On success @c->pid is the container's first process,
 * a running child of ours. 0, or -1.
 */
int restore_perform(struct create *c, struct err *e);

/*
 * Namespaces of the first process that the plan lacks: CRIU restores clocks into a time namespace.
 */
uint64_t restore_namespaces(pid_t pid);

/* ---- inner.c ---- */

/* Perform OP_RUN_HOOK in the namespaces of the first process, which exists. 0, or -1. */
int restore_run_hook(const struct create *c, const struct step *s, struct err *e);

/*
 * Make masked files and bound devices read-only mounts, as create does. All processes exist. 0, or
 * -1.
 */
int restore_protect_nodes(const struct create *c, struct err *e);
