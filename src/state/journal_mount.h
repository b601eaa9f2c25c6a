/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * state/journal_mount.h - the mount on the rootfs in an inherited mount namespace
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

/* Describe the directory, without the path. 0, or -errno. */
int journal_mount_describe(int directory, struct mount_entry *m);

/* Unmount it, with all that is mounted below it, if it is still mounted. 0, or -1. */
int journal_mount_undo(const struct mount_entry *m, struct err *e);
