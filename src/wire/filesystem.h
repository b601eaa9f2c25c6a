/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wire/filesystem.h - a new filesystem as a mount step describes it, on either half
 *
 * tare-init makes those of its own namespaces; tare the ones whose owners have to be mapped.
 */
#pragma once

#include "base/err.h"
#include "plan/plan.h"

/*
 * Made, with @m's attributes but for the recursive ones, and detached: the descriptor, or -1.
 * @pids: a procfs shows this pid namespace, where sys_proc_takes_pids(); -1: that of the caller.
 * Where the newer calls are refused it takes a mount namespace of its own (sys_allow_stage()).
 */
int filesystem_make(const struct mount_step *m, int pids, struct err *e);

/* The same by the newer calls alone, Linux 5.2: to be handed to tare-init, and sys_take_tree(). */
int filesystem_make_detached(const struct mount_step *m, int pids, struct err *e);

/* Change the options of the filesystem that is mounted at @mount. */
int filesystem_reconfigure(int mount, const struct mount_step *m, struct err *e);
