/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/mounts/path_text.h - paths as text
 *
 * For decisions about the text of config.json, not about files: links are followed when a step is
 * performed, with the rootfs as the root.
 */
#pragma once

#include "heap/arena.h"

/* @path from "/" on, without "//", "." and "..". */
const char *path_clean(struct arena *a, const char *path);

/* @path itself where it is absolute, else below @base. */
const char *path_absolute(struct arena *a, const char *base, const char *path);
