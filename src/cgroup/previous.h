/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup/previous.h - what a file of a cgroup held before it was written, to be written back
 */
#pragma once

#include "base/err.h"
#include "heap/arena.h"

struct previous {
	const char *file;
	const char *value; /* NULL: there is none, or nobody can read it */
	const char *weight_file;
	const char *weight; /* beside cpu.idle: the weight that it overrules; NULL: none */
};

/*
 * What will undo writing @value to @file of @dir. Where a file has a line for each device it is that
 * of the device which @value begins with, or what takes the line away again. In @a. 0, also where the
 * file is not there or nobody can read it; or -1: it could not be read now, and should not be written.
 */
int previous_read(struct previous *f, const char *dir, const char *file, const char *value,
		  struct arena *a, struct err *e);

/* Write it back: 0, or -errno; then the file may hold either. */
int previous_restore(const struct previous *f, const char *dir);
