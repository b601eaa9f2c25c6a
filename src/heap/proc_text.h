/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * heap/proc_text.h - the whole text of a procfs file that may be long
 */
#pragma once

#include "base/err.h"
#include "heap/arena.h"

/*
 * Read @path, at most 64 MiB: *@text gets it, with a NUL, in @a; NULL where there is no such file.
 * 0, or -1.
 */
int proc_text_read(const char *path, struct arena *a, char **text, struct err *e);
