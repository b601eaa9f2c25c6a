/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup/path.h - files of a cgroup directory; for the files of cgroup/ only
 *
 * cgroup file systems have no symbolic links, so a path without `..` leads where it says.
 */
#pragma once

#include "base/fmt.h"
#include "kernel/sys.h"

/* 0 where @path is absolute and without `..`; -EINVAL. */
int cgroup_check_path(const char *path);

/* Open @file of @dir; -ENAMETOOLONG. @dir is checked. */
int cgroup_open_file(const char *dir, const char *file, int flags);

/* The directory itself. */
int cgroup_open_dir(const char *dir);

/* Read @file of @dir: the length of the text, which is NUL-terminated and cut at @size; or -errno.
 */
ssize_t cgroup_read(const char *dir, const char *file, char *buf, size_t size);

/* Write @value to @file of @dir: 0, or -errno. */
int cgroup_put(const char *dir, const char *file, const char *value);

/* The number behind `@key ` in a file like cgroup.events; -1 without such a line. */
int cgroup_event(const char *text, const char *key);
