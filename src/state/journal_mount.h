/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * state/journal_mount.h - what is mounted for a container in a mount namespace that it inherits
 */
#pragma once

#include "base/err.h"

#include <stdint.h>

struct mount_entry {
	uint64_t namespace; /* inode number of the mount namespace */
	uint64_t id;	    /* of the mount that is covered */
	uint64_t device, inode;
	const char *path; /* absolute; NULL: nothing was mounted */
};

/* All but the path, of the directory that is open. 0, or -errno. */
int journal_mount_describe(int directory, struct mount_entry *m);

/* Unmount it, with all that is mounted below it, if it is there. 0, or -1. */
int journal_mount_undo(const struct mount_entry *m, struct err *e);
