/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * state/unreaped.h - who keeps a dead process from going
 */
#pragma once

#include "base/err.h"

#include <sys/types.h>

/*
 * A pid namespace ends only when all in it are waited for, also by parents and tracers outside (pid_namespaces(7)). Where
 * a dead process of the namespace of @init still waits for that, put both into @e, whose text is behind them then, and
 * what helps into its hint. Else @e stays as it is. Always -1.
 */
int unreaped_tell(pid_t init, struct err *e);

/* The same about @pid alone, which has ended. */
int unreaped_tell_one(pid_t pid, struct err *e);
