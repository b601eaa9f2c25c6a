/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/mounts/path_text.h - paths as text
 *
 * For decisions about what config.json says, not about what is there: links are looked at
 * when a step is performed, with the rootfs as root.
 */
#pragma once

#include "heap/arena.h"

/* @path from "/" on, without "//", "." and "..". */
const char *path_clean(struct arena *a, const char *path);

/* @path itself where it is absolute, else below @base. */
const char *path_absolute(struct arena *a, const char *base, const char *path);
