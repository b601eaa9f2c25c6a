/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup/former.h - what a file of a cgroup held before it was written, to be written back
 */
#pragma once

#include "heap/arena.h"

struct former {
	const char *file;
	const char *value; /* NULL: there is none, or it can't be read */
	const char *weight_file;
	const char *weight; /* beside cpu.idle: the weight that it overrules; NULL: none */
};

/*
 * What will undo writing @value to @file of @dir. Where a file has a line for each device it is that
 * of the device which @value begins with, or what takes the line away again. In @a.
 */
void former_read(struct former *f, const char *dir, const char *file, const char *value,
		 struct arena *a);

/* Write it back; what is refused stays, for there is nothing left to be done about it. */
void former_restore(const struct former *f, const char *dir);
