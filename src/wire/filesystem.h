/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wire/filesystem.h - make the filesystem of a mount step, in tare or tare-init
 *
 * tare-init makes the filesystems of its own namespaces; tare makes those whose owners have to be
 * mapped.
 */
#pragma once

#include "base/err.h"
#include "plan/plan.h"

/*
 * Make a filesystem, detached, with @m's attributes but for the recursive ones: the descriptor, or
 * -1. @pids: a procfs shows this pid namespace, where sys_proc_takes_pids(); -1: the caller's.
 * Where fsopen(2) is refused this takes a mount namespace of its own (sys_allow_stage()).
 */
int filesystem_make(const struct mount_step *m, int pids, struct err *e);

/*
 * As filesystem_make(), by fsopen(2) alone, Linux 5.2: the descriptor can be sent to tare-init, for
 * sys_take_tree().
 */
int filesystem_make_detached(const struct mount_step *m, int pids, struct err *e);

/* By mount(2) alone, with these MS_* flags and mount attributes in place of @m's. */
int filesystem_make_at_once(const struct mount_step *m, unsigned long flags, uint64_t attrs,
			    struct err *e);

/* Change the options of the filesystem that is mounted at @mount. */
int filesystem_reconfigure(int mount, const struct mount_step *m, struct err *e);
