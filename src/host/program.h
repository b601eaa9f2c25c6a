/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/program.h - programs of the host that tare starts
 */
#pragma once

#include "heap/arena.h"

/* An executable file @name in the PATH of @env: its path, in @a; NULL: there is none. */
const char *find_program(const char *name, const char *const *env, struct arena *a);
