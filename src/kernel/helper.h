/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/helper.h - tare's helper programs: where they are, and what they are asked
 *
 * A helper (tare-systemd, tare-criu) links what tare does not want to link. It is where it was
 * installed, or else beside our own executable, as in a build directory; no variable says where.
 */
#pragma once

#include <stddef.h>

/*
 * In a helper: the whole of its standard input, a file, with a NUL behind. NULL: it can't be read, or
 * is too large. *@size: its bytes. The caller frees it.
 */
char *helper_read_input(size_t *size);

/* In tare: the path of @name, which may be executed; @installed is tried first. 0, or -errno. */
int helper_find(const char *name, const char *installed, char *path, size_t size);
