/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup/previous.h - the value of a cgroup's file before it was written
 */
#pragma once

#include "base/err.h"
#include "heap/arena.h"

struct previous {
	const char *file;
	const char *value; /* NULL: there was none, or it can't be read */
	const char *weight_file;
	const char *weight; /* with cpu.idle: the weight, which it overrides; NULL: none */
};

/*
 * Read the value that will undo writing @value to @file of @dir. In a file with a line for each
 * device, it is the old line of the device that @value begins with, or the text that removes that
 * line. In @a. 0, also where the file is missing or can never be read; or -1: it could not be read
 * now, and must not be written.
 */
int previous_read(struct previous *f, const char *dir, const char *file, const char *value,
		  struct arena *a, struct err *e);

/* Write the value back: 0, or -errno; then the file may have either value. */
int previous_restore(const struct previous *f, const char *dir);
