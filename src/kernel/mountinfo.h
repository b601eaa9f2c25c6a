/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/mountinfo.h - the list of mounts, line by line: proc_pid_mountinfo(5)
 */
#pragma once

#include "kernel/sys.h"

#include <linux/limits.h>

/*
 * @fd: an open mountinfo file; all other members are 0 at first. To read the file again, seek to 0
 * and clear these members.
 */
struct mountinfo {
	int fd;
	size_t at, filled;
	char buffer[4096];
};

#define MOUNTINFO_TYPE 32

struct mountinfo_line {
	unsigned long long id, parent; /* of this mount, and of the mount that it is mounted on */
	bool whole;		       /* its root is the root of the file system */
	char point[PATH_MAX];	       /* where it is, seen from our root */
	char type[MOUNTINFO_TYPE];     /* of the file system, cut where that is longer */
};

/* 1 with @line filled, 0 at the end, or -errno. */
int mountinfo_next(struct mountinfo *m, struct mountinfo_line *line);
