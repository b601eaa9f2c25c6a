/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/list.h - containers as a table
 */
#pragma once

#include "cli/containers.h"

/*
 * `ID PID STATUS BUNDLE CREATED OWNER` and a line each; columns are at least 12 wide, with
 * 3 blanks between them (the form of Go's tabwriter as runc sets it).
 */
void list_print_table(struct out *out, const struct container *containers, size_t count,
		      struct arena *a);
