/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * heap/output_file.h - files that tare's caller names: --log, --pid-file, those of `box`
 *
 * Root may write them where other users can write. So as root of the first user namespace tare
 * follows no link, and writes to no directory that others may write to. A sticky directory like
 * /tmp is allowed: there others can't remove our file, and a file of theirs is refused.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <sys/types.h>

/*
 * Open the directory of @path, to make or replace the file *@name in it: a descriptor, or -1. @what
 * names the path in errors: "log file".
 */
int output_directory(const char *path, const char *what, const char **name, struct err *e);

/*
 * Is @name in @dir there, and a device, a FIFO, a socket, or a link that leads to a descriptor of
 * ours? Such a file is written to, and never replaced: a rename to /dev/null would take it from the
 * whole host.
 */
bool output_is_special(int dir, const char *name);

/*
 * Open @path to append to it, made with @mode where it is missing: a descriptor, or -1. Does not
 * block: a FIFO without a reader is an error. /dev/stderr, /dev/fd/N and other links into
 * /proc/self/fd lead to our descriptors.
 */
int output_open(const char *path, const char *what, mode_t mode, struct err *e);

/* As output_open(), but a regular file is truncated. */
int output_replace(const char *path, const char *what, mode_t mode, struct err *e);
