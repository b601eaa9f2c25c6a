/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * state/unreaped.h - the process that must reap a zombie
 */
#pragma once

#include "base/err.h"

#include <sys/types.h>

/*
 * A pid namespace ends only when all its processes are reaped, also by parents and tracers outside
 * of it (pid_namespaces(7)). If a dead process in the namespace of @init is still to be reaped, put
 * the process and its parent or tracer in front of @e's text, and a remedy into its hint; else @e
 * is unchanged. Always -1.
 */
int unreaped_explain(pid_t init, struct err *e);

/* As unreaped_explain(), for the ended process @pid alone. */
int unreaped_explain_one(pid_t pid, struct err *e);
