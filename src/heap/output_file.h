/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * heap/output_file.h - files that who calls us has written: --log, --pid-file, those of `box`
 *
 * Root writes them where others may be, too. So as root of the first user namespace nothing goes
 * through a link, and nothing into a directory that others may write to. With the sticky bit, as in
 * /tmp, it may: there nobody takes away what is ours, and what others have put there is refused.
 */
#pragma once

#include "base/err.h"

#include <sys/types.h>

/*
 * Open the directory of @path to make or replace the file *@name in it: a descriptor, or -1. @what
 * is what the path is called, for the error: "log file".
 */
int output_directory(const char *path, const char *what, const char **name, struct err *e);

/*
 * Open @path to append to, made with @mode if it isn't there: a descriptor, or -1. Nobody is waited
 * for: a FIFO that nobody reads is an error. /dev/stderr and the like, links into /proc/self/fd,
 * are what they lead to.
 */
int output_open(const char *path, const char *what, mode_t mode, struct err *e);

/* The same, and what a regular file had is gone. */
int output_replace(const char *path, const char *what, mode_t mode, struct err *e);
